"""What is spoken without a mark that parts it: an utterance, and where its text is written."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from vibevoice_pro.models.base import Utterance
from vibevoice_pro.text.boundaries import CLOSERS, Cut
from vibevoice_pro.text.steps import Said


@dataclass(frozen=True)
class Stretch:
    """Where a stretch of what an utterance was fed is written.

    Attributes:
        start, end: in what it was fed.
        said: what that is.
    """

    start: int
    end: int
    said: Said

    def place(self, at: int) -> int:
        """Where the character at `at` is written."""
        chars = self.said.chars
        return chars[0] + at - self.start if self.said.exact else chars[0]

    def place_after(self, at: int) -> int:
        """Where the character before `at` ends."""
        return self.place(at - 1) + 1 if self.said.exact else self.said.chars[1]

    def cut_after(self, at: int) -> int:
        """Where the text as written would be flushed, to flush what was said before `at`."""
        return self.place_after(at) if self.said.exact else self.said.end


@dataclass
class Leg:
    """What is spoken without a mark that parts it.

    Attributes:
        utterance: of the model.
        pace: 1 is that of the request.
        gap: seconds of silence wanted before it; None: no matter.
        fed: characters that the utterance has been fed.
        stretches: where they are written, of those that are not spoken yet.
        origin: what it was fed first.
        fresh: whether nothing of it has been heard.
        over: whether no more text is for it.
        last: the last character that is no space; lines: ends of lines behind it.
        glued: whether no space has come since something was said that is not so written.
    """

    utterance: Utterance
    pace: float
    gap: float | None = None
    fed: int = 0
    stretches: deque[Stretch] = field(default_factory=deque)
    fresh: bool = True
    over: bool = False
    last: str = ""
    lines: int = 0
    glued: bool = False
    origin: Said | None = None

    def feed(self, text: str, said: Said) -> None:
        """Give the utterance `text`, which is what `said` comes to."""
        end = self.fed + len(text)
        before = self.stretches[-1] if self.stretches else None
        if before and _go_together(before.said, said):
            joined = replace(before.said, chars=(before.said.chars[0], said.end), end=said.end)
            self.stretches[-1] = replace(before, end=end, said=joined)
        else:
            self.stretches.append(Stretch(self.fed, end, said))
        self.fed = end
        self.origin = self.origin or said
        spaced = said.exact and any(map(str.isspace, text))
        self.glued = not spaced and (self.glued or not said.exact)
        self.utterance.feed(text)
        bare = text.rstrip()
        self.last = bare[-1:] or self.last
        self.lines = text[len(bare) :].count("\n") + (0 if bare else self.lines)

    def finish(self) -> None:
        """No more text is for it."""
        self.utterance.finish()
        self.over = True

    def at(self, place: int) -> Stretch:
        """The stretch with the character at `place`."""
        return next(each for each in self.stretches if place < each.end)

    @property
    def cut(self) -> Cut:
        """The boundary at its end."""
        if self.lines > 1:
            return Cut.PARAGRAPH
        if self.last in set(".!?…。！？"):
            return Cut.SENTENCE
        return Cut.CLAUSE if self.lines or self.last in set(",;:，、；：" + CLOSERS) else Cut.WORD


def _go_together(one: Said, other: Said) -> bool:
    same = one.exact and other.exact and one.elements == other.elements
    return same and one.chars[1] == other.chars[0]
