"""What each API key may still use: streams at once, requests a minute, characters a day.

Kept in the process, from its start on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from vibevoice_pro.config.keys import Key
from vibevoice_pro.errors import OverQuota

_MINUTE_S, _DAY_S = 60.0, 86_400.0
_STREAM_RETRY_S = 5


class Bucket:
    """Holds so much and fills again steadily, all of it within a period (a token bucket)."""

    def __init__(self, size: int, period_s: float, clock: Callable[[], float]) -> None:
        self.size = size
        self._per_s = size / period_s
        self._clock = clock
        self._level = float(size)
        self._at = clock()

    def take(self, amount: int) -> float:
        """Take that much, or nothing; seconds until there is enough, 0: taken.

        Infinity: it never holds so much.
        """
        self._fill()
        if amount <= self._level:
            self._level -= amount
            return 0.0
        return math.inf if amount > self.size else (amount - self._level) / self._per_s

    @property
    def used(self) -> int:
        """How much it lacks of being full."""
        self._fill()
        return math.ceil(self.size - self._level)

    def _fill(self) -> None:
        now = self._clock()
        self._level = min(self.size, self._level + (now - self._at) * self._per_s)
        self._at = now


class Quotas:
    """Counts what is used with each key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._requests: dict[str, Bucket] = {}
        self._characters: dict[str, Bucket] = {}

    def admit(self, key: Key, listening: int) -> None:
        """Count a request; `listening`: streams of this key that are open now.

        Raises:
            OverQuota: the key allows no more at present.
        """
        if key.streams is not None and listening >= key.streams:
            raise OverQuota(
                f"the key {key.name} allows {key.streams} streams at once", _STREAM_RETRY_S
            )
        self._take(self._requests, key, key.requests_per_minute, 1, _MINUTE_S, "requests a minute")

    def charge(self, key: Key, characters: int) -> None:
        """Count text that was written.

        Raises:
            OverQuota: the key allows no more at present.
        """
        self._take(
            self._characters, key, key.characters_per_day, characters, _DAY_S, "characters a day"
        )

    def characters_used(self, key: Key) -> int:
        """Characters that count against the quota of a day now; without a quota 0."""
        bucket = self._characters.get(key.name)
        return 0 if bucket is None or key.characters_per_day is None else bucket.used

    def _take(
        self, buckets: dict[str, Bucket], key: Key, size: int | None, amount: int, period_s: float,
        what: str,
    ) -> None:  # fmt: skip
        if size is None:
            return
        bucket = buckets.get(key.name)
        if bucket is None or bucket.size != size:
            bucket = buckets[key.name] = Bucket(size, period_s, self._clock)
        wait = bucket.take(amount)
        if wait:
            message = f"the key {key.name} allows {size:,} {what}"
            raise OverQuota(message, None if math.isinf(wait) else math.ceil(wait))
