"""What is counted of a listener."""

from __future__ import annotations

import pytest

from vibevoice_pro.speech import account
from vibevoice_pro.speech.account import Account, Outcome


class Clock:
    now = 50.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(account, "time", clock)
    return clock


def test_underruns_are_the_engine_s_not_the_writer_s_or_the_listener_s(clock: Clock) -> None:
    told: list[Outcome] = []
    listener = Account("session", "", "voice", told.append)
    listener.waits(True)
    clock.now += 0.3
    listener.heard(1.0)  # the first sound is no underrun
    clock.now += 1.05
    listener.waits(True)
    listener.heard(1.0)  # 50 ms late
    listener.waits(True)
    clock.now += 1.2
    listener.heard(1.0)  # 200 ms late
    clock.now += 9
    listener.heard(1.0)  # the listener did not ask for it before
    listener.waits(False)  # all text is spoken
    clock.now += 9
    listener.waits(True)  # more was written
    listener.heard(1.0)
    listener.end("done", 10, 5.0)
    (what,) = told
    assert (what.underruns, what.first_audio_ms) == (1, 300)
