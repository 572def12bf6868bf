"""Cut text that is still being written into pieces a model can speak.

Where a piece ends depends on the text alone, never on how it arrived: a cut is made only when
everything that the decision looks at is there, so more text cannot change it. The one exception is
`Segmenter.pause`, which the engine calls when the writer has stopped and the listener has run dry.

The first piece of a turn is short, because somebody waits for it; later ones grow, because whole
sentences sound better. Cuts fall between words only, at the strongest boundary there is, and a
piece of one or two words is joined to its neighbour. A run of characters without a space that is
longer than any word is cut in its midst: a piece has at most `MAX_PIECE` characters.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vibevoice_pro.text.backlog import Backlog
from vibevoice_pro.text.boundaries import LOOKAHEAD, MAX_GAP, MAX_WORD, Cut, scan, whole_words
from vibevoice_pro.text.breaks import MAX_PIECE, Breaks, Limit
from vibevoice_pro.text.languages import language_of

__all__ = ["MAX_PIECE", "PHRASES", "SCRAPS", "Cut", "Limit", "Piece", "Segmenter"]

PHRASES = (Limit(3, 6, 1), Limit(8, 16, 2), Limit(14, 26, 2))
"""For a model that speaks each piece by itself: the first piece, the second, all others."""

SCRAPS = (Limit(3, 5, 0, whole=5),)
"""For a model that goes on from piece to piece: as soon as possible, where it does no harm."""

_WINDOW = MAX_PIECE + MAX_WORD + 2 * MAX_GAP + LOOKAHEAD
"""Characters from the begin of a piece on: more are not looked at to find its end."""

_NEXT_WORDS = re.compile(r"(?:\s+\S+){1,3}")


@dataclass(frozen=True)
class Piece:
    """A stretch of text to be spoken in one go.

    Attributes:
        text: the characters as they were written, at most `MAX_PIECE`.
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


class Segmenter:
    """Text in, in any portions; `Piece`s out, as soon as each is certain.

    `prepare` looks for the next piece, in a bounded stretch of the text; `ready`, `done` and
    `between_turns` are as of its last call and change nothing. Positions are characters (code
    points) counted over everything fed.
    """

    def __init__(self, limits: Sequence[Limit] = PHRASES, language: str = "en") -> None:
        """`limits`: of the first piece of a turn, the second and so on; the last of all others.

        `language`: of the text, e.g. `en` or `en-US`.
        """
        self._limits = limits
        self._language = language_of(language)
        self._backlog = Backlog()
        self._window = ""  # what follows the pieces given out; the backlog goes on from there
        self._fed = 0
        self._flushes: deque[int] = deque()  # positions ahead where turns end
        self._finished = False
        self._turn = 0  # pieces given out since the turn began
        self._next: Piece | None = None
        self._searched = True  # whether `_next` is what there is

    def skip_to(self, position: int, turn: int) -> None:
        """Begin in mid-text: behind `position` characters, `turn` pieces into a turn."""
        self._fed = position
        self._turn = turn

    @property
    def turn(self) -> int:
        """Pieces given out since the turn began."""
        return self._turn

    @property
    def fed(self) -> int:
        """Characters fed so far."""
        return self._fed

    @property
    def waiting(self) -> int:
        """Characters fed that no piece given out covers yet; white space before a piece is none."""
        return len(self._window) + len(self._backlog)

    @property
    def ready(self) -> bool:
        """Whether a piece is certain."""
        return self._next is not None

    @property
    def done(self) -> bool:
        """Whether the text is complete and all of it was given out."""
        return self._finished and self._searched and self._next is None

    @property
    def between_turns(self) -> bool:
        """Whether a flush, or the end, closed what was given out, and nothing new is certain."""
        return self._next is None and self._turn == 0

    @property
    def next(self) -> Piece | None:
        """The next piece, if it is certain where it ends."""
        return self._next

    def feed(self, text: str) -> None:
        """Add text, in any portions: a letter, a token, a book."""
        self._backlog.append(text)
        self._fed += len(text)
        self._searched = False

    def flush(self) -> None:
        """Speak everything fed so far: the writer's turn is over, also without a full stop."""
        if not self._flushes or self._flushes[-1] < self._fed:
            self._flushes.append(self._fed)
        self._searched = False

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
        end = whole_words(self._window, self._language)
        if end is None:
            return None
        self._flushes.append(self._at + end)
        self._searched = False
        return self._flushes[-1]

    def prepare(self) -> None:
        """Look for the next piece, if something has changed since the last time."""
        if not self._searched:
            self._searched = True
            if self._next is None:
                self._next = self._find()

    def peek(self) -> Piece | None:
        """`prepare`, and the next piece if it is certain where it ends; it stays in place."""
        self.prepare()
        return self._next

    def shorten(self, length: int) -> None:
        """End the next piece after `length` characters; what is left of it is found again."""
        piece = self._next
        assert piece is not None
        assert 0 < length < len(piece.text)
        rest = _NEXT_WORDS.match(piece.text, length)
        self._next = replace(
            piece,
            text=piece.text[:length],
            end=piece.start + length,
            cut=Cut.WORD,
            ahead=rest.group() if rest else "",
        )

    def take(self) -> Piece | None:
        """Give out the next piece, or None when more text is needed to know where it ends."""
        piece = self.peek()
        if piece is not None:
            self._window = self._window[len(piece.text) :]
            self._turn += 1
            self._pass_flushes()
            self._next, self._searched = None, False
        return piece

    @property
    def _at(self) -> int:
        """The position of the first character in the window."""
        return self._fed - self.waiting

    def _find(self) -> Piece | None:
        """Find where the next piece ends; None if text still to come could change that."""
        self._fill_window()
        text, closed = self._window, False
        if self._flushes and self._flushes[0] <= self._at + len(text):
            text, closed = text[: self._flushes[0] - self._at], True
        limit = self._limits[min(self._turn, len(self._limits) - 1)]
        breaks = Breaks(limit, self._language, first=self._turn == 0)
        for word in scan(text, closed):
            found = breaks.before(word)
            if found is None:
                cut = breaks.boundary_after(word)
                if cut is None:
                    return None
                found = breaks.after(word, cut)
            if found is not None:
                start, end = self._at, self._at + found.end
                ahead = text[found.end : found.seen]
                return Piece(text[: found.end], start, end, found.cut, self._turn == 0, ahead)
        return None

    def _fill_window(self) -> None:
        """Leave out the white space before the next piece, and bring its text into the window."""
        self._window = self._window.lstrip()
        if not self._window:
            self._backlog.skip_space()
        self._window += self._backlog.read(_WINDOW - len(self._window))
        self._pass_flushes()

    def _pass_flushes(self) -> None:
        while self._flushes and self._flushes[0] <= self._at:
            self._flushes.popleft()
            self._turn = 0
