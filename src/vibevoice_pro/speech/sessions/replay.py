"""What was made and is kept, so that a listener can hear it again: PCM, and where its text is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from vibevoice_pro.engine.pcm import Spoken


class Replay:
    """A window [start, end) of a stream's PCM, in bytes from its beginning.

    Attributes:
        start, end: what is kept.
        spoken_before: characters that were spoken before the kept marks.
    """

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.spoken_before = 0
        self._pcm = bytearray()
        self._spoken: deque[Spoken] = deque()

    @property
    def end(self) -> int:
        """Where what is kept ends, in bytes."""
        return self.start + len(self._pcm)

    def __len__(self) -> int:
        return len(self._pcm)

    def append(self, pcm: bytes) -> None:
        """Keep more."""
        self._pcm += pcm

    def note(self, spoken: Iterable[Spoken]) -> None:
        """Keep where text is heard; in order, and perhaps before the PCM is there."""
        self._spoken += spoken

    def read(self, first: int, last: int) -> bytes:
        """The bytes [first, last), which must be kept."""
        assert self.start <= first <= last <= self.end
        return bytes(memoryview(self._pcm)[first - self.start : last - self.start])

    def trim(self, to: int) -> None:
        """Forget what lies before `to`, as far as there is something."""
        if to <= self.start:
            return
        to = min(to, self.end)
        del self._pcm[: to - self.start]
        self.start = to
        while self._spoken and self._spoken[0].bytes[1] <= to:
            self.spoken_before = self._spoken.popleft().chars[1]

    def cut(self, end: int) -> None:
        """Go on at `end`, whatever was to come there: it will never be heard.

        Where `end` has not been reached (another process had sent it), nothing before it is kept.
        """
        if end > self.end:
            self.start = end
            self._pcm.clear()
        del self._pcm[max(0, end - self.start) :]
        while self._spoken and self._spoken[-1].bytes[0] >= end:
            self._spoken.pop()

    def spoken(self, first: int, last: int) -> Iterator[Spoken]:
        """The marks that begin in the bytes [first, last)."""
        return (mark for mark in self._spoken if first <= mark.bytes[0] < last)

    def spoken_around(self, byte: int) -> Iterator[Spoken]:
        """The marks that begin before `byte` and end behind it."""
        return (mark for mark in self._spoken if mark.bytes[0] < byte < mark.bytes[1])

    def spoken_by(self, byte: int) -> int:
        """Characters that have been heard to their end at `byte`."""
        heard = (mark.chars[1] for mark in self._spoken if mark.bytes[1] <= byte)
        return max(heard, default=self.spoken_before)
