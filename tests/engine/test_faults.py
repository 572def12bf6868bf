"""Faults that are provoked: one stream ends, nobody else notices, and the thread lives on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from tests.support.engines import bulk_config, engine_of
from tests.support.listener import Listener, speak
from tests.support.tone import CHAR_SAMPLES, ToneModel, ToneUtterance
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.host import Host
from vibevoice_pro.errors import Full, ModelRestarted, SpeechError
from vibevoice_pro.models.base import Chunk

CHAR_BYTES = CHAR_SAMPLES * 2
BULK = bulk_config("xx-Tone")


class Faulty(ToneModel):
    """A tone model that does something wrong where its text says so.

    `?` fails in the step, `%` in the close that follows, `&` gives samples that are no numbers,
    `#` gives too few chunks, `@` fails while text is read, `~` hangs until `freed`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hanging = threading.Event()
        self.freed = threading.Event()

    def open(self, *arguments: Any) -> ToneUtterance:
        utterance = super().open(*arguments)
        close, prepare = utterance.close, utterance.prepare

        def faulty_close() -> None:
            close()
            if "%" in utterance.text:
                raise RuntimeError("close")

        def faulty_prepare() -> None:
            prepare()
            if "@" in utterance.text:
                raise RuntimeError("prepare")

        utterance.close, utterance.prepare = faulty_close, faulty_prepare  # type: ignore
        return utterance

    def step(self, batch: Sequence[ToneUtterance]) -> list[Chunk]:
        chars = [u.text[u.at] for u in batch]
        if "?" in chars:
            raise RuntimeError("step")
        if "#" in chars:
            return []
        if "~" in chars:
            self.hanging.set()
            assert self.freed.wait(30)
        chunks = super().step(batch)
        for char, chunk in zip(chars, chunks, strict=True):
            if char == "&":
                chunk.wave[5] = np.nan
        return chunks


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = engine_of(Host(Faulty(), Faulty), watchdog=0.5)
    engine.start()
    yield engine
    engine.hosts[0].model.freed.set()
    engine.stop()


@pytest.mark.parametrize(
    ("text", "made", "message"),
    [
        ("ab?cd", 2, "could not speak this text"),
        ("ab&cd", 2, "samples that are no numbers"),
        ("ab#cd", 2, "could not speak this text"),
        ("abcd@", 0, "could not speak this text"),
        ("abcd%", 5, "could not speak this text"),
    ],
)
def test_one_stream_ends_with_its_reason(
    engine: Engine, text: str, made: int, message: str
) -> None:
    good, bad = Listener(engine), Listener(engine)
    for listener, words in ((good, "abcdefgh"), (bad, text)):
        listener.stream.feed(words)
        listener.stream.finish()
    assert message in str(bad.until_failure())
    assert len(bad.pcm) == made * CHAR_BYTES, "what was made before is not lost"
    assert good.until_end() == speak(engine, "abcdefgh")
    assert engine.healthy


def test_a_callback_that_fails_ends_its_stream(engine: Engine) -> None:
    called = threading.Event()

    def callback() -> None:
        called.set()
        raise RuntimeError("callback")

    stream = engine.open(BULK, callback)
    stream.feed("abc")
    stream.finish()
    assert called.wait(10)
    assert speak(engine, "abc") == speak(engine, "abc")
    assert stream.over
    assert engine.healthy


def test_a_stream_that_fails_when_it_is_given_back(engine: Engine) -> None:
    stream = engine.open(BULK)
    stream.feed("ab%cd. ")
    stream.close()
    assert len(speak(engine, "abc")) == 3 * CHAR_BYTES
    assert engine.healthy


def test_a_step_that_hangs_is_given_up_and_the_model_loaded_again(engine: Engine) -> None:
    model = engine.hosts[0].model
    hung, other = Listener(engine), Listener(engine)
    hung.stream.feed("a~")
    hung.stream.finish()
    assert model.hanging.wait(10)
    other.stream.feed("abc")
    other.stream.finish()
    assert str(hung.until_failure()) == "the model hung on this text"
    assert isinstance(other.until_failure(), ModelRestarted), "it can be begun again"
    until(lambda: engine.healthy)
    assert engine.hosts[0].model is not model
    assert len(speak(engine, "abc")) == 3 * CHAR_BYTES
    model.freed.set()  # the step of the thread that was given up ends after all
    assert len(speak(engine, "abc")) == 3 * CHAR_BYTES


def test_a_model_that_fails_on_everybody_is_loaded_again() -> None:
    first = Faulty()
    loading, loaded = threading.Event(), threading.Event()

    def reload() -> Faulty:
        loading.set()
        assert loaded.wait(30)
        return Faulty()

    engine = engine_of(Host(first, reload))
    engine.start()
    try:
        for _ in range(3):
            bad = Listener(engine)
            bad.stream.feed("?")
            bad.stream.finish()
            bad.until_failure()
        assert loading.wait(10)
        assert not engine.healthy
        with pytest.raises(Full, match="is not available now; try again in"):
            engine.open(BULK)
        loaded.set()
        until(lambda: engine.healthy)
        assert len(speak(engine, "abc")) == 3 * CHAR_BYTES
    finally:
        loaded.set()
        engine.stop()


def test_a_thread_that_ends_is_noticed(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    listener = Listener(engine)
    listener.stream.feed("abc")

    def turn() -> None:
        raise RuntimeError("a fault of the engine itself")

    monkeypatch.setattr(engine, "_turn", turn)
    listener.stream.finish()  # wakes it
    assert str(listener.until_failure()) == "the engine has failed"
    until(lambda: not engine.healthy)
    with pytest.raises(SpeechError, match="the engine has stopped"):
        engine.open(BULK)


def test_cancel_between_reading_and_booking_leaves_nothing_waiting() -> None:
    """Whatever the engine was about to report of the text before, none of it waits any more."""
    model = ToneModel()
    engine = engine_of(model)
    engine.start()
    try:
        for _ in range(50):
            listener = Listener(engine)
            for _ in range(20):
                listener.stream.feed("a" * 100)
            listener.stream.cancel()
            assert listener.stream.unspoken == 0
            listener.stream.feed("zz")
            listener.stream.finish()
            listener.until_end()
            assert listener.stream.unspoken == 0
            listener.stream.close()
    finally:
        engine.stop()


def test_a_report_of_a_cancelled_epoch_changes_nothing() -> None:
    from vibevoice_pro.engine.pcm import Notes
    from vibevoice_pro.engine.stream import Stream

    stream = Stream(BULK, wake=lambda: None)
    stream.feed("one two")
    epoch = stream.collect().epoch
    assert stream.unspoken == 7
    stream.cancel()
    assert not stream.put(epoch, b"\0\0", Notes(pauses=[4]), held=7)
    assert not stream.settle(epoch, held=7, silent=True)
    assert not stream.end(epoch, b"\0\0")
    assert (stream.unspoken, stream.take(), stream.take_notes()) == (0, b"", Notes())
    assert not stream.ended


def until(done: Callable[[], bool]) -> None:
    """Wait for something that no callback tells of."""
    for _ in range(2000):
        if done():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it did not come")


def test_a_model_that_is_given_up_in_the_midst_of_a_batch() -> None:
    model = ToneModel()
    engine = engine_of(Host(model, ToneModel))
    engine.start()
    model.gate = threading.Semaphore(0)
    listeners = [Listener(engine) for _ in range(5)]
    listeners[0].stream.feed("a.")
    for listener in listeners[1:]:
        listener.stream.feed("!.")
    model.gate.release(1000)
    failures = [listener.until_failure() for listener in listeners[1:]]
    assert [isinstance(failure, ModelRestarted) for failure in failures].count(True) == 1
    for listener in listeners:
        listener.stream.close()
    until(lambda: engine.healthy)
    assert len(speak(engine, "abc.")) == 4 * CHAR_BYTES
    engine.stop()
