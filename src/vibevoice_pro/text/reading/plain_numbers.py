"""Numbers in the languages without a public grammar: amounts, percent, money, a few units.

No dates in words, no formulas; one form of each word, whatever its case.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field

from vibevoice_pro.text.reading.numerals import UNSPACED, cardinal, each, ordinal, year
from vibevoice_pro.text.reading.rules import Readings, any_of, before_number


@dataclass(frozen=True)
class Words:
    """How a language writes numbers and what it calls what stands next to them.

    Attributes:
        marks: the decimal mark, then the ones that group thousands.
        point, minus, to: what is said for the decimal mark, a minus and a range.
        percent: with the number's place in it.
        clock: the hour and, parted by `|`, the minutes.
        one: the number 1 before a unit or a currency.
        money: the names of `$ € £ ¥ R$` with `one|many`, in that order.
        cents: between whole and hundredths: `drei Euro fünfzig`.
        of: before the currency after millions: `cinco millones de euros`.
        units: the names of `km m cm kg g °C` with `one|many` or one form for both, in that order.
        ordinals: what makes a number an ordinal, with the form's name in `numerals.ordinal`.
        signs: what is said for `& + =`.
        space: between a number and its unit.
    """

    marks: str
    point: str
    minus: str
    to: str
    percent: str
    clock: str
    one: str
    money: str
    units: str
    signs: str
    cents: str = " "
    of: str = " "
    ordinals: dict[str, str] = field(default_factory=dict)
    space: str = " "


WORDS = {
    "nl": Words(
        ",.", "komma", "min", " tot ", "{} procent", "{} uur| {}", "één",
        "dollar euro pond yen real",
        "kilometer meter centimeter kilogram gram graad_Celsius|graden_Celsius",
        "en plus is", ordinals={"e": "", "ste": "", "de": ""},
    ),
    "pl": Words(
        ", ", "przecinek", "minus", " do ", "{} procent", "{}| {}", "jeden",
        "dolar|dolarów euro funt|funtów jen|jenów real|reali",
        "kilometr|kilometrów metr|metrów centymetr|centymetrów kilogram|kilogramów "
        "gram|gramów stopień_Celsjusza|stopni_Celsjusza",
        "i plus równa_się",
    ),
    "zh": Words(
        ".,", "点", "负", "到", "百分之{}", "{}点|{}分", "一",
        "美元 欧元 英镑 日元 雷亚尔", "公里 米 厘米 公斤 克 摄氏度", "和 加 等于",
        space="", cents="",
    ),
}  # fmt: skip

_MONEY = {"$": 0, "USD": 0, "€": 1, "EUR": 1, "£": 2, "GBP": 2, "¥": 3, "JPY": 3, "R$": 4}
_UNITS = {"km": 0, "m": 1, "cm": 2, "kg": 3, "g": 4, "°C": 5}


@functools.lru_cache(maxsize=16)
def readings(language: str) -> Readings:
    """The readings of a language in `WORDS`."""
    words, all_ = WORDS[language], Readings(apart=language not in UNSPACED)
    decimal, groups = words.marks[0], re.escape(words.marks[1:])
    grouped = (
        rf"(?<!\d)\d{{1,3}}(?:[{groups}]\d{{3}}){{1,5}}(?!\d)(?:{re.escape(decimal)}\d{{1,40}})?"
    )
    number_ = rf"(?:{grouped}|\d{{1,40}}(?:[.,]\d{{1,40}})?)"
    money, units = any_of(_MONEY), any_of(_UNITS)

    def number(text: str) -> str:
        if re.fullmatch(grouped, text):
            text = re.sub(f"[{groups}]", "", text)
        whole, _, fraction = text.replace(",", ".").partition(".")
        if not fraction:
            return cardinal(whole, language)
        gap = words.space
        return f"{cardinal(whole, language)}{gap}{words.point}{gap}{each(fraction, language)}"

    def counted(text: str, names: str, place: int) -> str:
        one, _, many = names.split()[place].replace("_", " ").partition("|")
        if text == "1":
            return f"{words.one}{words.space}{one}"
        return f"{number(text)}{words.space}{many or one}"

    def amount(text: str, scale: str | None, sign: str) -> str:
        if scale:
            names = words.money.split()[_MONEY[sign]].partition("|")
            return f"{number(text)}{scale}{words.of}{names[2] or names[0]}"
        whole, _, cents = text.rpartition(decimal)
        if not whole or len(cents) != 2:
            return counted(text, words.money, _MONEY[sign])
        said = counted(whole, words.money, _MONEY[sign])
        return said if cents == "00" else said + words.cents + cardinal(cents.lstrip("0"), language)

    @all_.of(r"\d{41,}")
    def endless(m: re.Match[str]) -> str:
        return each(m.group(), language)

    @all_.of(r"(?<![\w.])\d{1,4}([./-])\d{1,2}\1\d{1,4}(?![\w]|\.\d)")
    def date(m: re.Match[str]) -> str:
        return " ".join(str(int(part)) for part in m.group().split(m[1]))

    @all_.of(r"(?<![\d:.,])(\d{1,2})[:h]([0-5]\d)(?![\d:])(?: Uhr| uur|h\b)?")
    def clock(m: re.Match[str]) -> str:
        clock = words.clock if int(m[2]) else words.clock.partition("|")[0]
        return clock.replace("|", "").format(int(m[1]), int(m[2]))

    @all_.of(r"(?<=[\d%])( ?)[–-]\1(?=\d)")
    def range_(m: re.Match[str]) -> str:
        return words.to

    @all_.of(r"(?<![\w)\]%°.,-])[-−](?=[$€£¥]?\d)")
    def negative(m: re.Match[str]) -> str:
        return words.minus + " "

    @all_.of(rf"{before_number(money)}({money}) ?({number_})( (?:[Mm]i[lj]|mld|bili)\w{{2,10}})?")
    def money_before(m: re.Match[str]) -> str:
        return amount(m[2], m[3], m[1])

    @all_.of(rf"({number_})( (?:[Mm]i[lj]|mld|bili)\w{{2,10}})? ?({money})(?!\w)")
    def money_after(m: re.Match[str]) -> str:
        return amount(m[1], m[2], m[3])

    @all_.of(rf"({number_}) ?%")
    def percent(m: re.Match[str]) -> str:
        return words.percent.format(words.one if m[1] == "1" else number(m[1]))

    @all_.of(rf"({number_}) ?({units})(?!\w)")
    def unit(m: re.Match[str]) -> str:
        return counted(m[1], words.units, _UNITS[m[2]])

    if words.ordinals:

        @all_.of(rf"(?<![\w.,])(\d{{1,6}})({any_of(words.ordinals)})(?!\w)")
        def nth(m: re.Match[str]) -> str:
            return ordinal(int(m[1]), language, words.ordinals[m[2]]) or m.group()

    if language == "nl":

        @all_.of(r"(?<!\d)(?<!\d[.,])1[1-9]\d\d(?!\d|[.,]\d)")
        def year_(m: re.Match[str]) -> str:
            return year(int(m.group()), language)

    @all_.of(r"(?<!\d)\d{4}(?=年)")
    def chinese_year(m: re.Match[str]) -> str:
        return each(m.group(), language) if language == "zh" else m.group()

    @all_.of(number_)
    def any_number(m: re.Match[str]) -> str:
        return number(m.group())

    @all_.of("[&+=]")
    def sign(m: re.Match[str]) -> str:
        return f" {words.signs.split()['&+='.index(m.group())].replace('_', ' ')} "

    return all_
