"""What a session and the connection that listens to it know of each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from vibevoice_pro.engine.pcm import Span


class Listener(Protocol):
    """A connection, as its session sees it. Called on the event loop."""

    def wake(self) -> None:
        """There may be something new to hear."""

    def evict(self) -> None:
        """A newer connection listens now."""


@dataclass
class Burst:
    """What a listener gets next.

    Attributes:
        frames: of PCM, one after the other.
        spans: where the text that begins in them is heard.
        cuts: places where a writer's pause cut the text.
        unread: names of scripts that were left out.
        ignored: what the text asked for and was not done, a sentence each.
    """

    frames: list[bytes] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    ignored: list[str] = field(default_factory=list)
