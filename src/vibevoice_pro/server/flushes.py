"""Flushes that a client wants an answer to, each when what was written before it has been heard."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.speech.events import Audio, Drained, Ended, Event, Mark

MOST = 1000
"""Flushes that may wait for their answers."""


class Flushes:
    """The flushes of one speech.

    The `Drained` of a speech alone does not do: it comes once for all that was flushed, and not at
    all while there is newer text.
    """

    def __init__(self) -> None:
        self._waiting: deque[int] = deque()
        self._byte = 0  # of the speech, given out

    def add(self, chars: int) -> None:
        """A flush, after so many characters of the speech.

        Raises:
            BadParameter: too many wait.
        """
        if len(self._waiting) >= MOST:
            raise BadParameter(f"at most {MOST} flushes may wait for what was written before them")
        self._waiting.append(chars)

    def clear(self) -> None:
        """What was written is not to be heard any more."""
        self._waiting.clear()

    async def each(self, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        """The same events, with one `Drained` for each flush."""
        async for event in events:
            match event:
                case Audio():
                    self._byte = event.byte + len(event.pcm)
                case Mark():  # of newer text: it comes after the sound of all that is older
                    for drained in self._heard(event.chars[0]):
                        yield drained
                case Drained():
                    for drained in self._heard(event.chars):
                        yield drained
                    continue
                case Ended():
                    for drained in self._heard():
                        yield drained
            yield event

    def _heard(self, chars: int | None = None) -> Iterator[Drained]:
        """Those that wait for the first `chars` characters, or all."""
        while self._waiting and (chars is None or self._waiting[0] <= chars):
            yield Drained(self._byte, self._waiting.popleft())
