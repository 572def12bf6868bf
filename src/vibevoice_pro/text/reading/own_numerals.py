"""Ordinals, Roman numerals and the like that the grammar of a language lacks or reads otherwise."""

from __future__ import annotations

import re

from vibevoice_pro.text.reading import roman
from vibevoice_pro.text.reading.numerals import cardinal, each, ordinal, year
from vibevoice_pro.text.reading.rules import Readings, after, before

GERMAN, FRENCH, SPANISH, ITALIAN, PORTUGUESE = (Readings() for _ in range(5))
JAPANESE = Readings(apart=False)

OWN_NUMERALS = {
    "de": GERMAN, "fr": FRENCH, "es": SPANISH, "it": ITALIAN, "pt": PORTUGUESE, "ja": JAPANESE,
}  # fmt: skip

_ROMAN = rf"(?=[IVX])({roman.NUMERAL})"


def _is_woman(name: str) -> bool:
    return name.endswith("a") or name in {"Isabel", "Elisabeth", "Élisabeth", "Catherine"}


# --- German -----------------------------------------------------------------------------------

_WEAK = re.compile(
    r"\b(?:am|vom|zum|dem|den|im|des|ab|bis|seit|beim|einen|zur)(?: \d{1,9}\. (?:bis|und))? $", re.I
)
_ARTICLE = re.compile(r"\b(?:der|die|das|jede|diese) $", re.I)
_MONTH = re.compile(r" (?:Jan|Feb|März|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)", re.I)


@GERMAN.of(roman.REGNAL)
def _german_king(m: re.Match[str]) -> str:
    name, number = m[1] or m[2], roman.value(m[3])
    nth = ordinal(number, "de")
    return f"{name} {'die' if _is_woman(name) else 'der'} {nth.capitalize()}" if nth else m.group()


_MONTHS = (
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
)


@GERMAN.of(r"(?<![\w./-])([0-3]?\d)\. ?([01]?\d)\. ?((?:1[1-9]|20)\d\d)(?![\w/-]|\.\d)")
def _german_date(m: re.Match[str]) -> str:
    month = int(m[2])
    return f"{int(m[1])}. {_MONTHS[month - 1]} {m[3]}" if 1 <= month <= 12 else m.group()


@GERMAN.of(rf"(?<!\w){_ROMAN}\.(?= (?:Jahrhundert|Kapitel|Akt))")
def _german_century(m: re.Match[str]) -> str:
    return f"{roman.value(m[1])}."


@GERMAN.of(r"(?<![\w.,:/-])(\d{1,9})(?:\.(?= [A-Za-zÄÖÜäöü]|$)|(?:ste|te)([mnrs]?)(?!\w))")
def _german_ordinal(m: re.Match[str]) -> str:
    """`der 2. Platz`, `am 5. Mai`; what stands before tells its form, or that a sentence ends."""
    behind, ahead = before(m), after(m)
    form = "r"
    if m[2] is not None:
        form = m[2]
    elif _WEAK.search(behind):
        form = "n"
    elif _ARTICLE.search(behind):
        form = ""
    elif behind.strip() and not _MONTH.match(ahead) and not re.match(" [a-zäöü]", ahead):
        return cardinal(m[1], "de") + "."
    ends = "." if behind.strip() and not ahead else ""
    return (ordinal(int(m[1]), "de", form) or m[1]) + ends


@GERMAN.of(
    r"\b((?:Jahr|Jahre|Jahren|seit|anno|Jan|Feb|Apr|Ju[nl]|"
    rf"{'|'.join(_MONTHS)}) )"
    r"(1[1-9]\d\d)(?![\w-]|[.,:/]\d| ?[%€$°])",
    re.I,
)
def _german_year(m: re.Match[str]) -> str:
    return m[1] + year(int(m[2]), "de")


_ONES = "(?:ein|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun)"
_TENS = "(?:(?:zwan|vier|fünf|sech|sieb|acht|neun)zig|dreißig)"
_TEENS = "(?:(?:drei|vier|fünf|sech|sieb|acht|neun)?zehn|elf|zwölf)"
_HUNDRED = rf"(?:(?:{_ONES} und )?{_TENS}|{_TEENS}|{_ONES})"
_THOUSAND = rf"(?:{_ONES} hundert(?: {_HUNDRED})?)"
_IN_WORDS = re.compile(
    rf"\b(?:(?:{_THOUSAND}|{_HUNDRED}) tausend(?: (?:{_THOUSAND}|{_HUNDRED}))?"
    rf"|{_THOUSAND}|{_ONES} und {_TENS})(?=(?:(?:s?te)[mnrs]?)?\b)"
)


def join_german(words: str) -> str:
    """`fünf und zwanzig`, as the grammar writes it, in one word."""
    return _IN_WORDS.sub(lambda m: m.group().replace(" ", ""), words)


# --- French, Spanish, Italian, Portuguese -----------------------------------------------------


@FRENCH.of(roman.REGNAL)
def _french_king(m: re.Match[str]) -> str:
    name, number = m[1] or m[2], roman.value(m[3])
    if number == 1:
        return f"{name} {'première' if _is_woman(name) else 'premier'}"
    return f"{name} {number}" if number else m.group()


@FRENCH.of(r"(?<![\w,.])1(?:re|ère)(?!\w)")
def _french_first(m: re.Match[str]) -> str:
    return "première"


@FRENCH.of(rf"(?<!\w){_ROMAN}(?:e|ᵉ|ème|è)s?(?!\w)")
def _french_century(m: re.Match[str]) -> str:
    return f"{roman.value(m[1])}e"


@SPANISH.of(roman.REGNAL)
def _spanish_king(m: re.Match[str]) -> str:
    return _king(m, "es")


@PORTUGUESE.of(roman.REGNAL)
def _portuguese_king(m: re.Match[str]) -> str:
    return _king(m, "pt")


def _king(m: re.Match[str], language: str) -> str:
    """Ordinals up to ten."""
    name, number = m[1] or m[2], roman.value(m[3])
    if 0 < number <= 10:
        return f"{name} {ordinal(number, language, 'f' if _is_woman(name) else '')}"
    return f"{name} {number}" if number else m.group()


@SPANISH.of(r"\b([Ss]iglo|[Aa]ño) ([ivxlcdm]{1,12})(?!\w)")
def _small_numeral(m: re.Match[str]) -> str:
    return f"{m[1]} {m[2].upper()}"  # as the grammar knows it


@PORTUGUESE.of(rf"(?<=[Ss]éculo ){_ROMAN}(?!\w)")
def _portuguese_century(m: re.Match[str]) -> str:
    number = roman.value(m[1])
    return (number < 10 and ordinal(number, "pt")) or str(number)


@ITALIAN.of(roman.REGNAL)
def _italian_king(m: re.Match[str]) -> str:
    name, number = m[1] or m[2], roman.value(m[3])
    nth = ordinal(number, "it", "f" if _is_woman(name) and name not in {"Papa", "Nicola"} else "")
    return f"{name} {nth}" if number else m.group()


@ITALIAN.of(rf"(?<!\w){_ROMAN}(?= secolo)|(?<=[Ss]ecolo ){_ROMAN}(?!\w)")
def _italian_century(m: re.Match[str]) -> str:
    return ordinal(roman.value(m[1] or m[2]), "it") or m.group()


@ITALIAN.of(r"(?<![\w.,/])(\d{1,3})/(\d{1,2})(?![\w/]|[.,]\d)")
def _italian_fraction(m: re.Match[str]) -> str:
    """`3/4`: `3 quarti`."""
    part = {"0": "", "1": "", "2": "mezzo"}.get(m[2], ordinal(int(m[2]), "it"))
    if not part:
        return m.group()
    return f"un {part}" if m[1] == "1" else f"{m[1]} {part[:-1]}i"


@ITALIAN.of(r"(?<![\w.,])(\d{1,6})([º°ª])(?= [a-zà-ÿ]| ?$|[,;.)])")
def _italian_ordinal(m: re.Match[str]) -> str:
    return ordinal(int(m[1]), "it", "f" if m[2] == "ª" else "") or m.group()


# --- Japanese ---------------------------------------------------------------------------------


@JAPANESE.of(r"(?<![\d-])(0\d{1,4})-(\d{1,4})-(\d{3,4})(?![\d-])")
def _japanese_telephone(m: re.Match[str]) -> str:
    return " の ".join(" ".join(each(digit, "ja") for digit in part) for part in m.groups())
