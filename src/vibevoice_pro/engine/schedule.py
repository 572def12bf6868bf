"""Which streams are stepped next, and what a step costs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from vibevoice_pro.engine.urgency import Urgency

if TYPE_CHECKING:
    from vibevoice_pro.engine.job import Job


def pick(jobs: Iterable[Job], now: float) -> list[Job]:
    """The jobs to step together, all of one model; none: nothing can or should be stepped.

    Earliest deadline first: those who play in the order in which they run dry. One who waits for a
    first sound goes before them, in order of arrival, unless that would let somebody run dry: a
    first sound that comes later is a delay, a gap in the middle of a word is a fault. Background
    work comes last. The most urgent job decides the model, and others of that model fill the batch.
    A step that somebody waits for is not made longer by background work, nor, with a model of
    uneven steps, by those who play.

    Source: Liu and Layland, Scheduling Algorithms for Multiprogramming in a Hard-Real-Time
    Environment (1973), the deadline-driven algorithm.
    """
    kinds: dict[Urgency, list[Job]] = {urgency: [] for urgency in Urgency}
    for job in sorted((j for j in jobs if j.runnable(now)), key=lambda j: j.due):
        kinds[job.urgency].append(job)
    waiting, playing, background = (kinds[urgency] for urgency in Urgency)
    first = _fitting(waiting, _slack(playing, now))
    ordered = [*waiting[:first], *playing, *waiting[first:], *background]
    if not ordered:
        return []
    host = ordered[0].host
    if not first:
        companions = ordered
    elif host.model.info.uneven:
        companions = waiting[:first]
    else:
        companions = [*waiting[:first], *playing, *waiting[first:]]
    return [j for j in companions if j.host is host][: host.model.info.max_batch]


def _slack(playing: list[Job], now: float) -> float:
    """Seconds that the jobs that play, in order of deadline, can be kept waiting."""
    slack, busy = math.inf, 0.0
    for job in playing:
        meter = job.host.meter
        busy += meter.service_s
        # Where steps are uneven, those beside it in a batch make its own take longer.
        needed = max(busy, meter.longest_s) if job.host.model.info.uneven else busy
        slack = min(slack, job.due - now - needed)
    return slack


def _fitting(waiting: list[Job], slack: float) -> int:
    """How many of the jobs, from the first on, can be stepped in `slack` seconds."""
    for count, job in enumerate(waiting):
        slack -= job.host.meter.service_s
        if slack < 0:
            return count
    return len(waiting)


class LoadMeter:
    """How much of the cores' time one listener of a model takes, measured as it works.

    Kept for each batch size by itself: the more listeners a step serves, the less each costs, and
    whether one more can be served is a question about full batches, not about a quiet hour.

    Attributes:
        service_s: seconds that a chunk takes, without those beside it; on the safe side.
        longest_s: seconds from its first step to its last, if nothing else is stepped between.
    """

    _FADE = 0.01
    _MEMORY = 0.99  # weight of what was measured before, per step: about the last 100 of a size

    def __init__(self) -> None:
        self.service_s = self.longest_s = 0.0
        self._sizes: dict[int, tuple[float, float]] = {}  # size: compute and audio seconds

    def record(
        self, size: int, compute_s: float, audio_s: float, chunks: int | None = None,
        longest_s: float = 0.0,
    ) -> None:  # fmt: skip
        """A step of `size` streams finished chunks with `audio_s` of audio in all.

        Args:
            size: streams in the step.
            compute_s: their shares of it, and of the steps before in which they were begun.
            audio_s: seconds of audio in them.
            chunks: how many were finished; None: all.
            longest_s: the whole of the steps that one of them took, the longest.
        """
        self.service_s = self._safe(self.service_s, compute_s / (chunks or size))
        self.longest_s = self._safe(self.longest_s, longest_s)
        compute, audio = self._sizes.get(size, (0.0, 0.0))
        self._sizes[size] = compute * self._MEMORY + compute_s, audio * self._MEMORY + audio_s

    def fade(self) -> None:
        """Let what was measured so far count little: what follows is more like the truth."""
        self.service_s = self.longest_s = 0.0
        self._sizes = {n: (c * self._FADE, a * self._FADE) for n, (c, a) in self._sizes.items()}

    def _safe(self, before: float, now: float) -> float:
        return max(now, before * self._MEMORY + now * (1 - self._MEMORY))

    @property
    def cost(self) -> float:
        """Seconds of model time for a second of one listener's audio, when busy; 0: unknown."""
        costs = [compute / audio for compute, audio in self._sizes.values() if audio]
        return min(costs, default=0.0)
