"""How long a client waits before another attempt."""

from __future__ import annotations

import random

import pytest

from vibevoice_pro.client import Retry


@pytest.fixture(autouse=True)
def seeded() -> None:
    random.seed(1)


def test_doubled_up_to_the_longest_with_jitter() -> None:
    retry = Retry(first=0.25, longest=5.0)
    for attempt in range(2000):
        full = min(5.0, 0.25 * 2.0 ** min(attempt, 10))
        assert full / 2 <= retry.wait(attempt) <= full
    assert len({retry.wait(9) for _ in range(100)}) == 100, "clients must not come back together"


def test_never_shorter_than_the_server_asks_for() -> None:
    waits = [Retry().wait(0, retry_after=7) for _ in range(1000)]
    assert 7 <= min(waits) < 7.1
    assert 10.4 < max(waits) <= 10.5
    assert 2.5 <= Retry().wait(20, retry_after=0.1) <= 5, "nor than what was waited before"


@pytest.mark.parametrize(("drawn", "wait"), [(0.0, 7.0), (1.0, 10.5)])
def test_the_bounds_of_the_jitter(
    monkeypatch: pytest.MonkeyPatch, drawn: float, wait: float
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: low + drawn * (high - low))
    assert Retry().wait(0, retry_after=7) == wait
    assert Retry().wait(0) == 0.125 * (1 + drawn)
