"""Numbers in words, by the rules that Unicode publishes for each language (CLDR).

Nothing here raises for a number of any length: what is too long for a name is read digit by digit.
"""

from __future__ import annotations

import functools

from unicode_rbnf import RbnfEngine

LONGEST = 15
"""Digits of the largest number that is read as one: hundreds of trillions."""

_YEARS = {"en", "de", "nl"}
"""Where 1999 as a year is not read as 1999 of anything."""

_EXCEPTIONS = {("ja", 0): "ゼロ", ("ko", 0): "영", ("zh", 0): "零", ("nl", 1): "één"}
"""Where the rules give a sign that has no sound, or a word that reads as an article."""

UNSPACED = {"ja", "ko", "zh"}
"""Written without spaces, or, in Korean, with none between a number and what it counts."""

_ORDINALS = {
    "": ("spellout-ordinal-masculine", "spellout-ordinal"),
    "f": ("spellout-ordinal-feminine",),
    **{ending: (f"spellout-ordinal-{ending}",) for ending in "nrsm"},
}


@functools.lru_cache(maxsize=16)
def _rules(language: str) -> RbnfEngine:
    return RbnfEngine.for_language(language)


@functools.lru_cache(maxsize=8192)
def _spell(number: int, language: str, rules: str) -> str:
    return _rules(language).format_number(number, ruleset_names=[rules]).text


def cardinal(digits: str, language: str = "en") -> str:
    """A whole number, given as ASCII digits: `forty-two`; with a leading zero digit by digit."""
    if len(digits) > LONGEST or (len(digits) > 1 and digits[0] == "0"):
        return each(digits, language)
    number = int(digits)
    return _EXCEPTIONS.get((language, number)) or _spell(number, language, "spellout-numbering")


def ordinal(number: int, language: str = "en", form: str = "") -> str | None:
    """`forty-second`; None where the language's rules have no such form.

    `form` is `f` for the feminine and `n` for the weak form in German.
    """
    for rules in _ORDINALS[form]:
        if rules in _rules(language).rulesets:
            return _spell(number, language, rules)
    return None


def year(number: int, language: str = "en") -> str:
    """A year: `nineteen ninety-nine`, `two thousand five`, `twenty twenty-four`."""
    if language in _YEARS and number >= 1000:
        return _spell(number, language, "spellout-numbering-year")
    return cardinal(str(number), language)


def each(digits: str, language: str = "en") -> str:
    """Digit by digit."""
    return ("" if language in UNSPACED else " ").join(cardinal(d, language) for d in digits)
