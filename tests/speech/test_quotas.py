"""What a key may still use."""

from __future__ import annotations

import math

import pytest

from vibevoice_pro.config.keys import ANYONE, Key
from vibevoice_pro.errors import OverQuota
from vibevoice_pro.speech.quotas import Bucket, Quotas


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_fills_again_steadily() -> None:
    clock = Clock()
    bucket = Bucket(60, 60.0, clock)
    assert bucket.take(60) == 0
    assert bucket.take(30) == 30
    clock.now += 29
    assert bucket.take(30) == pytest.approx(1)
    clock.now += 1
    assert bucket.take(30) == 0
    clock.now += 1e6
    assert bucket.take(61) == math.inf
    assert bucket.take(60) == 0
    assert bucket.take(1) == 1


def test_requests_a_minute() -> None:
    clock = Clock()
    quotas = Quotas(clock)
    key = Key(name="anna", sha256="0" * 64, requests_per_minute=3)
    for _ in range(3):
        quotas.admit(key, 1000)
    with pytest.raises(OverQuota, match="the key anna allows 3 requests a minute; try again in 20"):
        quotas.admit(key, 0)
    clock.now += 20
    quotas.admit(key, 0)
    more = key.model_copy(update={"requests_per_minute": 5})  # an operator allows more
    for _ in range(5):
        quotas.admit(more, 0)
    with pytest.raises(OverQuota):
        quotas.admit(more, 0)


def test_without_limits_nothing_is_counted() -> None:
    quotas = Quotas(Clock())
    for _ in range(1000):
        quotas.admit(ANYONE, 1000)
        quotas.charge(ANYONE, 10**9)
