"""English numbers that are no amounts: dates, times, telephones, versions, and what a dash says."""

from __future__ import annotations

import re

from vibevoice_pro.text.reading.english_units import MONTHS
from vibevoice_pro.text.reading.numerals import cardinal, each, ordinal, year
from vibevoice_pro.text.reading.rules import Readings, after, before

DATES = Readings()

NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,8}(?!\d)|\d{1,40})(?:\.\d{1,40})?"
"""`7`, `1,234`, `0.5`: as long as numbers are; `_endless` takes the others out beforehand."""

_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_MERIDIEM = r" ?([AaPp]\.[Mm]\.?|[AaPp][Mm]\b)"
_MONTH = (
    "((?:" + "|".join(f"{short}(?:{name[3:]})?" for short, name in MONTHS.items()) + ")|Sept)"
    r"(?!\w)(?:\.(?= ?\w))?"
)


def number(text: str) -> str:
    """`1,234.5` in words; seven digits and more that are neither grouped nor round, one by one."""
    whole, _, fraction = text.replace(",", "").partition(".")
    serial = len(whole) > 6 and whole == text and not whole.endswith("000")
    words = each(whole) if serial else cardinal(whole)
    return f"{words} point {each(fraction)}" if fraction else words


def _groups(text: str) -> str:
    """Digits one by one, with a comma for whatever parts them."""
    return ", ".join(map(each, re.findall(r"\d+", text)))


def _month(number: int) -> str:
    return list(MONTHS.values())[number - 1]


def _date(day: str, month: str, year_: str) -> str | None:
    """`May seventeenth, twenty twenty-four`, or None where there is no such day."""
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    full = int(year_) if len(year_) == 4 else 2000 + int(year_) - 100 * (int(year_) > 50)
    return f"{_month(int(month))} {ordinal(int(day))}, {year(full)}"


def in_equation(m: re.Match[str]) -> bool:
    """Whether an equals sign stands near."""
    return "=" in before(m) + after(m)


@DATES.of(r"\d{41,}")
def _endless(m: re.Match[str]) -> str:
    return each(m.group())


@DATES.of(r"(?<![\w/.-])(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?![\d/-])(?:T(?=\d\d:))?")
def _iso_date(m: re.Match[str]) -> str:
    said = _date(m[4], m[3], m[1])
    return m.group() if said is None else said + " " * m.group().endswith("T")


@DATES.of(r"(?<![\w/.-])(\d{1,2})([/.])(\d{1,2})\2(\d{4}|\d\d)(?!\d|[/.]\d)")
def _short_date(m: re.Match[str]) -> str:
    """American unless that cannot be; with full stops, European."""
    if m[2] == "." and len(m[4]) == 2:
        return m.group()  # rather a version
    american = _date(m[3], m[1], m[4]) if m[2] == "/" else None
    return american or _date(m[1], m[3], m[4]) or m.group()


@DATES.of(r"(?<![\w-])((?:1[1-9]|20)\d\d)-0([1-9])(?![\w-])")
def _year_and_month(m: re.Match[str]) -> str:
    return f"{_month(int(m[2]))} {year(int(m[1]))}"


@DATES.of(r"(?<![\w+])\+(?:\d{7,15}|\d{1,3}(?:[ .()-]{1,3}\d{1,5}){2,6})(?!\w)")
def _international_phone(m: re.Match[str]) -> str:
    return "plus " + _groups(m.group()) if len(re.findall(r"\d", m.group())) > 6 else m.group()


@DATES.of(
    r"(?<![\w.$€£-])(?:(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}|\d{3}-\d{4}"
    r"|\d{1,12}(?:-\d{1,12}){2,9}|\d{4}(?: \d{4}){3}|0\d{2,4}(?: \d{3,4}){1,3})(?![\w-])"
    r"|(?<![\w-])1-\d{3}(?=-[A-Z])|(?<=[Cc]all )\d{3}\b"
)
def _phone_or_serial(m: re.Match[str]) -> str:
    return _groups(m.group())


@DATES.of(r"(?<!\w)v(?=\d)")
def _version(m: re.Match[str]) -> str:
    return "version "


@DATES.of(r"(?<![\w.])\d{1,6}(?:\.\d{1,6}){2,8}(?!\d|\.\d)")
def _dotted(m: re.Match[str]) -> str:
    parts = m.group().split(".")
    address = len(parts) == 4 and all(int(p) < 256 for p in parts)
    return (" dot " if address else " point ").join(map(cardinal, parts))


@DATES.of(rf"(?<![\w.,])({NUMBER})[eE]([+−-]?)(\d{{1,4}})(?!\w)")
def _scientific(m: re.Match[str]) -> str:
    sign = "minus " if m[2] in ("-", "−") else ""
    return f"{number(m[1])} times ten to the power of {sign}{number(m[3])}"


@DATES.of(rf"([$€£¥₹₩])({NUMBER}) ?[–—-] ?(?=\d)")
def _money_range(m: re.Match[str]) -> str:
    return f"{m[1]}{m[2]} to {m[1]}"


@DATES.of(
    r"(?:(?<=[\d%°])|(?<=°[CF])|(?<=\d[A-Za-z])|(?<=\d[A-Za-z]{2})|(?<=\d [AaPp][Mm])"
    rf"|(?<=[ap]\.m\.))( ?)([–—‒-])\1(?=[$€£¥]?({NUMBER}))"
)
def _range(m: re.Match[str]) -> str:
    """A dash between numbers: `to` where they rise; else a score, a type or a subtraction."""
    left = ["0", *re.findall(NUMBER, before(m))][-1]
    low, high = (float(n.replace(",", "")) for n in (left, m[3]))
    clock = re.search(r":\d\d$|[Mm]\.?$", before(m))
    rises = clock or low < high or (1000 <= low < 2100 and low % 100 < high < 100)
    if m[2] == "-" and (in_equation(m) or (m[1] and not rises)):
        return " minus "
    return " to " if rises or m[2] != "-" else " "


@DATES.of(r"(?<=[\w)]) - (?=[\w(])")
def _subtraction(m: re.Match[str]) -> str:
    return " minus " if in_equation(m) else m.group()


@DATES.of(rf"(?<![\d:.])(\d{{1,2}}):([0-5]\d)(?::([0-5]\d))?(?![\d:])(?:{_MERIDIEM})?")
def _clock(m: re.Match[str]) -> str:
    hour = int(m[1])
    if hour > 24:
        return m.group()
    words = [cardinal(str(hour))]
    if m[2] != "00":
        words.append("oh " + cardinal(m[2][1]) if m[2][0] == "0" else cardinal(m[2]))
    elif not m[4]:
        words.append("o'clock" if 1 <= hour <= 12 else "hundred")
    if m[3]:
        words.append(f"and {cardinal(str(int(m[3])))} second{'s' * (m[3] != '01')}")
    return " ".join([*words, *([_meridiem(m[4])] if m[4] else [])])


@DATES.of(rf"(?<![\w:.])(\d{{1,2}})(?:\.([0-5]\d))?{_MERIDIEM}")
def _hour(m: re.Match[str]) -> str:
    minutes = "" if m[2] in (None, "00") else f" {cardinal(m[2])}"
    return f"{cardinal(str(int(m[1])))}{minutes} {_meridiem(m[3])}"


def _meridiem(text: str) -> str:
    return text if "." in text else text.upper()  # "am" in small letters would be a verb


@DATES.of(r"(?<![\d:])(\d{1,6}):(\d{1,6})(?![\d:])")
def _ratio(m: re.Match[str]) -> str:
    return f"{number(m[1])} to {number(m[2])}"


@DATES.of(rf"(?<!\w)(?:the )?(\d{{1,2}})(?:(?:st|nd|rd|th)(?: of)?)? {_MONTH}(?! \d{{1,2}}\b)")
def _day_and_month(m: re.Match[str]) -> str:
    return f"the {ordinal(int(m[1]))} of {MONTHS[m[2][:3]]}" if 1 <= int(m[1]) <= 31 else m.group()


@DATES.of(rf"(?<!\w){_MONTH} {_DAY}(?: to {_DAY})?(?!\w|[.,:/]\d|%)")
def _month_and_day(m: re.Match[str]) -> str:
    days = [int(day) for day in m.groups()[1:] if day]
    if not all(1 <= day <= 31 for day in days):
        return m.group()
    return f"{MONTHS[m[1][:3]]} " + " to ".join(ordinal(day) or "" for day in days)
