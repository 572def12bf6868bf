"""The engine: who is served when, what is bounded, and who is not touched by whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.support.engines import bulk_config, engine_of, stream_config
from tests.support.listener import Listener, speak
from tests.support.tone import CHAR_SAMPLES, RATE, ToneModel
from vibevoice_pro.config.sizes import parse_bytes
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.host import Host
from vibevoice_pro.engine.schedule import LoadMeter, pick
from vibevoice_pro.engine.urgency import Urgency
from vibevoice_pro.errors import BadParameter, Full, SpeechError, TextTooLong
from vibevoice_pro.models.base import Options
from vibevoice_pro.models.hibari.model import VOICE, HibariModel

CHAR_BYTES = CHAR_SAMPLES * 2
BULK = bulk_config("xx-Tone")


@pytest.fixture
def tones() -> Iterator[tuple[ToneModel, Engine]]:
    model = ToneModel()
    engine = engine_of(model, max_streams=8)
    engine.start()
    model.batches.clear()
    yield model, engine
    if model.gate is not None:
        model.gate.release(10_000)
    engine.stop()
    assert not engine.status().healthy
    assert all(u.closed for u in model.opened), "an utterance was not given back"


def test_audio_is_the_models_audio(tones: tuple[ToneModel, Engine]) -> None:
    model, engine = tones
    pcm = np.frombuffer(speak(engine, "ab"), "<i2")
    utterance = model.open("xx-Tone", Options())
    utterance.feed("ab")
    utterance.finish()
    wave = np.concatenate([model.step([utterance])[0].wave for _ in "ab"])
    utterance.close()
    assert np.array_equal(pcm, (wave * 32767).astype("<i2"))


def test_listeners_are_stepped_together_and_hear_only_themselves(
    tones: tuple[ToneModel, Engine],
) -> None:
    model, engine = tones
    alone = {text: speak(engine, text) for text in ("abcdefgh", "ijklmnop", "qrst")}
    model.gate = threading.Semaphore(0)
    listeners = {text: Listener(engine) for text in alone}
    for text, listener in listeners.items():
        listener.stream.feed(text)
        listener.stream.finish()
    model.batches.clear()
    model.gate.release(100)
    for text, listener in listeners.items():
        assert listener.until_end() == alone[text]
        listener.stream.close()
    assert max(len(b) for b in model.batches) == 3
    model.gate = None


def test_cancel_is_silent_at_once_and_what_follows_is_fresh(
    tones: tuple[ToneModel, Engine],
) -> None:
    model, engine = tones
    fresh = speak(engine, "zzz")
    model.gate = threading.Semaphore(0)
    listener = Listener(engine)
    listener.stream.feed("a" * 50)
    listener.stream.flush()
    model.gate.release(5)
    listener.until_bytes(5 * CHAR_BYTES)
    model.gate.release(1)
    listener.stream.cancel()
    assert listener.stream.take() == b""
    listener.pcm = b""
    listener.stream.feed("zzz")
    listener.stream.finish()
    model.gate.release(100)
    assert listener.until_end() == fresh
    listener.stream.close()
    model.gate = None


def test_one_who_fails_does_not_touch_the_others(tones: tuple[ToneModel, Engine]) -> None:
    model, engine = tones
    model.info = ToneModel(max_batch=1).info
    good, bad = Listener(engine), Listener(engine)
    bad.stream.feed("ab!cd")
    bad.stream.finish()
    good.stream.feed("abcdefgh")
    good.stream.finish()
    assert len(good.until_end()) == 8 * CHAR_BYTES

    def failed() -> bool:
        try:
            while bad.stream.ended or len(bad.pcm) != len(bad.take()):
                pass  # what was spoken comes first, the failure after it
        except SpeechError:
            return True
        return False

    bad.until(failed)
    assert len(bad.pcm) == 2 * CHAR_BYTES, "what was spoken before the failure is not lost"
    good.stream.close()
    bad.stream.close()
    assert engine.status().healthy
    assert len(speak(engine, "abc")) == 3 * CHAR_BYTES


def test_generation_stops_ahead_of_a_listener_who_does_not_read(
    tones: tuple[ToneModel, Engine],
) -> None:
    model, engine = tones
    listener = Listener(engine, bulk_config("xx-Tone", lead=1.0))
    listener.stream.feed("a" * 500)
    listener.stream.finish()
    speak(engine, "b" * 200)  # when this one is done, the other had every chance to run on
    assert sum("a" in b for b in model.batches) <= 1.0 * RATE / CHAR_SAMPLES + 1
    assert len(listener.until_end()) == 500 * CHAR_BYTES, "and goes on when it reads"
    listener.stream.close()


def test_generation_runs_only_lead_seconds_ahead_of_playback(
    tones: tuple[ToneModel, Engine],
) -> None:
    _model, engine = tones
    listener = Listener(engine, stream_config("xx-Tone", lead=1.0))
    began = time.monotonic()
    listener.stream.feed("a" * 75)  # 1.5 s
    listener.stream.finish()
    listener.until_end()
    assert time.monotonic() - began >= 0.45
    listener.stream.close()


def test_text_is_bounded(tones: tuple[ToneModel, Engine]) -> None:
    _, engine = tones
    stream = engine.open(stream_config("xx-Tone", max_text=10))
    stream.feed("12345678")
    with pytest.raises(TextTooLong, match="at most 10 may wait"):
        stream.feed("901")
    stream.feed("90")
    stream.close()


def test_a_hesitating_writer_is_not_waited_for(tones: tuple[ToneModel, Engine]) -> None:
    _, engine = tones
    patient = Listener(engine, stream_config("xx-Tone", patience=0.0))
    hasty = Listener(engine, stream_config("xx-Tone", patience=0.05))
    for listener in (patient, hasty):
        listener.stream.feed("two wor")
    hasty.until_bytes(4 * CHAR_BYTES)
    assert patient.take() == b"", "patience 0 waits for ever"
    for listener in (patient, hasty):
        listener.stream.feed("ds.")
        listener.stream.finish()
        assert len(listener.until_end()) == 10 * CHAR_BYTES
        listener.stream.close()
    assert patient.pcm == hasty.pcm


def test_places_are_counted_and_given_back(tones: tuple[ToneModel, Engine]) -> None:
    _, engine = tones
    streams = [engine.open(BULK) for _ in range(8)]
    with pytest.raises(Full, match="all 8 places are taken; try again in") as full:
        engine.open(BULK)
    assert 1 <= full.value.retry_after <= 30
    streams[0].finish()  # it has nothing more to say: its place is free though it is not closed
    end = time.monotonic() + 10
    while not streams[0].ended:
        assert time.monotonic() < end
    assert tones[0].opened[-1].closed, "what has ended keeps nothing of the model"
    streams.append(engine.open(BULK))
    for stream in streams:
        stream.close()


def test_admission_goes_by_measured_cost() -> None:
    model = ToneModel()
    engine = engine_of(model, max_load=0.9)
    engine.start()
    try:
        meter = engine.hosts[0].meter = LoadMeter()
        meter.record(1, compute_s=0.8, audio_s=1.0)
        meter.record(4, compute_s=1.6, audio_s=4.0)
        streams = [engine.open(stream_config("xx-Tone")) for _ in range(2)]
        with pytest.raises(Full, match="2 listeners are as many as this machine serves in time"):
            engine.open(stream_config("xx-Tone"))
        streams.append(engine.open(BULK))  # bulk work waits its turn, so there is always room
        assert engine.status().capacity == 2
        for stream in streams:
            stream.close()
    finally:
        engine.stop()


def test_memory_budget_is_kept() -> None:
    engine = engine_of(ToneModel(), memory_budget=1_000_000)
    with pytest.raises(Full, match="memory budget of 1 MB does not hold"):
        engine.open(BULK)


def test_unknown_voice(tones: tuple[ToneModel, Engine]) -> None:
    with pytest.raises(BadParameter, match="voice must be one of xx-Tone; got 'nobody'"):
        tones[1].open(stream_config("nobody"))


def test_stopping_tells_the_listeners() -> None:
    engine = engine_of(ToneModel())
    engine.start()
    listener = Listener(engine)
    engine.stop()
    with pytest.raises(SpeechError, match="shutting down"):
        listener.stream.take()


def test_stop_after_close_and_close_twice(tones: tuple[ToneModel, Engine]) -> None:
    _, engine = tones
    stream = engine.open(BULK)
    stream.close()
    stream.close()
    stream.feed("text for nobody.")
    stream.cancel()
    assert stream.take() == b""


@pytest.fixture
def rested(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when the engine rests, which it does as soon as nobody speaks."""
    event = threading.Event()
    monkeypatch.setattr("vibevoice_pro.engine.engine._REST_S", (0.0, 60.0))
    monkeypatch.setattr("vibevoice_pro.engine.engine.give_back_memory", event.set)
    return event


def test_memory_is_given_back_when_nobody_speaks(
    tones: tuple[ToneModel, Engine], rested: threading.Event
) -> None:
    model, engine = tones
    speak(engine, "abc.")
    assert rested.wait(10)
    assert model.rests == 1


def test_what_a_step_costs_is_learned_anew_when_nobody_speaks(
    tones: tuple[ToneModel, Engine], rested: threading.Event
) -> None:
    _, engine = tones
    meter, model = engine.hosts[0].meter, engine.hosts[0].model
    for size in range(1, model.info.max_batch + 1):  # other programs had the cores
        meter.record(size, 500.0, 1.0)
    assert engine.capacity(engine.hosts[0]) == 0
    speak(engine, "abc.")
    assert rested.wait(10)
    assert engine.capacity(engine.hosts[0]) == engine.max_streams


def test_order_of_service() -> None:
    now = 1000.0
    host, other = Host(ToneModel(max_batch=10)), Host(ToneModel(max_batch=10))

    class Fake:
        """A job whose state is set by hand, for the order alone."""

        def __init__(self, due: float, urgency: Urgency, host: Host = host) -> None:
            self.due, self.urgency, self.host = due, urgency, host

        def runnable(self, now: float) -> bool:
            return self.due <= now + 5

    bulk = Fake(now - 50, Urgency.BACKGROUND)
    soon = Fake(now + 0.5, Urgency.PLAYING)
    later = Fake(now + 2, Urgency.PLAYING)
    rich = Fake(now + 100, Urgency.PLAYING)  # beyond its lead: not stepped at all
    newcomer = Fake(now - 1, Urgency.WAITING)
    late_newcomer = Fake(now - 0.1, Urgency.WAITING)
    jobs = [bulk, rich, later, late_newcomer, newcomer, soon]

    def order(service_s: float, *more: Fake) -> list[Fake]:
        host.meter.service_s = other.meter.service_s = service_s
        return pick([*jobs, *more], now)

    # Background work does not make a batch longer that somebody waits for.
    assert order(0.01) == [newcomer, late_newcomer, soon, later]
    # With 0.2 s each, one newcomer can be served before `soon` must be, two cannot.
    assert order(0.2) == [newcomer, soon, later, late_newcomer]
    assert order(0.4) == [soon, later, newcomer, late_newcomer, bulk]
    first = Fake(now - 2, Urgency.WAITING, other)
    assert order(0.01, first) == [first], "the most urgent decides the model"
    host.meter.service_s = 0.4
    assert pick([bulk, newcomer], now) == [newcomer]
    assert pick([bulk, rich], now) == [bulk]
    assert pick([rich], now) == []
    uneven = ToneModel(max_batch=10)
    uneven.info = replace(uneven.info, uneven=True)
    host.model = uneven
    assert order(0.01) == [newcomer, late_newcomer], "nor do those who play, if it may take long"
    assert order(0.4) == [soon, later, newcomer, late_newcomer, bulk]


@pytest.mark.parametrize("text", ["Well, it is so. And so on, and so on, for a while; good night."])
def test_real_voice_in_any_portions(compact: HibariModel, text: str) -> None:
    engine = engine_of(compact)
    engine.start()
    try:
        config = bulk_config(VOICE.id, lead=60.0)
        whole = speak(engine, text, config=config)
        assert speak(engine, *text, config=config) == whole
        assert speak(engine, *text.split(" "), config=config) != whole, "spaces are text too"
        assert speak(engine, text[:9], text[9:], config=config) == whole
        assert len(whole) > 3 * 16000 * 2
    finally:
        engine.stop()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4500MB", 4_500_000_000),
        ("2GiB", 2**31),
        ("512k", 512_000),
        ("7", 7),
        ("1.5 GB", 15 * 10**8),
    ],
)
def test_memory_sizes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1GB", "4 TBX", "0", "1e9"])
def test_bad_memory_sizes(text: str) -> None:
    with pytest.raises(BadParameter, match="looks like 4500MB"):
        parse_bytes(text)
