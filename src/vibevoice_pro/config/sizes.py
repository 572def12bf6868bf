"""Memory sizes as an operator writes them."""

from __future__ import annotations

import re

from vibevoice_pro.errors import BadParameter

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


def parse_bytes(text: str) -> int:
    """`4500MB`, `2GiB` or a number of bytes.

    Raises:
        BadParameter: it is none of those, or not positive.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?I?)B?\s*", text.upper())
    size = round(float(match[1]) * _UNITS[match[2]]) if match and match[2] in _UNITS else 0
    if size <= 0:
        raise BadParameter(f"a memory size looks like 4500MB or 2GiB; got {text!r}")
    return size
