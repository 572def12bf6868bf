"""Voices that speak in turn, each the text in its language: over two models, to the sample."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.support.engines import bulk_config, engine_of, stream_config
from tests.support.listener import Listener, speak
from tests.support.tone import CHAR_SAMPLES, RATE, ToneModel
from vibevoice_pro.audio.frames import to_pcm16
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.host import Host
from vibevoice_pro.engine.pcm import Notes
from vibevoice_pro.engine.relay import PAUSE_S
from vibevoice_pro.engine.stream import Stream
from vibevoice_pro.errors import Full, SpeechError
from vibevoice_pro.models.base import Options
from vibevoice_pro.text import detect

CHAR_BYTES = CHAR_SAMPLES * 2
PAUSE = 2 * round(PAUSE_S * RATE)  # bytes
EN = "I would like to know when it is going to leave. "
DE = "Ich möchte gerne wissen, wann der nächste fährt. "
VOICES = (("en", "en-Tone"), ("de", "de-Tone"))
AUTO = bulk_config("en-Tone", voices=VOICES)
ALONE = bulk_config("en-Tone")


@pytest.fixture(scope="module", autouse=True)
def classifier() -> None:
    detect.load()


def models(**german: int) -> tuple[ToneModel, ToneModel]:
    return ToneModel(voice="en-Tone"), ToneModel(voice="de-Tone", language="de", **german)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = engine_of(*models())
    engine.start()
    for host in engine.hosts:
        host.model.batches.clear()
    yield engine
    for host in engine.hosts:
        if host.model.gate is not None:
            host.model.gate.release(10_000)
    engine.stop()
    for host in engine.hosts:
        assert all(u.closed for u in host.model.opened), "an utterance was not given back"


def tones(*texts: str) -> bytes:
    """What the voices make of texts, one after the other."""
    parts = []
    for text in texts:
        model = ToneModel()
        utterance = model.open("xx-Tone", Options())
        utterance.feed(text)
        utterance.finish()
        parts.append(to_pcm16(np.concatenate([model.step([utterance])[0].wave for _ in text])))
    return bytes(PAUSE).join(parts)


def spoken(host: Host) -> str:
    return "".join(char for batch in host.model.batches for char in batch)


def test_each_voice_speaks_its_sentences(engine: Engine) -> None:
    pcm = speak(engine, EN + DE + EN, config=AUTO)
    assert pcm == tones(EN, DE, EN)
    assert [spoken(host) for host in engine.hosts] == [EN + EN, DE]


def test_the_first_sentence_may_be_anothers(engine: Engine) -> None:
    assert speak(engine, DE + EN, config=AUTO) == tones(DE, EN)


def test_how_the_text_arrives_changes_nothing(engine: Engine) -> None:
    text = EN + DE + "OK. " + EN + "Hm. " + DE
    assert speak(engine, *text, config=AUTO) == speak(engine, text, config=AUTO)


def test_many_lines_are_read_without_waiting(engine: Engine) -> None:
    text = "a\n" * 300 + "b."
    assert speak(engine, text, config=AUTO) == tones(text)
    silence = " \n" * 300
    assert speak(engine, silence, config=AUTO) == b""
    assert speak(engine, silence + DE + EN, config=AUTO) == tones(DE, EN)


def test_one_language_sounds_as_without(engine: Engine) -> None:
    assert speak(engine, EN * 3, config=AUTO) == speak(engine, EN * 3, config=ALONE)


def test_with_one_voice_there_is_nothing_to_choose(engine: Engine) -> None:
    config = bulk_config("en-Tone", voices=VOICES[:1])
    assert speak(engine, EN + DE, config=config) == tones(EN + DE)


def test_two_voices_of_one_model() -> None:
    model = ToneModel(voice="en-Tone")
    model.voices["de-Tone"] = replace(model.voices["en-Tone"], id="de-Tone", language="de")
    engine = engine_of(model)
    engine.start()
    assert speak(engine, EN + DE, config=AUTO) == tones(EN, DE)
    engine.stop()


def test_each_model_has_its_rate() -> None:
    engine = engine_of(*models(rate=24_000))
    engine.start()
    pcm = np.frombuffer(speak(engine, EN + DE + EN, config=AUTO), "<i2")
    engine.stop()
    expected = np.frombuffer(tones(EN, DE, EN), "<i2")
    assert len(pcm) == len(expected)
    english, german = len(EN) * CHAR_SAMPLES, len(DE) * CHAR_SAMPLES
    assert np.array_equal(pcm[:english], expected[:english])
    assert np.array_equal(pcm[-english:], expected[-english:])
    difference = pcm[english:-english] - expected[english:-english].astype(float)
    assert np.sqrt(np.mean(np.square(difference[: german // 2]))) < 1500, "resampled, but the same"


def notes_of(stream: Stream, pcm: bytearray, until: int) -> Notes:
    notes = Notes()
    while len(pcm) < until:
        pcm += stream.take(until - len(pcm))
        notes += stream.take_notes()
    return notes


def test_each_mark_tells_who_is_heard(engine: Engine) -> None:
    listener = Listener(engine, AUTO)
    listener.stream.feed(EN + DE)
    listener.stream.finish()
    listener.until_end()
    spans = listener.stream.take_notes().spans
    assert [span.chars for span in spans] == [(i, i + 1) for i in range(len(EN + DE))]
    assert [span.voice for span in spans] == ["en-Tone"] * len(EN) + ["de-Tone"] * len(DE)
    assert spans[len(EN)].bytes[0] == len(EN) * CHAR_BYTES + PAUSE, "behind the silence"
    listener.stream.close()


def test_from_each_checkpoint_it_goes_on_the_same(engine: Engine) -> None:
    text = EN + DE + "OK. " + DE + EN + EN
    listener = Listener(engine, AUTO)
    listener.stream.feed(text)
    listener.stream.finish()
    whole = listener.until_end()
    checkpoints = listener.stream.take_notes().checkpoints
    listener.stream.close()
    assert len(checkpoints) == len(text.split()), "before each word, and where a voice begins"
    for checkpoint in checkpoints:
        for begin in (checkpoint.byte, checkpoint.byte + 200):
            resumed = engine.open(AUTO, origin=checkpoint, begin=begin)
            resumed.feed(text[checkpoint.at :])
            resumed.finish()
            pcm = bytearray()
            notes_of(resumed, pcm, len(whole) - begin)
            assert bytes(pcm) == whole[begin:], checkpoint
            resumed.close()


def test_a_flush_ends_a_sentence(engine: Engine) -> None:
    listener = Listener(engine, AUTO)
    listener.stream.feed("Wann fährt der nächste Zug")
    listener.stream.flush()
    listener.until_bytes(len("Wann fährt der nächste Zug") * CHAR_BYTES)
    listener.until(lambda: listener.stream.quiet)
    listener.stream.feed("When does the next train leave")
    listener.stream.flush()
    listener.stream.finish()
    expected = tones("Wann fährt der nächste Zug", "When does the next train leave")
    assert listener.until_end() == expected
    listener.stream.close()


def test_after_a_cancel_the_first_voice_begins(engine: Engine) -> None:
    german = engine.hosts[1].model
    german.gate = threading.Semaphore(20)
    listener = Listener(engine, AUTO)
    listener.stream.feed(DE)
    listener.until_bytes(20 * CHAR_BYTES)
    listener.stream.cancel()
    german.gate.release(1000)
    listener.pcm = b""
    listener.stream.feed("Hm. ")
    listener.stream.finish()
    assert listener.until_end() == tones("Hm. ")
    assert spoken(engine.hosts[0]) == "Hm. "
    listener.stream.close()


def test_a_writer_who_hesitates(engine: Engine) -> None:
    config = stream_config("en-Tone", voices=VOICES, patience=0.05)
    listener = Listener(engine, config)
    listener.stream.feed("Guten Mor")
    listener.until_bytes(len("Guten ") * CHAR_BYTES - CHAR_BYTES)
    assert listener.stream.take_notes().pauses == [len("Guten")]
    listener.stream.close()


def test_a_fault_of_one_voice_ends_that_stream_alone(engine: Engine) -> None:
    other = Listener(engine, AUTO)
    listener = Listener(engine, AUTO)
    listener.stream.feed(EN + "Das war es also! Und nun weiter. ")
    listener.stream.finish()
    assert "could not speak this text" in str(listener.until_failure())
    assert listener.pcm == tones(EN, "Das war es also")
    other.stream.feed(EN + DE)
    other.stream.finish()
    assert other.until_end() == tones(EN, DE)
    for each in (other, listener):
        each.stream.close()


# --- admission --------------------------------------------------------------------------------


def test_a_place_is_kept_with_each_model() -> None:
    english, german = models()
    german.info = replace(german.info, max_streams=2)
    engine = engine_of(english, german)
    engine.start()
    streams = [engine.open(AUTO) for _ in range(2)]
    with pytest.raises(Full, match="all 2 places are taken"):
        engine.check(AUTO)
    with pytest.raises(Full):
        engine.check(bulk_config("de-Tone"))
    engine.check(ALONE)
    for stream in streams:
        stream.feed(DE)
        stream.close()
    engine.check(AUTO)
    engine.stop()


def test_the_slowest_voice_is_what_a_listener_costs() -> None:
    engine = engine_of(*models(), max_load=1.0)
    english, german = engine.hosts
    english.meter.record(1, 0.1, 1.0)
    german.meter.record(1, 0.4, 1.0)
    live = replace(AUTO, live=True)
    for _ in range(2):
        engine.open(live)
    assert engine.status().load == pytest.approx(0.8)
    with pytest.raises(Full, match="2 listeners are as many"):
        engine.check(live)
    engine.check(replace(live, voice="en-Tone", voices=()))


def test_the_largest_voice_must_find_room() -> None:
    english, german = models()
    german.info = replace(german.info, stream_bytes=2**50)
    engine = engine_of(english, german)
    engine.check(ALONE)
    with pytest.raises(Full, match="one more listener needs"):
        engine.check(AUTO)


def test_only_one_voice_holds_an_utterance(engine: Engine) -> None:
    english, german = (host.model for host in engine.hosts)
    before = len(german.opened)
    speak(engine, (EN + DE) * 5, config=AUTO)
    assert len(german.opened) == before + 5
    english.gate = threading.Semaphore(len(EN) + 3)
    listener = Listener(engine, AUTO)
    listener.stream.feed(DE + EN + EN)
    listener.until_bytes(len(DE) * CHAR_BYTES)
    assert german.opened[-1].closed
    listener.stream.close()


# --- a model that is loaded again -------------------------------------------------------------


def test_a_voice_whose_model_is_away_is_waited_for() -> None:
    engine = engine_of(*models())
    engine.start()
    english, german = engine.hosts
    english.model.gate = threading.Semaphore(10)
    listener = Listener(engine, AUTO)
    listener.stream.feed(EN + DE)
    listener.stream.finish()
    listener.until_bytes(10 * CHAR_BYTES)
    german.available = False
    english.model.gate.release(1000)
    listener.until_bytes(len(EN) * CHAR_BYTES)
    with pytest.raises(Full, match="not available now"):
        engine.check(AUTO)
    engine.check(ALONE)
    again = models()[1]
    german.replace(again)
    engine.open(ALONE).close()  # the engine looks what there is to do, as after a reload
    assert listener.until_end() == tones(EN, DE)
    assert spoken(german) == DE
    engine.stop()


def test_a_stream_whose_voice_does_not_speak_now_lives_on() -> None:
    """The German model fails again and again; an English sentence is being spoken meanwhile."""
    reloaded = threading.Event()

    def reload() -> ToneModel:
        reloaded.set()
        return models()[1]

    english, german = models()
    engine = engine_of(Host(english), Host(german, reload))
    engine.start()
    english.gate = threading.Semaphore(10)
    listener = Listener(engine, AUTO)
    listener.stream.feed(EN + DE)
    listener.stream.finish()
    listener.until_bytes(10 * CHAR_BYTES)
    broken = [Listener(engine, bulk_config("de-Tone")) for _ in range(4)]
    for each in broken:
        each.stream.feed("!.")
    english.gate.release(1000)
    for each in broken:
        assert isinstance(each.until_failure(), SpeechError)
    assert reloaded.wait(20)
    assert listener.until_end() == tones(EN, DE)
    engine.stop()
