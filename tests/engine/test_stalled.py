"""A listener that the engine does not serve is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.engines import engine_of, stream_config
from tests.support.tone import ToneModel
from vibevoice_pro.engine.host import Host
from vibevoice_pro.engine.job import Job
from vibevoice_pro.engine.stream import Stream


def job(**config: Any) -> Job:
    made = Job(
        Stream(stream_config(voice="xx-Tone", **config), lambda: None), Host(ToneModel()), 100.0
    )
    made.stream.feed("Hello there. ")
    return made


def test_stalled() -> None:
    waiting = job(lead=5.0)
    assert not waiting.stalled(1e6, 10), "nothing was asked of it yet"
    waiting.tend(100.0)
    assert not waiting.stalled(110.0, 10)
    assert waiting.stalled(110.1, 10)
    waiting.deliver(waiting.host.step([waiting.stepped])[0], 110.0)
    assert not waiting.stalled(115.0, 10), "the listener has audio to play"
    waiting.stream.feed("And more.")
    waiting.tend(500.0)
    assert not waiting.stalled(509.0, 10)
    bulk = job(live=False)
    bulk.tend(100.0)
    assert not bulk.stalled(1e6, 10)


def test_the_engine_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of(ToneModel())
    engine.start()
    try:
        assert engine.ailing == ""
        engine.open(stream_config(voice="xx-Tone"))
        monkeypatch.setattr(Job, "stalled", lambda self, now, longest: True)
        assert engine.ailing == "1 streams have not moved for 10 s"
        assert not engine.healthy
    finally:
        engine.stop()
    assert engine.ailing == "the engine has stopped"
