"""Write out numbers, signs, formulas and abbreviations as words: what is said for what is written.

One front end for all models, which works on one piece of text at a time. It cleans the piece, and
reads it in two layers: own readings for what people and language models write today, then the
public grammars of each language for numbers, dates, times, money, measures and telephones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set

from vibevoice_pro.text.normalize import normalize
from vibevoice_pro.text.reading.english import read_english
from vibevoice_pro.text.reading.rules import tidy
from vibevoice_pro.text.scripts import drop_unreadable

PRONOUNCED = re.compile(r"\[[^\]\s]{1,80}\]\(/[^)\s]{1,200}/\)")
"""`[word](/phonemes/)`: how models that take phonemes are given them, without spaces."""

_HOLD = "\ue001"  # private use: `normalize` leaves none in a text


def readable(text: str, language: str) -> tuple[str, Set[str]]:
    """What a voice of `language` (e.g. `en-US`) says for a piece of text, in words.

    Returns it with the names of the scripts that the voice cannot read, and leaves out.
    """
    text = normalize(text)
    if "](/" not in text:
        return drop_unreadable(spoken(text, language), language)
    given: list[str] = []  # phonemes are not for reading

    def hold(m: re.Match[str]) -> str:
        given.append(m.group())
        return _HOLD

    text, unread = drop_unreadable(spoken(PRONOUNCED.sub(hold, text), language), language)
    each = iter(given)
    return re.sub(_HOLD, lambda _: next(each, ""), text), unread


def languages() -> list[str]:
    """Codes of the languages that numbers and signs can be read in."""
    from vibevoice_pro.text.reading import own_words, plain_numbers

    return sorted({"en", *own_words.WORDS, *plain_numbers.WORDS})


_loaded: set[str] = set()


def load(language: str) -> None:
    """Load what reading a language takes, up to a second; else the first text would wait for it."""
    spoken("1 & 1", language)
    _loaded.add(_code(language))


def is_loaded(language: str) -> bool:
    """Whether `load` has been called."""
    return _code(language) in _loaded


def spoken(text: str, language: str) -> str:
    """Write out numbers, signs and formulas in a text that is clean."""
    code = _code(language)
    if not text.isascii():
        text = "".join(map(_plain, text))
    if code == "en":
        words = read_english(text)
    else:
        from vibevoice_pro.text.reading.own import read_other  # with tables that English needs not

        words = read_other(text, code)
    return text if words == text else tidy(words)


def _code(language: str) -> str:
    return language.lower().split("-")[0]


def _plain(char: str) -> str:
    """Digits of any script as ASCII, `½` as `1/2`, subscripts on the line; superscripts stay."""
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "No" and not unicodedata.decomposition(char).startswith("<super>"):
        plain = unicodedata.normalize("NFKC", char).replace("⁄", "/")
        return " " + plain if "/" in plain else plain
    return {"µ": "μ", "\u2010": "-", "\u2011": "-", "⁄": "/"}.get(char, char)
