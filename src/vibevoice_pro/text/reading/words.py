"""Write out numbers, signs and formulas as words, for a model that reads letters alone.

The VibeVoice model speaks tokens of plain text and stumbles at everything else. Works on one piece
of text at a time, after `normalize`.
"""

from __future__ import annotations

import unicodedata

from vibevoice_pro.text.reading.english_amounts import AMOUNTS
from vibevoice_pro.text.reading.english_dates import DATES
from vibevoice_pro.text.reading.other_numbers import WORDS, readings
from vibevoice_pro.text.reading.rules import tidy


def spoken(text: str, language: str) -> str:
    """Write out numbers, signs and formulas as a voice of `language` (e.g. `en-US`) says them."""
    code = language.lower().split("-")[0]
    if not text.isascii():
        text = "".join(map(_plain, text))
    if code == "en":
        words = AMOUNTS.apply(DATES.apply(text))
    elif code in WORDS:
        words = readings(code).apply(text)
    else:
        return text
    return text if words == text else tidy(words)


def _plain(char: str) -> str:
    """Digits of any script as ASCII, `½` as `1/2`, subscripts on the line; superscripts stay."""
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "No" and not unicodedata.decomposition(char).startswith("<super>"):
        plain = unicodedata.normalize("NFKC", char).replace("⁄", "/")
        return " " + plain if "/" in plain else plain
    return {"µ": "μ", "\u2010": "-", "\u2011": "-", "⁄": "/"}.get(char, char)
