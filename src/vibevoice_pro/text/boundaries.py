"""Split text that is still being written into words, and tell what ends after each of them."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

from vibevoice_pro.text.languages.base import Language

MAX_WORD = 300
"""Characters of a word; a longer run without a space is no word, and is cut there."""

MAX_GAP = 64
"""Characters of white space that are looked at: enough to tell a paragraph."""

LOOKAHEAD = 5
"""Characters behind the white space that are looked at: enough to tell a list mark or a year."""

CLOSERS = "\"'”’)]}»」』）》*_`~"
OPENERS = "(\"'“‘["
DASHES = {"-", "–", "—"}

_STOPS = "。！？；，、："
# Japanese is written without spaces; a phrase of it most often ends with a particle in hiragana,
# and the next one begins with a kanji or katakana. `話し合い` is not parted so, nor is `お店`.
_PARTICLES = "はがをにでともへやのて"
_NEW = "\u30a1-\u30fa\u3400-\u9fff\uf900-\ufaff"
_RUN = rf"[^\s{_STOPS}](?:(?!(?<=[{_PARTICLES}])[{_NEW}])[^\s{_STOPS}])*"
_WORD = re.compile(rf"(?:{_RUN})?[{_STOPS}]+[」』）》”’\"')\]]*|{_RUN}")
_GAP = re.compile(r"\s*")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]?", re.I)  # U.S.  e.g.  a.m.  J.
_LIST_MARK = re.compile(r"(?:[-*+•#>]|\d{1,3}[.)])\s")
_DAY = re.compile(r"\d{1,2}(?:st|nd|rd|th)?,")
_DOTTED_DAY = re.compile(r"\d{1,2}\.")
_YEAR = re.compile(r"[12]\d{3}(?!\d)")


class Cut(enum.IntEnum):
    """What the text does at the end of a piece: how strong the boundary is."""

    WORD = 0
    CLAUSE = 1
    SENTENCE = 2
    PARAGRAPH = 3


@dataclass(frozen=True)
class Word:
    """A word, and what was looked at behind it.

    Attributes:
        text: its characters.
        end: its place in the scanned text, exclusive.
        gap: the white space after it, up to `MAX_GAP` characters.
        rest: the first characters after the gap, up to `LOOKAHEAD`.
        closed: whether nothing can come behind `rest` where that is shorter.
    """

    text: str
    end: int
    gap: str
    rest: str
    closed: bool

    @property
    def last(self) -> bool:
        """Whether the text ends with this word."""
        return self.closed and not self.rest


def scan(text: str, closed: bool) -> Iterator[Word]:
    """The words of a text that begins with one, as far as more text cannot change them.

    `closed`: no more text will come.
    """
    at = 0
    while at < len(text):
        end = _end(_WORD, text, at, MAX_WORD)
        if end == len(text) and not closed and end - at < MAX_WORD:
            return  # the word may go on
        gap = _end(_GAP, text, end, MAX_GAP)
        yield Word(text[at:end], end, text[end:gap], text[gap : gap + LOOKAHEAD], closed)
        at = gap


def _end(pattern: re.Pattern[str], text: str, at: int, length: int) -> int:
    match = pattern.match(text, at, at + length)
    assert match is not None, "a word begins where no white space is"
    return match.end()


def whole_words(text: str, language: Language) -> int | None:
    """Where the last word ends of which it is likely that no more of it comes; None: nowhere."""
    end = None
    for match in _WORD.finditer(text):
        core = match.group().rstrip(CLOSERS)
        ended = core[-1:] in ".!?…,;:。！？，、；：" and not core[:-1][-1:].isdigit()
        if match.end() < len(text) or (ended and not is_abbreviation(core, language)):
            end = match.end()
    return end


def is_abbreviation(word: str, language: Language) -> bool:
    """Whether a full stop at the end of a word belongs to the word."""
    bare = word.lstrip(OPENERS).lower()
    return bare.rstrip(".") in language.abbreviations or _DOTTED.fullmatch(bare) is not None


def boundary_after(word: Word, before: Word | None, language: Language, dated: bool) -> Cut | None:
    """The boundary after a word, or None if text still to come decides it.

    Args:
        word: the word.
        before: the word before it.
        language: whose abbreviations are known.
        dated: whether a comma in a date or a dash between numbers parts no clauses.
    """
    if not word.last:
        if len(word.text) == MAX_WORD:
            return Cut.WORD
        if len(word.gap) == MAX_GAP:
            return Cut.PARAGRAPH
        if not word.rest or _needs_more(word, dated):
            return None
        if "\n" not in word.gap and language.dotted_days and _DOTTED_DAY.fullmatch(word.text):
            return Cut.WORD
    cut = _boundary(word, language)
    if dated and cut == Cut.CLAUSE and not word.last and _goes_on(word, before):
        return Cut.WORD
    return cut


def _needs_more(word: Word, dated: bool) -> bool:
    """Whether more of `rest` is needed to tell a list mark from a word, a year from a number."""
    if word.closed or len(word.rest) == LOOKAHEAD or re.search(r"\s", word.rest):
        return False
    before_year = dated and word.rest[0].isdigit() and _DAY.fullmatch(word.text) is not None
    return "\n" in word.gap or before_year


def _goes_on(word: Word, before: Word | None) -> bool:
    """Whether a comma or a dash parts no clauses: `May 17, | 2024`, `x² - | y²`, `5 – | 10`."""
    if "\n" in word.gap:
        return False
    if word.text in DASHES:
        return word.rest[:1].isdigit() or (before is not None and before.text[-1:].isdigit())
    return _DAY.fullmatch(word.text) is not None and _YEAR.match(word.rest) is not None


def _boundary(word: Word, language: Language) -> Cut:
    """The boundary after a word by its punctuation, the white space and what comes behind."""
    lines = word.gap.count("\n")
    if lines > 1:
        return Cut.PARAGRAPH
    if lines == 1 and _LIST_MARK.match(word.rest):
        return Cut.SENTENCE
    core = word.text.rstrip(CLOSERS)
    end = core[-1:]
    lower = word.rest[:1].islower()
    if not end:
        return Cut.CLAUSE if lines else Cut.WORD
    if end in "。！？":
        return Cut.SENTENCE
    if end in "!?…" or core.endswith(".."):
        return Cut.CLAUSE if lower else Cut.SENTENCE
    if end == ".":
        if is_abbreviation(core, language) or not core.strip("."):
            return Cut.CLAUSE if lines else Cut.WORD
        # "ended. then" is a careless sentence end; "approx. five" or "p. six" is none.
        return Cut.SENTENCE if not lower or (len(core) > 4 and core[-5:-1].isalpha()) else Cut.WORD
    if end in ",;:，、；：" or lines or core in DASHES:
        return Cut.CLAUSE
    return Cut.WORD
