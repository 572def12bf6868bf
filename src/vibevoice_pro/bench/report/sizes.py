"""How much each part of the report measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        memory_requests: requests whose peak memory is measured, one after the other.
        latency_requests: requests whose first sound is measured, one after the other.
        rounds, round_s: rounds of 10 clients at once, and how long each lasts.
        most: listeners at once that are tried at most.
        level_s: audio that each listener of a level hears; they arrive in the first third of it.
        confirmations: further runs of the largest level.
        shares: arrivals, as shares of what the largest level takes.
        arrivals_s: how long listeners arrive at each rate.
        chars: length of each text that those who arrive ask for.
        endurance_s: audio of the stream without a break.
        sentences: that are recognised back, at most.
    """

    memory_requests: int = 5
    latency_requests: int = 200
    rounds: int = 5
    round_s: float = 10.0
    most: int = 256
    level_s: float = 30.0
    confirmations: int = 2
    shares: tuple[float, ...] = (0.5, 0.8, 1.0, 1.2)
    arrivals_s: float = 60.0
    chars: int = 200
    endurance_s: float = 600.0
    sentences: int = 60


FULL = Sizes()
QUICK = Sizes(
    memory_requests=2,
    latency_requests=10,
    rounds=2,
    round_s=2.0,
    most=4,
    level_s=6.0,
    confirmations=0,
    shares=(0.5, 1.0),
    arrivals_s=8.0,
    chars=100,
    endurance_s=20.0,
    sentences=6,
)
"""Whether the report works here; its figures say little."""
