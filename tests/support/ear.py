"""A listener of a session, for tests without a connection."""

from __future__ import annotations

import threading


class Ear:
    """A connection, as its session sees it; `woken` when there may be something new."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.woken = threading.Event()
        self.evicted = False

    def wake(self) -> None:
        self.woken.set()

    def evict(self) -> None:
        self.evicted = True
