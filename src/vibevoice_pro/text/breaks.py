"""Choose where a piece of text ends, while its words come in one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vibevoice_pro.text.boundaries import CLOSERS, DASHES, OPENERS, Cut, Word, boundary_after
from vibevoice_pro.text.languages.base import Language

MAX_PIECE = 400
"""Characters of a piece, whatever its words are."""

MIN_WORDS = 3
"""A piece of fewer words is joined to its neighbour, unless a paragraph or a turn ends it."""

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_SIGNS = DASHES | set("+=×÷/<>≤≥≠≈±−→")
_IN_ONE = -3  # score of a place within what is read as one


@dataclass(frozen=True)
class Limit:
    """When a piece may end: at a clause from `clause_from` words on, somewhere at `max_words`.

    A sentence that ends within `slack` words more is taken whole, and so is within `whole` words
    what is read as one: `5 million`, `May 17, 2024`, `a + b = c`. With 0, none is looked for.
    """

    clause_from: int
    max_words: int
    slack: int
    whole: int = 0


@dataclass(frozen=True)
class Break:
    """Where a piece ends.

    Attributes:
        end: the characters of the piece.
        cut: the boundary there.
        seen: the characters that were looked at to decide so, in whole words.
    """

    end: int
    cut: Cut
    seen: int


class Breaks:
    """The places where a piece could end; it is given the words from the begin of the piece on.

    For each word, `before` is asked first, then `after`; the first break found is the end.
    """

    def __init__(self, limit: Limit, language: Language, first: bool) -> None:
        """`first`: the piece begins a turn, so somebody waits for it."""
        self._limit = limit
        self._language = language
        self._first = first
        self._count = 0.0  # words so far
        self._last: tuple[Word, Cut] | None = None  # the word before, and the boundary after it
        self._best: tuple[int, int, Cut] | None = None  # score, place and boundary
        self._clause: tuple[int, float] | None = None  # a clause's end, and the words up to it

    def before(self, word: Word) -> Break | None:
        """The end of the piece, if it is full without `word`."""
        if self._last is None:
            self._count = _weight(word)
            return None
        last, cut = self._last
        if MIN_WORDS <= self._count <= self._limit.max_words + self._held:
            score = self._score(last, cut, word)
            if self._best is None or score >= self._best[0]:
                self._best = (score, last.end, cut)
        self._count += _weight(word)
        full = self._count > self._limit.max_words + max(self._limit.slack, self._held)
        if full or word.end > MAX_PIECE:
            _, end, cut = self._best or (0, last.end, cut)
            return Break(end, cut, word.end)
        return None

    def boundary_after(self, word: Word) -> Cut | None:
        """The boundary after a word, or None if text still to come decides it."""
        before = self._last and self._last[0]
        return boundary_after(word, before, self._language, dated=self._limit.whole > 0)

    def after(self, word: Word, cut: Cut) -> Break | None:
        """The end of the piece, if `cut`, the boundary after `word`, is strong enough."""
        if word.last:
            return Break(word.end, max(Cut.CLAUSE, cut), word.end)
        if cut == Cut.PARAGRAPH or (cut == Cut.SENTENCE and self._count >= MIN_WORDS):
            return Break(word.end, cut, word.end)
        if self._clause is not None and self._count - self._clause[1] >= MIN_WORDS:
            return Break(self._clause[0], Cut.CLAUSE, word.end)
        if cut == Cut.CLAUSE and self._count >= self._limit.clause_from and self._clause is None:
            if self._first:
                return Break(word.end, cut, word.end)
            self._clause = (word.end, self._count)
        self._last = (word, cut)
        return None

    @property
    def _held(self) -> int:
        """Words more that may come, while the best break parts what is read as one."""
        return self._limit.whole if self._best is not None and self._best[0] == _IN_ONE else 0

    def _score(self, last: Word, cut: Cut, word: Word) -> int:
        if self._limit.whole and cut == Cut.WORD and _read_as_one(last, word, self._language):
            return _IN_ONE
        return _score(last, cut, word, self._language)


def _weight(word: Word) -> float:
    """How many words a word counts for; where no spaces are written, two characters are one."""
    return max(1.0, len(_CJK.findall(word.text)) / 2)


def _score(last: Word, cut: Cut, word: Word, language: Language) -> int:
    """How well a listener takes a break between two words of one sentence; higher is better."""
    if cut >= Cut.CLAUSE:
        return 3 + cut
    left = last.text.rstrip(CLOSERS).lower()
    right = word.text.lstrip("(\"'“‘[*_").lower()
    if left[-1:].isdigit() or right[:1].isdigit() or last.text.endswith("."):
        return -2  # 10 | million, March | 5, Dr. | Smith
    if left in language.sticky:
        return -1
    return 3 if right in language.conjunctions else 2 if right in language.prepositions else 1


def _read_as_one(last: Word, word: Word, language: Language) -> bool:
    """Whether a break here may part a number from what it counts, a date or a formula."""
    left, right = last.text.rstrip(CLOSERS).lower(), word.text.lstrip(OPENERS).lower()
    number, numbered = left.rstrip(".,")[-1:].isdigit(), right[:1].isdigit()
    if left in _SIGNS or right in _SIGNS or (number and numbered):
        return True
    if number and not left.endswith(","):  # a full stop after it is one of a German date
        return right not in language.uncounted  # 5 | million, 3 | p.m.
    return numbered and (left.endswith(".") or left in language.before_numbers)  # No. | 5, May | 5
