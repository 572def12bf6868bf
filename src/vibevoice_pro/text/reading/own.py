"""Readings of our own before a grammar reads the rest, in other languages than English."""

from __future__ import annotations

import functools
import re
from functools import partial

from vibevoice_pro.text.reading import plain_numbers
from vibevoice_pro.text.reading.addresses import ADDRESS, say_address
from vibevoice_pro.text.reading.grammar import grammar
from vibevoice_pro.text.reading.numerals import UNSPACED, cardinal
from vibevoice_pro.text.reading.own_numerals import OWN_NUMERALS, join_german
from vibevoice_pro.text.reading.own_words import WORDS, Words
from vibevoice_pro.text.reading.rules import Readings, any_of

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_SCALE = r"(?: (?:[Mm]i(?:l[ijhl]|lj)|[Bb]il)[a-zéõó]{2,8})"


_SIGN = re.compile(r"[\d$€£¥₩%°@ºª]|\b[IVXLCM]+\b|\w\.\w")
"""What the grammars read."""

_LISTED = re.compile(r"((?:[,;:!?、。] ?)(?!\d)|[,;] )")
"""What does not belong together; several grammars would read a list of numbers as one."""


def read_other(text: str, language: str) -> str:
    """Text in a language other than English in words; as it is, if there are no rules for it."""
    if language in plain_numbers.WORDS:
        return plain_numbers.readings(language).apply(text)
    if language not in WORDS or not marked(language).search(text):
        return text
    text = readings(language).apply(text)
    settle = join_german if language == "de" else None
    parts = _LISTED.split(text)
    parts[::2] = (grammar(language).read(part, _SIGN, settle) for part in parts[::2])
    text = "".join(parts)
    return left(language).apply(text)


@functools.cache
def readings(language: str) -> Readings:
    """The readings that come before the grammar of a language in `WORDS`."""
    words, all_ = WORDS[language], Readings(apart=language not in UNSPACED)
    space = "" if language in UNSPACED else " "
    decimal, groups = re.escape(words.marks[0]), re.escape(words.marks[1:])
    number = rf"(?:\d{{1,3}}(?:[{groups}]\d{{3}}){{1,5}}(?!\d)|\d{{1,40}})(?:{decimal}\d{{1,40}})?"

    if words.abbreviations:

        @all_.of(rf"(?<![\w.@/])({any_of(words.abbreviations)})(?![\w@/])")
        def abbreviation(m: re.Match[str]) -> str:
            ends = m[1].endswith(".") and m.end() == len(m.string) and len(m.string) > len(m[1]) + 3
            return words.abbreviations[m[1]] + "." * ends

    if words.address:

        @all_.of(ADDRESS.pattern, ADDRESS.flags)
        def address(m: re.Match[str]) -> str:
            return say_address(m.group(), words.address, partial(cardinal, language=language))

    if language in OWN_NUMERALS:
        all_.include(OWN_NUMERALS[language])

    @all_.of(
        rf"(?<![\d{groups}{decimal}])\d{{1,3}}(?:[{groups}]\d{{3}}){{1,5}}(?![{groups}]?\d|[A-Za-zºª])"
    )
    def grouped(m: re.Match[str]) -> str:
        return re.sub(rf"[{groups}]", "", m.group())

    @all_.of(r"(?<![\w./-])(\d{4})-(\d\d)-(\d\d)(?:T(\d\d:\d\d)(?::\d\d)?Z?)?(?![\w-])")
    def iso_date(m: re.Match[str]) -> str:
        date = m.group()[:10] if language in UNSPACED else f"{m[3]}/{m[2]}/{m[1]}"
        if language == "de":
            date = date.replace("/", ".")
        return f"{date}, {m[4]}" if m[4] else date

    if words.months:

        @all_.of(r"(?<![\w./-])([0-3]?\d)([./-])([01]?\d)\2(\d{4})(?![\w/-])")
        def date(m: re.Match[str]) -> str:
            month = int(m[3])
            if not 1 <= month <= 12:
                return m.group()
            return f"{int(m[1])} {words.months[month - 1]} {m[4]}"

    if words.clock:
        minutes = "0[1-9]" if language == "it" else r"[0-5]\d"  # that grammar reads the others

        @all_.of(
            rf"(?<![\d:.,])([01]?\d|2[0-4])(?:[:h]({minutes})|h(?!\w))(?![\d:])(?: ?(?:Uhr|h)\b)?"
        )
        def clock(m: re.Match[str]) -> str:
            said, _, rest = words.clock.partition("|")
            if not int(m[2] or 0):
                return said.format(int(m[1]))
            return said.format(int(m[1])) + rest.format(int(m[2]))

    @all_.of(r"(?<=[\d%])( ?)[–—〜]\1(?=\d)|(?<=\d)~(?=\d)")
    def range_(m: re.Match[str]) -> str:
        return f"{space}{words.to}{space}"

    @all_.of(r"(?<![\d.,/+-])(\d{1,4})-(\d{1,4})(?![\d/-]|[.,]\d)")
    def hyphened(m: re.Match[str]) -> str:
        """`10-12`; not a part of a telephone number."""
        years = re.fullmatch(r"(?:1[5-9]|20)\d\d-(?:1[5-9]|20)\d\d", m.group())
        month_or_code = len(m[1]) > 2 and (m[2][0] == "0" or len(m.group()) > 7)
        if month_or_code and not years:
            return m.group()
        return f"{m[1]}{space}{words.to}{space}{m[2]}"

    if language in UNSPACED:

        @all_.of(r"(?<=\d) ?([+=<>×÷]) ?(?=\d)")
        def formula(m: re.Match[str]) -> str:
            return f" {words.signs[m[1]]} "

    @all_.of(r"(?<![\w)\]%°.,-])[-−](?=[$€£¥]?\d)")
    def negative(m: re.Match[str]) -> str:
        return words.minus + space

    _money(all_, words, number, space)

    units = any_of(words.units)

    @all_.of(r"(?<=\d) ?° ?([CcFf])(?!\w)")
    def degrees(m: re.Match[str]) -> str:
        return f"°{m[1].upper()}"

    @all_.of(rf"({number}) ?({units})(?!\w)(?<!\d0s)(?<!°(?= [a-zA-Z]\b))")
    def unit(m: re.Match[str]) -> str:
        return _counted(m[1], words.units[m[2]], language)

    return all_


@functools.cache
def marked(language: str) -> re.Pattern[str]:
    """Finds whether there is anything to read in a text of a language in `WORDS`."""
    found = r"[\d$%&@#+*=<>~^|\\/_¡-¿×÷Ͱ-Ͽ⁰-⯿〜]|\w\.\w|\b[IVXLC]+\b|[IVX][eᵉè]"
    if words := WORDS[language].abbreviations:
        found += rf"|(?<!\w){any_of(words)}(?!\w)"
    return re.compile(found + r"|\b(?:siglo|año) [ivxlcdm]+\b")


@functools.cache
def left(language: str) -> Readings:
    """The readings of what the grammar has left."""
    signs, all_ = WORDS[language].signs, Readings(apart=language != "ja")
    space = "" if language == "ja" else " "

    if language == "ja":

        @all_.of("-(?=[〇零一二三四五六七八九十百千万億])")
        def negative(m: re.Match[str]) -> str:
            return WORDS[language].minus  # which the grammar has taken for a sign

    @all_.of(rf"\d|{any_of([*signs, *WORDS[language].money, '₩'])}")
    def sign(m: re.Match[str]) -> str:
        char = m.group()
        if char.isdigit():
            said = grammar(language).normalize(char)
        else:
            said = signs.get(char) or WORDS[language].money.get(char, "₩").partition("|")[0]
        return f"{space}{said.lstrip(':')}{space}"

    return all_


def _money(all_: Readings, words: Words, number: str, space: str) -> None:
    """Amounts: in words where the grammar has none, else with the sign where it wants it."""
    codes = any_of([*words.money, *_SIGNS])
    decimal = words.marks[0]

    def amount(text: str, scale: str | None, code: str) -> str:
        sign = _SIGNS.get(code, code)
        one, _, many = words.money[sign].partition("|")
        if scale:
            name = many or one.strip(":")
            of = words.of if name[0] not in words.elided else words.of.rstrip()[:-1] + "'"
            return f"{text}{scale}{of}{name}"
        if sign in words.reads_money:
            return f"{sign}{text}"
        whole, _, cents = text.partition(decimal)
        if space and len(cents) == 2:
            tail = "" if cents == "00" else f" {int(cents)}"
            return _counted(whole, words.money[sign], "") + tail
        return _counted(text, words.money[sign], "" if space else "ja")

    @all_.of(rf"(?<![A-Za-z\d])({codes}) ?({number})({_SCALE})?(?!\w)")
    def before_it(m: re.Match[str]) -> str:
        return amount(m[2], m[3], m[1])

    @all_.of(rf"(?<![\w$€£¥.,])({number})({_SCALE})?(?: ?d[ei] ?)? ?({codes})(?![\w])")
    def behind_it(m: re.Match[str]) -> str:
        return amount(m[1], m[2], m[3])


def _counted(number: str, names: str, language: str) -> str:
    """`5 heures`, `une heure`; a colon marks what is feminine."""
    one, _, many = names.lstrip(":").partition("|")
    if number == "1" and language == "fr":
        return f"{'une' if names[0] == ':' else 'un'} {one}"
    gap = "" if language in UNSPACED else " "
    return f"{number}{gap}{one if number == '1' or not many else many}"
