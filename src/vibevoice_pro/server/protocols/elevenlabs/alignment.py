"""When each character is heard, from the times of the words.

A character ends where the next one begins, so that no time is lost between two of them: within a
word they share its time evenly, and what stands between two words shares the pause. The last one
lasts until the speech rests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from vibevoice_pro.audio.frames import SAMPLE_BYTES
from vibevoice_pro.speech.events import Mark
from vibevoice_pro.text.clean import clean


@dataclass(frozen=True)
class Times:
    """Characters that follow one another, and when they are heard.

    Attributes:
        chars: the characters, as they were written.
        starts: where each begins, in ms of the whole speech.
        end: where the last one ends.
    """

    chars: list[str]
    starts: list[int]
    end: int

    @property
    def ends(self) -> list[int]:
        """Where each ends, in ms."""
        return [*self.starts[1:], self.end]


class Alignment:
    """The characters of one speech, in order."""

    def __init__(self, rate: int) -> None:
        """`rate`: of the PCM, in Hz."""
        self._bytes_per_ms = rate * SAMPLE_BYTES / 1000
        self._text: deque[str] = deque()  # written, and not known yet
        self._known: deque[tuple[str, int]] = deque()  # not given out: where each begins, in ms
        self._char = 0  # of all that was written; those before it are known
        self._end = 0  # of the last word that is known, in ms

    def ms(self, byte: int) -> int:
        """Where a byte of the speech is heard."""
        return round(byte / self._bytes_per_ms)

    def write(self, text: str) -> None:
        """Text that was written to the speech."""
        self._text.extend(clean(text))

    def add(self, mark: Mark) -> None:
        """A word, and what stands between it and the one before."""
        start = max(self.ms(mark.bytes[0]), self._end)
        end = max(self.ms(mark.bytes[1]), start)
        self._spread(self._take(mark.chars[0]), self._end, start)
        self._spread(self._take(mark.chars[1]), start, end)
        self._end = end

    def until(self, ms: int) -> Times | None:
        """Those that begin before `ms` and whose end is known; None: there are none."""
        taken = []
        while len(self._known) > 1 and self._known[0][1] < ms:
            taken.append(self._known.popleft())
        return _times(taken, self._known[0][1]) if taken else None

    def close(self, ms: int, chars: int | None = None) -> Times | None:
        """All that is left of the first `chars` characters, of all where it is None; the speech
        rests at `ms`."""
        end = max(ms, self._end)
        self._spread(self._take(chars), self._end, end)
        taken = [*self._known]
        self._known.clear()
        self._end = end
        return _times(taken, end) if taken else None

    def _take(self, to: int | None) -> list[str]:
        """The text up to a character; None: all."""
        count = len(self._text) if to is None else min(max(to - self._char, 0), len(self._text))
        self._char += count
        return [self._text.popleft() for _ in range(count)]

    def _spread(self, chars: list[str], start: int, end: int) -> None:
        for i, char in enumerate(chars):
            self._known.append((char, start + (end - start) * i // len(chars)))


def _times(taken: Iterable[tuple[str, int]], end: int) -> Times:
    chars, starts = zip(*taken, strict=True)
    return Times([*chars], [*starts], end)
