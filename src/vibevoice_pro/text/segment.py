"""Cut text that is still being written into pieces a model can speak.

Where a piece ends depends on the text alone, never on how it arrived: a cut is made only when
everything that the decision looks at is there, so more text cannot change it. The one exception is
`Segmenter.pause`, which the engine calls when the writer has stopped and the listener has run dry.

The first piece of a turn is short, because somebody waits for it; later ones grow, because whole
sentences sound better. Cuts fall between words only, at the strongest boundary there
is, and a piece of one or two words is joined to its neighbour.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from vibevoice_pro.text.languages.en import (
    ABBREVIATIONS,
    BEFORE_NUMBERS,
    CONJUNCTIONS,
    PREPOSITIONS,
    STICKY,
)


class Cut(enum.IntEnum):
    """What the text does at the end of a piece: how strong the boundary is."""

    WORD = 0
    CLAUSE = 1
    SENTENCE = 2
    PARAGRAPH = 3


@dataclass(frozen=True)
class Piece:
    """A stretch of text to be spoken in one go.

    Attributes:
        text: the characters as they were written.
        start, end: their place in all the text fed so far, in characters; `end` is exclusive.
        cut: the boundary that ends the piece.
        first: whether a turn begins here: at the start, and after each flush or forced cut.
        ahead: what follows and was looked at to make the cut, white space first and whole words
            then; a model may use it to know how the piece goes on.
    """

    text: str
    start: int
    end: int
    cut: Cut
    first: bool
    ahead: str = ""


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


PHRASES = (Limit(3, 6, 1), Limit(8, 16, 2), Limit(14, 26, 2))
"""For a model that speaks each piece by itself: the first piece, the second, all others."""

SCRAPS = (Limit(3, 5, 0, whole=5),)
"""For a model that goes on from piece to piece: as soon as possible, where it does no harm."""

_MIN_WORDS = 3
_MAX_WORD = 300  # characters; a longer run without a space is no word and is cut there
_MAX_GAP = 64  # characters of white space looked at: enough to tell a paragraph

_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]?", re.I)  # U.S.  e.g.  a.m.  J.
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_WORD = re.compile(r"[^\s。！？；，、：]*[。！？；，、：]+[」』）》”’\"')\]]*|[^\s。！？；，、：]+")
_GAP = re.compile(r"\s*")
_CLOSERS = "\"'”’)]}»」』）》*_`~"
_LIST_MARK = re.compile(r"(?:[-*+•#>]|\d{1,3}[.)])\s")
_LIST_MARK_CHARS = 5
_DASHES = {"-", "–", "—"}
_SIGNS = _DASHES | set("+=×÷/<>≤≥≠≈±−→")
_DAY = re.compile(r"\d{1,2}(?:st|nd|rd|th)?,")
_DOTTED_DAY = re.compile(r"\d{1,2}\.")
_YEAR = re.compile(r"[12]\d{3}(?!\d)")
_IN_ONE = -3  # score of a place within what is read as one

_Break = tuple[int, str, Cut]  # where a word ends, the word, and the boundary after it


def _is_abbreviation(word: str) -> bool:
    bare = word.lstrip("(\"'“‘[").lower()
    return bare.rstrip(".") in ABBREVIATIONS or _DOTTED.fullmatch(bare) is not None


def _boundary(word: str, gap: str, rest: str) -> Cut:
    """Boundary after `word`, which is followed by the white space `gap` and then by `rest`."""
    lines = gap.count("\n")
    if lines > 1:
        return Cut.PARAGRAPH
    if lines == 1 and _LIST_MARK.match(rest):
        return Cut.SENTENCE
    core = word.rstrip(_CLOSERS)
    end = core[-1:]
    lower = rest[:1].islower()
    if not end:
        return Cut.CLAUSE if lines else Cut.WORD
    if end in "。！？":
        return Cut.SENTENCE
    if end in "!?…" or core.endswith(".."):
        return Cut.CLAUSE if lower else Cut.SENTENCE
    if end == ".":
        if _is_abbreviation(core) or not core.strip("."):
            return Cut.CLAUSE if lines else Cut.WORD
        # "ended. then" is a careless sentence end; "approx. five" or "p. six" is none.
        return Cut.SENTENCE if not lower or (len(core) > 4 and core[-5:-1].isalpha()) else Cut.WORD
    if end in ",;:，、；：" or lines or core in {"-", "–", "—"}:
        return Cut.CLAUSE
    return Cut.WORD


def _goes_on(last: _Break | None, word: str, rest: str) -> bool:
    """Whether a comma or a dash parts no clauses: `May 17, | 2024`, `x² - | y²`, `5 – | 10`."""
    if word in _DASHES:
        return rest[:1].isdigit() or (last is not None and last[1][-1:].isdigit())
    return _DAY.fullmatch(word) is not None and _YEAR.match(rest) is not None


def _read_as_one(word: str, following: str) -> bool:
    """Whether a break here may part a number from what it counts, a date or a formula."""
    last, nxt = word.rstrip(_CLOSERS).lower(), following.lstrip("(\"'“‘[").lower()
    number, numbered = last.rstrip(".,")[-1:].isdigit(), nxt[:1].isdigit()
    if last in _SIGNS or nxt in _SIGNS or (number and numbered):
        return True
    if number and not last.endswith(","):  # a full stop after it is one of a German date
        return nxt not in CONJUNCTIONS | PREPOSITIONS | STICKY  # 5 | million, 3 | p.m.
    return numbered and (last.endswith(".") or last in BEFORE_NUMBERS)  # No. | 5, May | 5


def _too_short(word: str, gap: str, rest: str, limit: Limit) -> bool:
    """Whether more of `rest` is needed to tell a list mark from a word, a year from a number."""
    if len(rest) == _LIST_MARK_CHARS or re.search(r"\s", rest):
        return False
    dated = limit.whole > 0 and rest[0].isdigit() and _DAY.fullmatch(word) is not None
    return "\n" in gap or dated


def _score(word: str, cut: Cut, following: str) -> int:
    """How well a listener takes a break between two words of one sentence; higher is better."""
    if cut >= Cut.CLAUSE:
        return 3 + cut
    last, nxt = word.rstrip(_CLOSERS).lower(), following.lstrip("(\"'“‘[*_").lower()
    if last[-1:].isdigit() or nxt[:1].isdigit() or word.endswith("."):
        return -2  # 10 | million, March | 5, Dr. | Smith
    if last in STICKY:
        return -1
    return 3 if nxt in CONJUNCTIONS else 2 if nxt in PREPOSITIONS else 1


class Segmenter:
    """Text in, in any portions; `Piece`s out, as soon as each is certain.

    Positions are characters (code points) counted over everything fed.
    """

    def __init__(self, limits: Sequence[Limit] = PHRASES, dotted_days: bool = False) -> None:
        """`dotted_days`: days are written `17. Mai`, so that such a full stop ends no sentence."""
        self._limits = limits
        self._dotted_days = dotted_days
        self._text = ""
        self._base = 0  # position of _text[0]
        self._at = 0  # position up to which pieces were given out
        self._marks: deque[int] = deque()  # flush positions ahead
        self._finished = False
        self._turn = 0  # pieces given out since the turn began
        self._next: Piece | None = None
        self._stale = False

    def skip_to(self, position: int, turn: int) -> None:
        """Begin in mid-text: behind `position` characters, `turn` pieces into a turn."""
        self._base = self._at = position
        self._turn = turn

    @property
    def turn(self) -> int:
        """Pieces given out since the turn began."""
        return self._turn

    @property
    def fed(self) -> int:
        """Characters fed so far."""
        return self._base + len(self._text)

    @property
    def waiting(self) -> int:
        """Characters fed that no piece given out covers yet."""
        return self.fed - self._at

    @property
    def between_turns(self) -> bool:
        """Whether a flush, or the end, closed what was given out, and nothing new is certain."""
        return self.peek() is None and self._turn == 0

    @property
    def done(self) -> bool:
        """Whether the text is complete and all of it was given out."""
        return self._finished and self.peek() is None

    def feed(self, text: str) -> None:
        """Add text, in any portions: a letter, a token, a book."""
        self._text += text
        self._stale = True

    def flush(self) -> None:
        """Speak everything fed so far: the writer's turn is over, also without a full stop."""
        if not self._marks or self._marks[-1] < self.fed:
            self._marks.append(self.fed)
        self._stale = True

    def finish(self) -> None:
        """No more text will come."""
        self.flush()
        self._finished = True

    def pause(self) -> int | None:
        """The writer hesitates: let the whole words that wait be spoken, keep a half one back.

        Returns where the text is cut by that; a flush at that place would have done the same.
        """
        if self.peek() is not None or not self.waiting:
            return None
        end = None
        for match in _WORD.finditer(self._text, self._at - self._base):
            word = match.group()
            closed = match.end() < len(self._text)
            core = word.rstrip(_CLOSERS)
            if closed or (core[-1:] in ".!?…,;:。！？，、；：" and not core[:-1][-1:].isdigit()
                          and not _is_abbreviation(core)):  # fmt: skip
                end = match.end()
        if end is None:
            return None
        self._marks.append(self._base + end)
        self._stale = True
        return self._marks[-1]

    def peek(self) -> Piece | None:
        """The next piece if it is certain where it ends, else None; it stays in place."""
        if self._stale:
            self._stale = False
            if self._next is None:
                self._next = self._find()
        return self._next

    def take(self) -> Piece | None:
        """Give out the next piece, or None when more text is needed to know where it ends."""
        piece = self.peek()
        if piece is None:
            return None
        self._at = piece.end
        self._turn += 1
        self._pass_marks()
        cut = self._at - self._base
        if cut > 4096:  # drop what was spoken now and then, not at every piece
            self._text = self._text[cut:]
            self._base = self._at
        self._next, self._stale = None, True
        return piece

    def _pass_marks(self) -> None:
        while self._marks and self._marks[0] <= self._at:
            self._marks.popleft()
            self._turn = 0

    def _find(self) -> Piece | None:
        """Find where the next piece ends; None if text still to come could change that."""
        text = self._text
        start = self._skip_space()
        if start == len(text):
            return None
        mark = self._marks[0] - self._base if self._marks else None
        stop = len(text) if mark is None else mark  # nothing at or after it may be looked at
        limit = self._limits[min(self._turn, len(self._limits) - 1)]

        def piece(end: int, cut: Cut, seen: int | None = None) -> Piece:
            place = self._base + start, self._base + end
            return Piece(text[start:end], *place, cut, self._turn == 0, text[end : seen or end])

        count = 0.0  # words so far
        last: _Break | None = None  # the break before this word
        best: tuple[int, int, Cut] | None = None  # score, place and kind of the best break
        clause: tuple[int, float] | None = None  # a clause end to cut at, and the words up to it
        at = start
        while at < stop:
            match = _WORD.match(text, at, min(stop, at + _MAX_WORD))
            assert match is not None, "white space was skipped"
            word, end = match.group(), match.end()
            if end == len(text) and mark is None and len(word) < _MAX_WORD:
                return None  # the word may go on
            held = limit.whole if best is not None and best[0] == _IN_ONE else 0
            if last is not None and _MIN_WORDS <= count <= limit.max_words + held:
                score = _score(last[1], last[2], word)
                if limit.whole and last[2] == Cut.WORD and _read_as_one(last[1], word):
                    score = _IN_ONE
                if best is None or score >= best[0]:
                    best = (score, last[0], last[2])
                    held = limit.whole if score == _IN_ONE else 0
            count += max(1.0, len(_CJK.findall(word)) / 2)
            if last is not None and count > limit.max_words + max(limit.slack, held):
                _, where, kind = best or (0, last[0], last[2])
                return piece(where, kind, end)

            gap = _GAP.match(text, end, min(stop, end + _MAX_GAP))
            at = gap.end() if gap else end
            if at >= stop and mark is not None:
                return piece(end, max(Cut.CLAUSE, _boundary(word, text[end:at], "")))
            rest = text[at : min(stop, at + _LIST_MARK_CHARS)]
            if len(word) == _MAX_WORD:
                kind = Cut.WORD
            elif at - end == _MAX_GAP:
                kind = Cut.PARAGRAPH
            elif not rest or (mark is None and _too_short(word, text[end:at], rest, limit)):
                return None  # what follows the white space decides, and is not there yet
            else:
                kind = _boundary(word, text[end:at], rest)
                if "\n" not in text[end:at] and (
                    (limit.whole and kind == Cut.CLAUSE and _goes_on(last, word, rest))
                    or (self._dotted_days and _DOTTED_DAY.fullmatch(word))
                ):
                    kind = Cut.WORD

            if kind == Cut.PARAGRAPH or (kind == Cut.SENTENCE and count >= _MIN_WORDS):
                return piece(end, kind)
            if clause is not None and count - clause[1] >= _MIN_WORDS:
                return piece(clause[0], Cut.CLAUSE, end)
            if kind == Cut.CLAUSE and count >= limit.clause_from and clause is None:
                if self._turn == 0:
                    return piece(end, kind)  # somebody waits; do not look further ahead
                clause = (end, count)
            last = (end, word, kind)
        return None

    def _skip_space(self) -> int:
        """Step over white space before the next piece; return its index in the buffer."""
        match = _GAP.match(self._text, self._at - self._base)
        start = match.end() if match else len(self._text)
        self._at = self._base + start
        self._pass_marks()
        return start
