"""What was written in a session, kept so that the session can be reopened.

A server that was restarted does not know its sessions any more. The client then writes the text
again, cut at the same places, and the server makes the same samples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

LIMIT = 500_000
"""Characters that are kept: as many as a server lets wait to be spoken, unless told otherwise."""


class Transcript:
    """Everything written since the last barge-in that the server has answered.

    Attributes:
        byte, char: where in the session's audio and text it begins.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        """`limit`: characters that are kept; of a longer text nothing is."""
        self._limit = limit
        self._turns = deque([_Turn(0)])
        self.byte = 0

    @property
    def char(self) -> int:
        """See the class."""
        return self._turns[0].start

    @property
    def complete(self) -> bool:
        """Whether all of it was kept."""
        return all(turn.kept for turn in self._turns)

    def add(self, message: Mapping[str, Any]) -> None:
        """Note a message that was written: `text`, `flush`, `end` or `cancel`."""
        turn = self._turns[-1]
        if message["type"] == "text":
            turn.write(message["text"])
            if sum(len(turn) for turn in self._turns) > self._limit:
                turn.drop()
            return
        turn.stop(message)
        if message["type"] == "cancel":
            self._turns.append(_Turn(turn.end))

    def cut(self, char: int) -> None:
        """Note that the server has cut the text there, as a flush does."""
        for turn in self._turns:
            turn.cut(char)

    def cancelled(self, byte: int) -> None:
        """The server has answered the first `cancel`: what follows is heard from `byte` on."""
        if len(self._turns) > 1:
            self._turns.popleft()
        self.byte = byte

    def messages(self) -> Iterator[dict[str, Any]]:
        """What has to be written so that the same samples are made, in as few messages as possible.

        It must be complete.
        """
        for turn in self._turns:
            yield from turn.messages()


@dataclass
class _Turn:
    """Text up to a barge-in.

    Attributes:
        start, end: characters of the session before it, and with it.
        pieces: the text; kept: whether it is still there.
        stops: messages beside the text, each with the characters before it.
        cuts: places where the server has cut the text by itself.
    """

    start: int
    end: int = -1
    pieces: list[str] = field(default_factory=list)
    kept: bool = True
    stops: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    cuts: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.end = self.start

    def __len__(self) -> int:
        return self.end - self.start if self.kept else 0

    def write(self, text: str) -> None:
        self.end += len(text)
        if self.kept:
            self.pieces.append(text)

    def stop(self, message: Mapping[str, Any]) -> None:
        stop = (self.end, dict(message))
        if self.kept and self.stops[-1:] != [stop]:  # a second flush at a place changes nothing
            self.stops.append(stop)

    def cut(self, char: int) -> None:
        if self.kept and self.start < char <= self.end:
            self.cuts.add(char)

    def drop(self) -> None:
        self.kept = False
        self.pieces.clear()
        self.stops.clear()
        self.cuts.clear()

    def messages(self) -> Iterator[dict[str, Any]]:
        text, at = "".join(self.pieces), self.start
        flushed = {place for place, message in self.stops if message["type"] == "flush"}
        cuts = [(place, {"type": "flush"}) for place in self.cuts - flushed]
        for place, message in sorted([*cuts, *self.stops], key=lambda stop: stop[0]):
            if at < place:
                yield {"type": "text", "text": text[at - self.start : place - self.start]}
                at = place
            yield message
        if at < self.end:
            yield {"type": "text", "text": text[at - self.start :]}
