"""PCM that is kept so that a listener can hear it again, and where its text is heard."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain

from vibevoice_pro.engine.pcm import Span

_ARRIVED = 1000  # spans; several minutes, and a listener has at most seconds that were not played


class Replay:
    """A window [start, end) of a stream's PCM, in bytes from its beginning.

    Attributes:
        start: where it begins.
        chars_before: characters of text that are heard before `start`.
    """

    def __init__(self, start: int = 0, chars_before: int = 0) -> None:
        self.start = start
        self.chars_before = chars_before
        self._pcm = bytearray()
        self._spans: deque[Span] = deque()
        self._arrived: deque[Span] = deque(maxlen=_ARRIVED)  # before `start`, perhaps not played

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self._pcm)

    def __len__(self) -> int:
        return len(self._pcm)

    def append(self, pcm: bytes) -> None:
        """Keep more."""
        self._pcm += pcm

    def note(self, spans: Iterable[Span]) -> None:
        """Keep where text is heard; in order, and perhaps before the PCM is there."""
        self._spans += spans

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
        while self._spans and self._spans[0].bytes[1] <= to:
            span = self._spans.popleft()
            self._arrived.append(span)
            self.chars_before = span.chars[1]

    def cut(self, end: int) -> None:
        """Let it end at `end`, whatever was to come there: that will never be heard.

        Where `end` has not been reached (another process had sent it), nothing before it is kept.
        """
        if end > self.end:
            self.start = end
            self._pcm.clear()
        del self._pcm[max(0, end - self.start) :]
        while self._spans and self._spans[-1].bytes[0] >= end:
            self._spans.pop()

    def spans(self, first: int, last: int) -> Iterator[Span]:
        """The spans that begin in the bytes [first, last)."""
        return (span for span in self._spans if first <= span.bytes[0] < last)

    def spans_around(self, byte: int) -> Iterator[Span]:
        """The spans that begin before `byte` and end behind it."""
        return (span for span in self._spans if span.bytes[0] < byte < span.bytes[1])

    def chars_heard(self, byte: int) -> int:
        """Characters of text that have been heard to their end at `byte`, which may lie before
        `start`: what has arrived need not have been played."""
        before = self._arrived[0].chars[0] if self._arrived else self.chars_before
        spans = chain(self._arrived, self._spans)
        return max((span.chars[1] for span in spans if span.bytes[1] <= byte), default=before)
