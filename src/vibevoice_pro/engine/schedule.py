"""Who is stepped next, and whether one more listener can be served in time."""

from __future__ import annotations

from collections.abc import Iterable

from vibevoice_pro.engine.stream import Stream


def pick(streams: Iterable[Stream], now: float, size: int, service_s: float) -> list[Stream]:
    """Up to `size` streams that can and should be stepped.

    Those who play come in the order in which they run dry, bulk work last. One who waits for a
    first sound goes before them, in order of arrival, unless that would let somebody run dry, given
    that a stream takes `service_s` seconds: a first sound that comes later is a delay, a gap in the
    middle of a word is a fault. Source: Liu and Layland, Scheduling Algorithms for Multiprogramming
    in a Hard-Real-Time Environment (1973), the deadline-driven algorithm.
    """
    runnable = sorted((s for s in streams if s.runnable(now)), key=lambda s: s.deadline)
    waiting = [s for s in runnable if not s.heard and s.config.realtime]
    playing = [s for s in runnable if s.heard and s.config.realtime]
    bulk = [s for s in runnable if not s.config.realtime]
    slack = min(
        (s.deadline - now - (i + 1) * service_s for i, s in enumerate(playing)),
        default=float("inf"),
    )
    first = int(min(size, max(0.0, slack) / service_s)) if service_s else size
    return [*waiting[:first], *playing, *waiting[first:], *bulk][:size]


class LoadMeter:
    """How much of the model's time one listener takes, measured as it works.

    Kept for each batch size by itself: the more listeners a step serves, the less each costs, and
    whether one more can be served is a question about full batches, not about a quiet hour.

    Attributes:
        limit: the share of the model's time that may be promised to listeners.
        service_s: seconds of model time a step takes for each of its streams, on the safe side.
    """

    _MEMORY = 0.99  # weight of what was measured before, per step: about the last 100 of a size

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.service_s = 0.0
        self._sizes: dict[int, tuple[float, float]] = {}  # size: compute and audio seconds

    def record(self, size: int, compute_s: float, audio_s: float) -> None:
        """A step of `size` streams took `compute_s` seconds and made `audio_s` of audio in all."""
        each = compute_s / size
        self.service_s = max(each, self.service_s * self._MEMORY + each * (1 - self._MEMORY))
        compute, audio = self._sizes.get(size, (0.0, 0.0))
        self._sizes[size] = compute * self._MEMORY + compute_s, audio * self._MEMORY + audio_s

    @property
    def cost(self) -> float:
        """Seconds of model time for a second of one listener's audio, when busy; 0: unknown."""
        costs = [compute / audio for compute, audio in self._sizes.values() if audio]
        return min(costs, default=0.0)

    def capacity(self) -> float:
        """Listeners that can be served in real time at once; infinite while nothing is known."""
        return self.limit / self.cost if self.cost else float("inf")
