"""English: own readings first, the public grammars for what is left."""

from __future__ import annotations

import re

from vibevoice_pro.text.reading.addresses import ADDRESS, bare
from vibevoice_pro.text.reading.english_money import MONEY
from vibevoice_pro.text.reading.english_numbers import NUMBERS
from vibevoice_pro.text.reading.english_text import TEXT
from vibevoice_pro.text.reading.english_units import LEFT, MONTHS
from vibevoice_pro.text.reading.grammar import grammar
from vibevoice_pro.text.reading.rules import any_of

_SIGN = re.compile(r"[\d$%&@#+*=<>~^|\\/_¡-¿×÷Ͱ-Ͽ⁰-⯿]|[A-Za-z]{2}\.[a-z]{2}")
"""Where there is none of these, nothing is left to read."""

_HOLD = "\ue000"  # private use: `normalize` leaves none in a text


def read_english(text: str) -> str:
    """English text in words; an address is the grammar's alone, no other reading may change it."""
    held: list[str] = []

    def hold(m: re.Match[str]) -> str:
        address, end = bare(m.group())
        held.append(address)
        return _HOLD + end

    text = TEXT.apply(ADDRESS.sub(hold, text.replace(_HOLD, " ")))
    if _SIGN.search(text):
        text = NUMBERS.apply(MONEY.apply(text))
    if held:
        whole = iter(held)
        text = re.sub(_HOLD, lambda _: next(whole), text)
    if not _SIGN.search(text):
        return text
    return _LEFT.sub(_left, grammar("en").read(text, _SIGN, _settle))


_NAMES = "|".join(name.lower() for name in MONTHS.values())
_MONTH = re.compile(rf"\b(?:{_NAMES})\b(?= (?:\w+ )?\w+(?:st|nd|rd|th)\b)|(?<=\bof )(?:{_NAMES})\b")
_TWO_WORDS = re.compile(
    r"\b(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety) "
    r"(?=(?:one|two|three|four|five|six|seven|eight|nine"
    r"|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)\b)"
)
_CENTS = re.compile(r"\b((?:dollar|euro|pound)s?) ((?:[\w-]+ ){1,2}(?:cents?|pence|penny))\b")
_LEFT = re.compile(r"\d|" + any_of(LEFT))


def _settle(words: str) -> str:
    """What a grammar wrote, as Americans say and write it."""
    words = _CENTS.sub(r"\1 and \2", words).replace("wifi", "Wi-Fi")
    words = _TWO_WORDS.sub(r"\1-", words)
    return _MONTH.sub(lambda m: m.group().capitalize(), words)


def _left(m: re.Match[str]) -> str:
    """A digit or a sign that no reading has taken."""
    word = LEFT.get(m.group()) or grammar("en").normalize(m.group())
    return f" {word} "
