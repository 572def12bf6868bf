"""Readings: patterns in a text and the words to say for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial

NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,8}(?!\d)|\d{1,40})(?:\.\d{1,40})?"
"""`7`, `1,234`, `0.5`: as long as numbers are."""

Say = Callable[[re.Match[str]], str]


class Readings:
    """A list of readings, tried in the order in which they were added.

    What one has written out, a later one does not see as a number any more. Every repetition in a
    pattern is to be bounded: then the time grows with the text and no faster.
    """

    def __init__(self, apart: bool = True) -> None:
        """`apart`: whether a space goes between what is said and a letter next to it."""
        self._put = _apart if apart else _close
        self._readings: list[tuple[re.Pattern[str], Say]] = []

    def of(self, pattern: str, flags: int = 0) -> Callable[[Say], Say]:
        """Say what the decorated function returns for each place where the pattern is found."""

        def keep(say: Say) -> Say:
            self._readings.append((re.compile(pattern, flags), say))
            return say

        return keep

    def include(self, other: Readings) -> None:
        """Add all readings of another list behind one's own."""
        self._readings += other._readings

    def apply(self, text: str) -> str:
        """The text with all readings made."""
        for pattern, say in self._readings:
            text = pattern.sub(partial(self._put, say), text)
        return text


def _close(say: Say, m: re.Match[str]) -> str:
    return say(m)


def _apart(say: Say, m: re.Match[str]) -> str:
    """What is said for a match, apart from the letters around it."""
    words = say(m)
    if words == m.group():
        return words
    left = " " if before(m, 1).isalnum() and words[:1].isalnum() else ""
    right = " " if after(m, 1).isalnum() and words[-1:].isalnum() else ""
    return left + words + right


def any_of(words: Iterable[str]) -> str:
    """A pattern for any of the words, the longest first."""
    return "(?:" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + ")"


def table(text: str) -> dict[str, str]:
    """A dictionary out of `sign word, other_sign more words` on lines, with `_` for a space."""
    entries = filter(None, map(str.split, text.replace("\n", ",").split(",")))
    return {
        sign.replace("_", " ") if len(sign) > 1 else sign: " ".join(words).replace("_", " ")
        for sign, *words in entries
    }


def spaced(digits: str) -> str:
    """Digits that are to be read one by one."""
    return " ".join(digits)


def before_number(money: str) -> str:
    """A pattern for where an amount begins with its currency; not within `5 € 10`."""
    return rf"(?<![A-Za-z\d])(?:(?={money}\d)|(?<!\d )(?={money} \d))"


def before(m: re.Match[str], length: int = 60) -> str:
    """The last characters before a match, enough for a number and a word."""
    return m.string[max(0, m.start() - length) : m.start()]


def after(m: re.Match[str], length: int = 60) -> str:
    """The first characters after a match."""
    return m.string[m.end() : m.end() + length]


def tidy(text: str) -> str:
    """Close the gaps that readings leave before punctuation and within brackets."""
    text = re.sub(r" {2,}", " ", re.sub(r"(?<=[a-z]),(?=[a-z])", ", ", text))
    return re.sub(r" (?=[,.;:!?)\]](?:\s|$))|(?<=[(\[]) ", "", text).strip()
