"""The text written so far, kept so that it can be written again into another stream."""

from __future__ import annotations

import bisect
import sys
from dataclasses import dataclass, field

from vibevoice_pro.engine.stream import Stream


@dataclass
class Script:
    """The text of a stream from some place on, and where it was cut.

    Attributes:
        start: characters before it.
        text: the characters.
        cuts: places where a flush, or a writer's long pause, cut the text; in order.
        finished: whether no more will come.
    """

    start: int = 0
    text: str = ""
    cuts: list[int] = field(default_factory=list)
    finished: bool = False

    @property
    def end(self) -> int:
        """Characters written in all."""
        return self.start + len(self.text)

    @property
    def size(self) -> int:
        """Memory that the text takes, in bytes."""
        return sys.getsizeof(self.text)

    @property
    def empty(self) -> bool:
        """Whether there is nothing that a stream would have to be given."""
        return not self.text and not self.finished

    def cut(self, place: int) -> None:
        """Note a cut; a pause is known only later than it was made."""
        if place not in self.cuts:
            bisect.insort(self.cuts, place)

    def forget(self, before: int) -> None:
        """Drop what lies before a place."""
        self.text = self.text[before - self.start :]
        self.start = before
        self.cuts = [place for place in self.cuts if place > before]

    def write_into(self, stream: Stream, at: int) -> None:
        """Write all from `at` on into a stream that begins there.

        Raises:
            TextTooLong: it is more than a stream takes.
        """
        for place in self.cuts:
            if place > at:
                stream.feed(self.text[at - self.start : place - self.start])
                stream.flush()
                at = place
        if at < self.end:
            stream.feed(self.text[at - self.start :])
        if self.finished:
            stream.finish()
