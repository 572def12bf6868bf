"""When to try again after a connection was lost."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Retry:
    """How a lost connection is restored.

    Attributes:
        first, longest: seconds before the first attempt, and between later ones at most. The wait
            doubles each time and is shortened by up to half at random, so that clients which lost
            their connections together do not come back together.
        give_up: seconds after which the session counts as lost; a server keeps it for 120 s.
        silence: seconds without an answer to a ping after which a connection is dead.
    """

    first: float = 0.25
    longest: float = 5.0
    give_up: float = 120.0
    silence: float = 5.0

    def wait(self, attempt: int, retry_after: float | None = None) -> float:
        """Seconds before an attempt, counted from 0.

        `retry_after`: seconds that the server asks for; the wait is never shorter, and up to half
        as long again at random.
        """
        backoff = min(self.longest, self.first * 2.0 ** min(attempt, 60)) * random.uniform(0.5, 1.0)
        return max(backoff, (retry_after or 0.0) * random.uniform(1.0, 1.5))
