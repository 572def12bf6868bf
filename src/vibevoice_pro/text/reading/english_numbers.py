"""English readings of numbers, signs and formulas that the public grammars lack or read otherwise.

What they write stays digits where the grammars read these well: `5 km/h` becomes `5 kilometers per
hour`, and `10⁻³` becomes `10 to the power of minus 3`.
"""

from __future__ import annotations

import re

from vibevoice_pro.text.reading.english_units import (
    COUNTED,
    GREEK,
    LABELS,
    MONTHS,
    SIGNS,
    UNITS,
    ordinal_suffix,
    plural,
)
from vibevoice_pro.text.reading.rules import NUMBER, Readings, after, any_of, before, spaced

NUMBERS = Readings()

_UNIT = any_of(UNITS)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SQUARE_OR_CUBE = r"([²³]|\^[23])?"
_MONTH = (
    "(?:" + "|".join(f"{short}(?:{name[3:]})?" for short, name in MONTHS.items()) + r"|Sept)\.?"
)


def _in_equation(m: re.Match[str]) -> bool:
    return "=" in before(m) + after(m)


# --- dates, times, codes ----------------------------------------------------------------------


@NUMBERS.of(
    r"(?<![\w/.-])(\d{4}-\d\d-\d\d)[T ]([01]\d|2[0-3]):([0-5]\d)(?::(\d\d)(?:[.,]\d{1,9})?)?"
    r"(?: ?(Z)(?!\w))?"
)
def _timestamp(m: re.Match[str]) -> str:
    seconds = f" and {int(m[4])} second{'s' * (m[4] != '01')}" if int(m[4] or 0) else ""
    return f"{m[1]}, {_clock_words(m[2], m[3])}{seconds}{' UTC' * bool(m[5])}"


@NUMBERS.of(r"(?<![\w-])((?:1[1-9]|20)\d\d)-0([1-9])(?![\w-])")
def _year_and_month(m: re.Match[str]) -> str:
    return f"{list(MONTHS.values())[int(m[2]) - 1]} {m[1]}"


@NUMBERS.of(r"(?<![\d:.])([01]?\d|2[0-4]):0([1-9])(?![\d:])(?: ?([AaPp])\.?[Mm](?![A-Za-z])\.?)?")
def _clock(m: re.Match[str]) -> str:
    meridiem = f" {m[3].upper()}M" if m[3] else ""
    return _clock_words(m[1], f"0{m[2]}") + meridiem + _full_stop(m)


def _full_stop(m: re.Match[str]) -> str:
    """The one of `p.m.` that ends the text as well."""
    return "." * (m.group().endswith(".") and m.end() == len(m.string))


def _clock_words(hour: str, minute: str) -> str:
    if minute == "00":
        return f"{int(hour)} o'clock"
    return f"{int(hour)} oh {minute[1]}" if minute[0] == "0" else f"{int(hour)} {minute}"


@NUMBERS.of(r"(?<![\d:])(\d{1,6}):(\d{1,6})(?![\d:])")
def _ratio(m: re.Match[str]) -> str:
    clock = len(m[2]) == 2 and int(m[1]) <= 24 and int(m[2]) < 60
    return m.group() if clock else f"{m[1]} to {m[2]}"


@NUMBERS.of(rf"(?<!\w)({_MONTH} \d{{1,2}}) ?[-–] ?(\d{{1,2}})(?!\w|[.,:/-]\d)")
def _days(m: re.Match[str]) -> str:
    return f"{m[1]} to {m[2]}{ordinal_suffix(int(m[2]))}"


@NUMBERS.of(r"(?<!\w)(\d{1,6}(?:st|nd|rd|th))-(?=[a-z])")
def _nth(m: re.Match[str]) -> str:
    return m[1] + " "


_SCORES = (
    "score|won|wins?|lost|lose|beat|beats|lead|leads|led|draw|drew|tied|victory|defeat|up|down"
)


@NUMBERS.of(
    rf"(?<!\w)((?:{_SCORES})(?: \w{{1,20}}){{0,3}}? \d{{1,3}})[-–](?=\d{{1,3}}(?![\w/-]|[.,:]\d))",
    re.I,
)
def _score(m: re.Match[str]) -> str:
    return m[1] + " to "


@NUMBERS.of(r"(?<![\w+])\+(?:\d{7,15}|\d{1,3}(?:[ .()-]{1,3}\d{1,5}){2,6})(?!\w)")
def _international_phone(m: re.Match[str]) -> str:
    digits = re.findall(r"\d+", m.group())
    return "plus " + ", ".join(map(spaced, digits)) if len("".join(digits)) > 6 else m.group()


@NUMBERS.of(r"(?<![\w.$€£)-])(?<!\) )(?:\d{3}-\d{4}|\d{1,12}(?:-\d{1,12}){3,9})(?![\w-])")
def _phone_or_serial(m: re.Match[str]) -> str:
    return ", ".join(map(spaced, re.findall(r"\d+", m.group())))


_CODES = "code|pin|otp|passcode|password|zip|extension|ext|dial|call"


@NUMBERS.of(
    rf"(?<!\w)((?:{_CODES})\.?(?: number| code)?(?: is|:)? )(\d{{3,12}})(?![\w-]|[.,:/]\d)", re.I
)
def _code(m: re.Match[str]) -> str:
    return m[1] + spaced(m[2])


@NUMBERS.of(r"(?<![\w.@/-])([A-Z]{2}|[a-z]{2})(\d{4}|(?<=[A-Z]{2})\d{3})(?<!00)(?![\w@/-]|\.\w)")
def _flight_or_code(m: re.Match[str]) -> str:
    return f"{m[1]} {spaced(m[2])}"


@NUMBERS.of(r"(?<!\w)v(?=\d{1,6}(?:\.\d|\b))")
def _version(m: re.Match[str]) -> str:
    return "version "


@NUMBERS.of(r"(?<![\w.])\d{1,6}(?:\.\d{1,6}){2,8}(?!\d|\.\d)")
def _dotted(m: re.Match[str]) -> str:
    """Of a version; a date, an address or a telephone have their own reading."""
    parts = m.group().split(".")
    if len(parts) == 4 or len(parts[0]) == 3 or len(parts[2]) == 4:
        return m.group()
    return " point ".join(parts)


# --- formulas ---------------------------------------------------------------------------------


@NUMBERS.of(rf"(?<!\w)({any_of(LABELS)})\. ?(?=\d)", re.I)
def _label(m: re.Match[str]) -> str:
    return LABELS[m[1].lower()] + " "


@NUMBERS.of(r"(?<![\w#])# ?(?=\d)|(?<=\b[A-G])#(?!\w)|(?<!\w)#(?=[A-Za-z])(?!\w{1,60}#)")
def _hash(m: re.Match[str]) -> str:
    if before(m)[-1:].isalpha():
        return " sharp"
    return "number " if after(m, 1).isdigit() else "hashtag "


@NUMBERS.of(rf"(?<![\w.,])({NUMBER})[eE]([+−-]?)(\d{{1,4}})(?!\w)(?<!\b\d[eE]\d)")
def _scientific(m: re.Match[str]) -> str:
    sign = "minus " if m[2] in ("-", "−") else ""
    return f"{m[1]} times 10 to the power of {sign}{m[3]}"


@NUMBERS.of(r"(?<=[\w)\]])(?:([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,20}|ⁿ)|(?:\^|\*\*)"
            r"(?:\{([^{}]{1,20})\}|\(([^()]{1,20})\)|([+−-]?\w{1,20})))")  # fmt: skip
def _power(m: re.Match[str]) -> str:
    if re.search(rf"(?<!\w){NUMBER} ?{_UNIT}(?:/{_UNIT})?$", before(m)):
        return m.group()  # 20 m²
    exponent = (m[1] or m[2] or m[3] or m[4]).translate(_SUPERSCRIPTS)
    exponent = re.sub("^[-−]", "minus ", exponent)
    return {"2": " squared ", "3": " cubed ", "1": ""}.get(exponent, f" to the power of {exponent}")


@NUMBERS.of(r"(?<= )[<>](?= )|(?<=\d)[<>](?!\w{0,9}/?>)|[<>](?=\d)")
def _comparison(m: re.Match[str]) -> str:
    return " less than " if m.group() == "<" else " greater than "


@NUMBERS.of(r"(?<=[\w)]) {0,2}[-−] ?(?=[\w(])")
def _subtraction(m: re.Match[str]) -> str:
    return " minus " if _in_equation(m) else m.group()


@NUMBERS.of(r"(?<![\w)\]%°.,-])[-−](?=[$€£¥₹₩]?\.?\d)")
def _negative(m: re.Match[str]) -> str:
    if before(m, 1) not in ("", " "):
        return " minus "
    return "-" if after(m, 1).isdigit() else "minus "


@NUMBERS.of(r"(?<=[\d%°CFMm])( ?)[–—‒]\1(?=[$€£¥]?\d)|(?<=\d,\d{3})-(?=\d{1,3},\d{3})")
def _range(m: re.Match[str]) -> str:
    return " to "


@NUMBERS.of(r"(?<![\w/.,])(?:(\d{1,3}) {1,2})?(\d{1,4}) ?/ ?(\d{1,4})(?![\w/]|\.\d)")
def _fraction(m: re.Match[str]) -> str:
    """Those that are none: `24/7`, `10/10`, `50/50`."""
    top, bottom = int(m[2]), int(m[3])
    if m[1]:
        return m.group()
    if f"{top}/{bottom}" in {"24/7", "9/11"} or top + bottom == 100:
        return f"{m[2]} {m[3]}"
    return f"{m[2]} out of {m[3]}" if top == bottom else m.group()


@NUMBERS.of(r"(?<=\)) ?/ ?(?=[\d(]|[a-z]\b)|(?<=\b[a-z]) ?/ ?(?=\d)")
def _over(m: re.Match[str]) -> str:
    return " over "


@NUMBERS.of(
    r"(?<![\w/.~-])(?<!\d )([A-Za-z]{1,20})/(?=(?:[A-Za-z]{1,20}|\d{1,3})(?![\w/-]|\.\w| dot ))"
)
def _either(m: re.Match[str]) -> str:
    """`and/or`, `AI/ML`, `HTTP/2`; not `usr/bin/env`."""
    return m[1] + " "


@NUMBERS.of(r"(?<=[A-Za-z\d])_(?=[A-Za-z\d])")
def _underscore(m: re.Match[str]) -> str:
    return " "


@NUMBERS.of(r"(?<=\d\d)[xX](?=\d\d)")
def _by(m: re.Match[str]) -> str:
    return " by "


@NUMBERS.of(r"(?<=[\w)]) ?\* ?(?=\d)|(?<=\d) ?\* ?(?=[\w(])|(?<=[\w)]) \* (?=[\w(])")
def _times(m: re.Match[str]) -> str:
    return " times "


@NUMBERS.of(r"~ ?(?=\d)")
def _about(m: re.Match[str]) -> str:
    return "about "


# --- what is counted --------------------------------------------------------------------------


@NUMBERS.of(r"(?<![\w.])(\d)['′](\d{1,2})(?:[\"”″]|'')")
def _height(m: re.Match[str]) -> str:
    return f"{m[1]} foot {m[2]}"


@NUMBERS.of(rf"([\"“])({NUMBER})([\"”])")
def _quoted(m: re.Match[str]) -> str:
    return m[2]  # a grammar takes the second mark for inches


@NUMBERS.of(r"(?<=\d) ?° ?([CF])\b")
def _degrees(m: re.Match[str]) -> str:
    return f"°{m[1]}"


@NUMBERS.of(rf"(?<![\w.,])(?<![A-Z]-)(?:({NUMBER}) ?[-–] ?)?({NUMBER})"
            rf"( (?:hundred|thousand|[mbtr]{{1,2}}illion))?( ?|-)({_UNIT}){_SQUARE_OR_CUBE}"
            rf"(?:/({_UNIT}|[a-z]{{3,12}}){_SQUARE_OR_CUBE})?(?!\w)")  # fmt: skip
def _unit(m: re.Match[str]) -> str:
    if m[5] == "s" and _is_decade(m[2], before(m), spaced=bool(m[4])):
        return m.group()
    name = _to_the(_exponent(m[6]), UNITS[m[5]])
    if m[7]:
        name += " per " + _to_the(_exponent(m[8]), UNITS.get(m[7], m[7]))
    one = m[4] == "-" or (m[2] == "1" and not m[3])
    low = f"{_grouped(m[1])} to " if m[1] else ""
    return f"{low}{_grouped(m[2])}{m[3] or ''}{m[4] or ' '}{name if one else plural(name)}"


_BEFORE_DECADE = re.compile(
    r"(?:\b(?:the|in|her|his|their|my|our|your|mid|early|late)[ -]|s[-–]|['’])$", re.I
)


def _is_decade(number: str, before: str, spaced: bool) -> bool:
    """`1980s`, `in her 30s`, `the '80s`; not `takes 30s`."""
    if re.fullmatch(r"(?:1[1-9]|20)\d0", number):
        return True
    return not spaced and number[1:] == "0" and _BEFORE_DECADE.search(before) is not None


def _grouped(number: str) -> str:
    """`1980` before a unit is no year."""
    return f"{int(number):,}" if number.isdigit() and number[0] != "0" else number


def _exponent(text: str | None) -> str:
    return (text or "")[-1:].translate(_SUPERSCRIPTS)


def _to_the(exponent: str, unit: str) -> str:
    if unit == "second":
        return unit + {"2": " squared", "3": " cubed"}.get(exponent, "")
    return {"2": "square ", "3": "cubic "}.get(exponent, "") + unit


@NUMBERS.of(
    rf"(?<![\w.,:/$€£-])(\d{{4,12}})(?= (?:{any_of(COUNTED)})\b)"
    r"|(?<![\w.,:/$€£-])(\d{2,9}000)(?![\w/-]|[.,:]\d)"
)
def _count(m: re.Match[str]) -> str:
    """`2024 people` is no year, and `50000` no code."""
    return _grouped(m[1] or m[2])


@NUMBERS.of(r"&(?:amp;)?|(?:" + any_of(SIGNS) + ")")
def _sign(m: re.Match[str]) -> str:
    return f" {SIGNS.get(m.group(), 'and')} "


@NUMBERS.of("[™®©℠⁰¹²³⁴⁵⁶⁷⁸⁹]")
def _mark(m: re.Match[str]) -> str:
    return " "


@NUMBERS.of(r"(?<![Ͱ-Ͽ])[Α-Ωα-ω](?![Ͱ-Ͽ])")
def _greek(m: re.Match[str]) -> str:
    return GREEK.get(m.group().lower(), m.group())
