"""Texts made to take long: within the limits, but what a careless reader would choke on."""

from __future__ import annotations

PATTERNS = (
    "1-", "1", "M", "7%", "&", "a@", "ab-", "[a](", "a_b", "Ⅷ", "\N{GRINNING FACE}", " ",
    "state-of-the-art-of-the-", "SGVsbG8h", "http://a.b/c?d=e&f", "1,000,", "a.", "é\u0316",
    "½", "[", "₩1 ", "你", "Mm", "-\n",
)  # fmt: skip
"""Repeated without end: signs, digits and letters without a space, near-Markdown, marks on marks,
what is read as many words, what cannot be read at all."""


def hostile(chars: int, number: int) -> str:
    """`chars` characters of the pattern with this number, counted round and round."""
    pattern = PATTERNS[number % len(PATTERNS)]
    return (pattern * (chars // len(pattern) + 1))[:chars]
