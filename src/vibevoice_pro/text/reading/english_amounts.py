"""English amounts: money, units, ordinals, fractions, formulas, and all numbers that are left."""

from __future__ import annotations

import re

from vibevoice_pro.text.reading.english_dates import NUMBER, number
from vibevoice_pro.text.reading.english_units import (
    COUNTED,
    CURRENCIES,
    GREEK,
    LABELS,
    SCALES,
    SIGNS,
    UNITS,
    plural,
)
from vibevoice_pro.text.reading.numerals import cardinal, each, ordinal, year
from vibevoice_pro.text.reading.rules import Readings, after, any_of, before, before_number

AMOUNTS = Readings()

_MONEY, _UNIT, _SCALE = any_of(CURRENCIES), any_of(UNITS), any_of(SCALES)
_SCALE_WORD = any_of(name for name in SCALES if len(name) > 3)
_HALVES = {2: "half", 4: "quarter"}
_DENOMINATORS = {*range(2, 11), 12, 16, 20, 32, 64, 100, 1000}
_SPECIAL = {"24/7", "9/11"}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SQUARE_OR_CUBE = r"([²³]|\^[23])?"


@AMOUNTS.of(rf"(?<!\w)({any_of(LABELS)})\. ?(?=\d)", re.I)
def _label(m: re.Match[str]) -> str:
    return LABELS[m[1].lower()] + " "


@AMOUNTS.of(r"(?<![\w#])# ?(?=\d)|(?<=\b[A-G])#(?!\w)|(?<!\w)#(?=[A-Za-z])")
def _hash(m: re.Match[str]) -> str:
    if before(m)[-1:].isalpha():
        return " sharp"
    return "number " if after(m, 1).isdigit() else "hashtag "


@AMOUNTS.of(r"(?<=[\w)\]])(?:([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,20}|ⁿ)|(?:\^|\*\*)"
            r"(?:\{([^{}]{1,20})\}|\(([^()]{1,20})\)|([+−-]?\w{1,20})))")  # fmt: skip
def _power(m: re.Match[str]) -> str:
    if re.search(rf"(?<!\w){NUMBER} ?{_UNIT}(?:/{_UNIT})?$", before(m)):
        return m.group()  # 20 m²
    exponent = (m[1] or m[2] or m[3] or m[4]).translate(_SUPERSCRIPTS)
    return {"2": " squared ", "3": " cubed ", "1": ""}.get(exponent, f" to the power of {exponent}")


@AMOUNTS.of(r"(?<= )[<>](?= )|(?<=\d)[<>](?!\w{0,9}/?>)|[<>](?=\d)")
def _comparison(m: re.Match[str]) -> str:
    return " less than " if m.group() == "<" else " greater than "


@AMOUNTS.of(rf"(?<![\w)\]%°.,-])[-−](?={_MONEY}?\.?\d)")
def _negative(m: re.Match[str]) -> str:
    return "minus "


@AMOUNTS.of(
    rf"{before_number(_MONEY)}({_MONEY}) ?({NUMBER})(?: to {_MONEY}({NUMBER}))?"
    rf"(?: ?({_SCALE})(?!\w))?(?:/([A-Za-z]{{1,20}}))?"
)
def _money(m: re.Match[str]) -> str:
    per = f" per {UNITS.get(m[5], m[5])}" if m[5] else ""
    article = re.search(r"\b[Aa]n? $", before(m))
    one = article is not None or re.match(r"-(?!a-)", after(m, 3)) is not None
    return _amount(m[1], m[2], m[3], m[4], one) + per


@AMOUNTS.of(rf"(?<![\w.,])({NUMBER})(?: ?({_SCALE}))? ?({_MONEY})(?!\w)")
def _money_after(m: re.Match[str]) -> str:
    return _amount(m[3], m[1], None, m[2], False)


def _amount(money: str, low: str, high: str | None, scale: str | None, one: bool) -> str:
    """An amount of money; `one` for the form in `a five dollar bill`."""
    name, cent = CURRENCIES[money]

    def many(count: str, word: str) -> str:
        return word if one or not cent or count.lstrip("0") == "1" else plural(word)

    if not high and not scale and cent and re.fullmatch(r"[\d,]+\.\d\d", low):
        whole, _, rest = low.partition(".")
        parts = [f"{number(whole)} {many(whole, name)}"] if whole.strip("0,") else []
        if rest != "00" or not parts:
            parts.append(f"{cardinal(str(int(rest)))} {many(rest, cent)}")
        return " and ".join(parts)
    words = number(low) + (f" to {number(high)}" if high else "")
    if scale:
        words += " " + SCALES[scale]
    return f"{words} {many('' if scale or high else low, name)}"


@AMOUNTS.of(rf"({NUMBER}) ?¢")
def _cents(m: re.Match[str]) -> str:
    return f"{number(m[1])} cent{'s' * (m[1] != '1')}"


@AMOUNTS.of(r"(?<![\w.,])('?)(\d0|\d\d\d0)'?s\b")
def _decade(m: re.Match[str]) -> str:
    known = r"(?:^|\W)(?:the|his|her|their|my|our|your|early|mid|late)[ -]$"
    if len(m[2]) == 2 and not m[1] and not re.search(known, before(m).lower()):
        return m.group()  # 30s: thirty seconds
    return re.sub("ys$", "ies", year(int(m[2])) + "s")


@AMOUNTS.of(r"(?<![\w.,])(\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:st|nd|rd|th)\b", re.I)
def _ordinal(m: re.Match[str]) -> str:
    return ordinal(int(m[1].replace(",", ""))) or m.group()


@AMOUNTS.of(r"(?<![\w.])(\d)['′](\d{1,2})(?:[\"”″]|'')")
def _height(m: re.Match[str]) -> str:
    return f"{cardinal(m[1])} foot {number(m[2])}"


@AMOUNTS.of(r"(?<=\d) ?° ?([CF])\b")
def _degrees(m: re.Match[str]) -> str:
    return f"°{m[1]}"


@AMOUNTS.of(rf"(?<![\w.,])(?<![A-Z]-)({NUMBER})( {_SCALE_WORD})?( ?|-)({_UNIT}){_SQUARE_OR_CUBE}"
            rf"(?:/({_UNIT}|[a-z]{{3,12}}){_SQUARE_OR_CUBE})?(?!\w)")  # fmt: skip
def _unit(m: re.Match[str]) -> str:
    name = _to_the(_exponent(m[5]), UNITS[m[4]])
    if m[6]:
        name += " per " + _to_the(_exponent(m[7]), UNITS.get(m[6], m[6]))
    one = m[3] == "-" or (m[1] == "1" and not m[2])
    return f"{number(m[1])}{m[2] or ''}{m[3] or ' '}{name if one else plural(name)}"


def _exponent(text: str | None) -> str:
    return (text or "")[-1:].translate(_SUPERSCRIPTS)


def _to_the(exponent: str, unit: str) -> str:
    if unit == "second":
        return unit + {"2": " squared", "3": " cubed"}.get(exponent, "")
    return {"2": "square ", "3": "cubic "}.get(exponent, "") + unit


@AMOUNTS.of(r"(?<![\w/.,])(?:(\d{1,3}) {1,2})?(\d{1,4}) ?/ ?(\d{1,4})(?![\w/]|\.\d)")
def _fraction(m: re.Match[str]) -> str:
    top, bottom = int(m[2]), int(m[3])
    whole = f"{number(m[1])} " if m[1] else ""
    if f"{top}/{bottom}" in _SPECIAL or top + bottom == 100:
        return f"{whole}{number(m[2])} {number(m[3])}"
    if top == bottom:
        return f"{whole}{number(m[2])} out of {number(m[3])}"
    if bottom not in _DENOMINATORS or not 0 < top < 2 * bottom:
        return f"{whole}{number(m[2])} over {number(m[3])}"
    part = _HALVES.get(bottom) or (ordinal(bottom) or "").removeprefix("one ")
    part = part if top == 1 else "halves" if bottom == 2 else part + "s"
    if whole:
        return f"{whole}and {'a' if top == 1 else number(m[2])} {part}"
    return f"{number(m[2])} {part}"


@AMOUNTS.of(r"(?<=[\d)]) ?/ ?(?=[\d(]|[a-z]\b)|(?<=\b[a-z]) ?/ ?(?=\d)")
def _over(m: re.Match[str]) -> str:
    return " over "


@AMOUNTS.of(r"(?<=\d)[xX](?=\d)")
def _by(m: re.Match[str]) -> str:
    return " by "


@AMOUNTS.of(r"(?<=[\w)]) ?\* ?(?=\d)|(?<=\d) ?\* ?(?=[\w(])|(?<=[\w)]) \* (?=[\w(])")
def _times(m: re.Match[str]) -> str:
    return " times "


@AMOUNTS.of(r"~ ?(?=\d)")
def _about(m: re.Match[str]) -> str:
    return "about "


@AMOUNTS.of(r"(?<!\w)\.(\d{1,40})")
def _bare_fraction(m: re.Match[str]) -> str:
    return f"point {each(m[1])}"


@AMOUNTS.of(
    r"(?<!\d)(?<!\d[.,])((?:1[1-9]|20)\d\d|(?<=[Ii]n )10\d\d)"
    rf"(?!\d|[.,]\d| (?:{any_of(COUNTED)})\b)"
)
def _year(m: re.Match[str]) -> str:
    return year(int(m[1]))


@AMOUNTS.of(NUMBER)
def _any_number(m: re.Match[str]) -> str:
    return number(m.group())


@AMOUNTS.of("§§|" + any_of(SIGNS))
def _sign(m: re.Match[str]) -> str:
    return f" {SIGNS.get(m.group(), 'sections')} "


@AMOUNTS.of("[™®©℠⁰¹²³⁴⁵⁶⁷⁸⁹]")
def _mark(m: re.Match[str]) -> str:
    return " "


@AMOUNTS.of(r"(?<![Ͱ-Ͽ])[Α-Ωα-ω](?![Ͱ-Ͽ])")
def _greek(m: re.Match[str]) -> str:
    return GREEK.get(m.group().lower(), m.group())
