"""English amounts of money as the public grammars read them: a sign, a number, `million`."""

from __future__ import annotations

import re

from vibevoice_pro.text.reading.english_units import CURRENCIES, SCALES, plural
from vibevoice_pro.text.reading.rules import NUMBER, Readings, any_of, before_number

MONEY = Readings()

_SIGNS = "$€£¥₹₩"
_NAMED = any_of(code for code in CURRENCIES if code not in _SIGNS)
_SCALE = any_of(SCALES)


@MONEY.of(rf"(?<=\b[Aa] )\$({NUMBER})(?: ?({_SCALE})(?!\w))? (?=[a-z])(?!(?:and|or|per|for|in) )")
def _attribute(m: re.Match[str]) -> str:
    """`a $5 bill`."""
    return f"{m[1]} {SCALES[m[2]] + ' ' if m[2] else ''}dollar "


@MONEY.of(rf"([{_SIGNS}])({NUMBER})(?: ?[–—] ?| to )\1?({NUMBER})(?: ?({_SCALE})(?!\w))?")
def _range(m: re.Match[str]) -> str:
    name = CURRENCIES[m[1]][0]
    scale = f" {SCALES[m[4]]}" if m[4] else ""
    return f"{m[2]} to {m[3]}{scale} {plural(name) if CURRENCIES[m[1]][1] else name}"


@MONEY.of(rf"{before_number(_NAMED)}({_NAMED}) ?({NUMBER})(?: ?({_SCALE})(?!\w))?")
def _named_before(m: re.Match[str]) -> str:
    return _amount(m[2], m[3], m[1])


@MONEY.of(rf"(?<![\w.,])({NUMBER})(?: ?({_SCALE}))? ?({_NAMED})(?!\w)")
def _named_after(m: re.Match[str]) -> str:
    return _amount(m[1], m[2], m[3])


def _amount(number: str, scale: str | None, code: str) -> str:
    name, cent = CURRENCIES[code]
    one = not cent or (number == "1" and not scale)
    return f"{number} {SCALES[scale] + ' ' if scale else ''}{name if one else plural(name)}"


@MONEY.of(rf"(?<![\w.,{_SIGNS}])({NUMBER})(?: ?({_SCALE}))? ?([{_SIGNS}])(?!\w|\d)")
def _sign_after(m: re.Match[str]) -> str:
    return f"{m[3]}{m[1]}{' ' + SCALES[m[2]] if m[2] else ''}"


@MONEY.of(rf"([{_SIGNS}]) ?({NUMBER}) ?({_SCALE})(?!\w)")
def _scaled(m: re.Match[str]) -> str:
    return f"{m[1]}{m[2]} {SCALES[m[3]]}"


@MONEY.of(rf"(?<=[{_SIGNS}])({NUMBER}) ?/ ?(?=[a-z]{{3,12}}\b)")
def _rate(m: re.Match[str]) -> str:
    """`$5/day`."""
    return f"{m[1]} per "


@MONEY.of(rf"({NUMBER}) ?¢")
def _cents(m: re.Match[str]) -> str:
    return f"{m[1]} cent{'s' * (m[1] != '1')}"
