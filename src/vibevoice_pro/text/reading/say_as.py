"""What is said for the content of `<say-as>`: text that the readings of its language read so.

Values of `interpret-as` as in W3C's note "SSML 1.0 say-as attribute values", and those that cloud
services know.
"""

from __future__ import annotations

import re

_LETTERS = {"characters", "spell-out", "verbatim", "letters"}
_DIGITS = {"digits", "telephone"}
_AS_WRITTEN = {"time", "fraction", "unit", "measure", "currency", "money", "address"}
_ORDINALS = {"de": "{}.", "fr": "{}e", "es": "{}º", "it": "{}º", "pt": "{}º", "ja": "第{}"}
_DATES = {"mdy": (2, 0, 1), "dmy": (2, 1, 0), "ymd": (0, 1, 2)}
_NUMBER = re.compile(r"\s*([-−]?)(\d{1,3}(?:[,.'’ ]\d{3})+|\d{1,18})\s*")


def say_as(kind: str, form: str, content: str, language: str) -> str | None:
    """The text to read for `content`.

    Args:
        kind: the value of `interpret-as`.
        form: the value of `format`, of a date; empty: not said.
        content: what the element holds.
        language: ISO 639-1 code of the voice.

    None: this kind of reading is not known, or the content is none of it.
    """
    kind = kind.strip().lower()
    if kind in _LETTERS:
        return _spelled(content, language)
    if kind in _DIGITS:
        return _by_digits(content)
    if kind in {"cardinal", "number", "ordinal"}:
        return _numeral(kind, content, language)
    if kind == "date":
        return _date(form.strip().lower(), content)
    return content if kind in _AS_WRITTEN else None


def _spelled(content: str, language: str) -> str:
    """Letter by letter; a lone `A` would be the article in English, `A.` is the letter."""
    signs = [char.upper() if len(char.upper()) == 1 else char for char in content]
    if language == "en":
        signs = ["A." if sign == "A" else sign for sign in signs]
    return " ".join(sign for sign in signs if not sign.isspace())


def _by_digits(content: str) -> str:
    """Digit by digit, with a short pause where something else parts them."""
    groups = re.findall(r"\d+|[^\W\d_]+", content)
    plus = "+ " if content.lstrip().startswith("+") else ""
    return plus + ", ".join(" ".join(g) if g.isdigit() else g for g in groups)


def _numeral(kind: str, content: str, language: str) -> str | None:
    found = _NUMBER.fullmatch(content)
    if found is None:
        return content if kind != "ordinal" and any(map(str.isdigit, content)) else None
    number = int(re.sub(r"\D", "", found[2]))
    if kind != "ordinal":
        return found[1] + (f"{number:,}" if language == "en" else str(number))
    if language == "en":
        teen = number % 100 in (11, 12, 13)
        return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
    form = _ORDINALS.get(language)
    return None if form is None else form.format(number)


def _date(form: str, content: str) -> str:
    """As ISO writes it, if all three parts are there: every language reads that."""
    order, parts = _DATES.get(form), re.findall(r"\d+", content)
    if order is None or len(parts) != 3 or not re.fullmatch(r"[\d\s./-]+", content):
        return content
    year, month, day = (parts[i] for i in order)
    return f"{year.zfill(4)}-{month.zfill(2)}-{day.zfill(2)}" if len(year) == 4 else content
