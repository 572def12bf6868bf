"""Who is stepped next, and whether one more listener can be served in time."""

from __future__ import annotations

from collections.abc import Iterable

from vibevoice_pro.engine.stream import Stream

GUARD_S = 0.3
"""A listener who would run dry within this time is served before one who waits for a first sound:
a first sound that comes later is a delay, a gap in the middle of a word is a fault."""


def pick(streams: Iterable[Stream], now: float, size: int) -> list[Stream]:
    """Up to `size` streams that can and should be stepped, earliest deadline first.

    A listener who has heard nothing yet is due since it came, one who hears is due when its audio
    runs out, bulk work comes last. Source: Liu and Layland, Scheduling Algorithms for
    Multiprogramming in a Hard-Real-Time Environment (1973), the deadline-driven algorithm.
    """

    def urgency(stream: Stream) -> tuple[bool, float]:
        about_to_run_dry = stream.heard and stream.deadline < now + GUARD_S
        return not about_to_run_dry, stream.deadline

    return sorted((s for s in streams if s.runnable(now)), key=urgency)[:size]


class LoadMeter:
    """How much of the model thread one listener takes, measured as it works.

    Attributes:
        limit: the share of the thread's time that may be promised to listeners.
    """

    _MEMORY = 0.995  # weight of what was measured before, per step: about the last 200 steps

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._compute = 0.0
        self._audio = 0.0

    def record(self, compute_s: float, audio_s: float) -> None:
        """One step took `compute_s` seconds and made `audio_s` seconds of audio, all streams."""
        self._compute = self._compute * self._MEMORY + compute_s
        self._audio = self._audio * self._MEMORY + audio_s

    @property
    def cost(self) -> float:
        """Seconds of the model thread for one second of audio of one listener; 0: not known yet."""
        return self._compute / self._audio if self._audio else 0.0

    def capacity(self) -> float:
        """Listeners that can be served in real time at once; infinite while nothing is known."""
        return self.limit / self.cost if self.cost else float("inf")
