"""Text that says how it is to be spoken, through the engine: to the sample, however it arrives."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.engines import bulk_config, engine_of, stream_config
from tests.support.hearing import samples, word_errors
from tests.support.listener import Listener
from tests.support.tone import CHAR_SAMPLES, ToneModel
from tests.text.test_markup import SOUP, cut
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.pcm import Notes
from vibevoice_pro.engine.stream import StreamConfig
from vibevoice_pro.models.base import Knob
from vibevoice_pro.models.hibari.model import VOICE, HibariModel

CHAR_BYTES = 2 * CHAR_SAMPLES
TONE = bulk_config("xx-Tone", markup="ssml", lexicon=(("C++", "see"), ("nginx", "engine x")))
VOICED = bulk_config(
    VOICE.id, markup="ssml", rate=24_000, lexicon=(("Bath", "/bæθ/"), ("nginx", "engine x"))
)
TEXT = (
    "<speak><p>I saw nginx in Bath</p> My code is <say-as interpret-as='characters'>NASA7</say-as>"
    ", thanks. <break time='700ms'/>So <prosody rate='slow'>it goes on, slowly and gently, for a"
    " while. And again.</prosody> The <sub alias='World Wide Web Consortium'>W3C</sub> is &amp; was"
    " <phoneme alphabet='ipa' ph='təˈmeɪtoʊ'>tomato</phoneme> soup. <foo>Last words.</foo></speak>"
)


class PacedTone(ToneModel):
    """The tone, which can be told a pace, and does not keep it."""

    def __init__(self) -> None:
        super().__init__()
        self.info = replace(self.info, knobs={**self.info.knobs, "speed": Knob(0.5, 2, 1)})


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    model = PacedTone()
    engine = engine_of(model)
    engine.start()
    yield engine
    engine.stop()
    assert all(u.closed for u in model.opened), "an utterance was not given back"


@pytest.fixture(scope="module")
def voiced(compact: HibariModel) -> Iterator[Engine]:
    engine = engine_of(compact)
    engine.start()
    yield engine
    engine.stop()


def speak(
    engine: Engine, config: StreamConfig, *parts: str, flush: int = -1, **place: object
) -> tuple[bytes, Notes]:
    """What is made of a text, and what there is to know of it; `flush`: after how many parts."""
    listener = Listener(engine, config)
    if place:
        listener.stream.close()
        listener.stream = engine.open(config, listener._wake, **place)
    for i, part in enumerate(parts):
        listener.stream.feed(part)
        if i == flush:
            listener.stream.flush()
    listener.stream.finish()
    pcm = listener.until_end()
    notes = listener.stream.take_notes()
    listener.stream.close()
    return pcm, notes


SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SLOW
@given(
    text=SOUP.filter(lambda text: "!" not in text), places=st.lists(st.integers(0, 999), max_size=5)
)
def test_however_it_arrives(engine: Engine, text: str, places: list[int]) -> None:
    whole, notes = speak(engine, TONE, text)
    pcm, others = speak(engine, TONE, *cut(text, places))
    assert pcm == whole
    assert others.spans == notes.spans
    assert others.ignored == notes.ignored
    assert all(0 <= a <= b <= len(text) for a, b in (span.chars for span in notes.spans))


@SLOW
@given(text=SOUP.filter(lambda text: "!" not in text), place=st.integers(0, 999))
def test_however_it_is_resumed(engine: Engine, text: str, place: int) -> None:
    before, after = cut(text, [place])
    whole, notes = speak(engine, TONE, before, after, flush=0)
    for checkpoint in notes.checkpoints:
        at = checkpoint.at
        if text[at].isspace():
            continue  # the tone can go on there; a model's points are before words
        parts = [before[at:], after] if at <= len(before) else [after[at - len(before) :]]
        flush = 0 if at < len(before) else -1
        pcm, rest = speak(
            engine, TONE, *parts, flush=flush, origin=checkpoint, begin=checkpoint.byte
        )
        assert pcm == whole[checkpoint.byte :], checkpoint
        assert rest.spans == [s for s in notes.spans if s.bytes[0] >= checkpoint.byte]


def test_a_real_voice_to_the_sample(voiced: Engine) -> None:
    whole, notes = speak(voiced, VOICED, TEXT)
    assert speak(voiced, VOICED, *TEXT)[0] == whole
    assert len(notes.checkpoints) >= 6
    for checkpoint in notes.checkpoints:
        for begin in (checkpoint.byte, checkpoint.byte + 2000):
            pcm, _ = speak(
                voiced, VOICED, *TEXT[checkpoint.at :], origin=checkpoint, begin=begin
            )  # fmt: skip
            assert pcm == whole[begin:], checkpoint
    assert notes.ignored == [
        "<foo> is not known here; what it holds is spoken, and nothing else done"
    ]


def test_it_is_heard(voiced: Engine) -> None:
    pcm, notes = speak(voiced, VOICED, TEXT)
    wave = samples(pcm)
    assert np.abs(np.diff(wave)).max() < 0.5, "no click"
    expected = (
        "I saw engine x in Bath. My code is NASA seven, thanks. So it goes on, slowly and gently, "
        "for a while. And again. The World Wide Web Consortium is and was tomato soup. Last words."
    )
    assert word_errors(wave, expected, 24_000) <= 0.05
    heard = [TEXT[slice(*span.chars)] for span in notes.spans]
    assert heard[:5] == ["I", "saw", "nginx", "in", "Bath"]
    assert "W3C" in heard
    assert "&amp;" in heard


def silence(wave: np.ndarray) -> float:
    """The longest silence in it, in seconds."""
    loud = np.flatnonzero(np.abs(wave) > 10 ** (-50 / 20))
    return float(np.diff(loud).max()) / 24_000


@pytest.mark.parametrize("seconds", [0.3, 0.7, 2.5])
def test_a_break_is_as_long_as_it_says(voiced: Engine, seconds: float) -> None:
    text = f"Hello there<break time='{seconds}s'/>my friend."
    assert abs(silence(samples(speak(voiced, VOICED, text)[0])) - seconds) < 0.01
    plain = replace(VOICED, markup="pauses")
    text = f"Hello there [pause:{seconds}s] my friend."
    assert abs(silence(samples(speak(voiced, plain, text)[0])) - seconds) < 0.01


def test_the_pace_changes(voiced: Engine) -> None:
    words = "This is a sentence of some words."

    def length(text: str, **options: float) -> int:
        config = replace(VOICED, options=replace(VOICED.options, **options))
        return len(speak(voiced, config, text)[0])

    same = length(words)
    assert length(f"<prosody rate='100%'>{words}</prosody>") == same
    assert length(f"<prosody rate='50%'>{words}</prosody>") == length(words, speed=0.5) > 1.7 * same
    fast = length(f"<prosody rate='125%'>{words}</prosody>", speed=1.2)
    assert fast == length(words, speed=1.5)


def test_phonemes_and_aliases_are_as_if_written_so(voiced: Engine) -> None:
    written, _ = speak(voiced, VOICED, "They drink engine x tea.")
    assert speak(voiced, VOICED, "They drink nginx tea.")[0] == written
    two = [
        speak(voiced, VOICED, f"A <phoneme ph='{ph}'>tomato</phoneme> a day.")[0]
        for ph in ("təˈmeɪtoʊ", "təˈmɑːtəʊ")
    ]
    assert two[0] != two[1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A <prosody rate='slow'>tone</prosody>.", "has no other pace"),
        ("A <phoneme ph='a'>tone</phoneme>.", "takes no phonemes"),
        ("Tone.<break/>", "a break at the end of the text is not heard"),
    ],
)
def test_what_a_voice_cannot_do_is_told(text: str, told: str) -> None:
    engine = engine_of(ToneModel())
    engine.start()
    pcm, notes = speak(engine, TONE, text)
    engine.stop()
    assert pcm
    assert [told in message for message in notes.ignored] == [True]


def test_warnings_have_an_end(engine: Engine) -> None:
    text = "".join(f"<x{i}>a</x{i}> " for i in range(100))
    _, notes = speak(engine, TONE, text)
    assert len(notes.ignored) == 17
    assert notes.ignored[-1].startswith("more of the markup")


def test_breaks_with_nothing_between_them_are_one(engine: Engine) -> None:
    once, _ = speak(engine, TONE, "One. <break time='10s'/>Two.")
    many, _ = speak(engine, TONE, "One. " + "<break time='10s'/> " * 500 + "Two.")
    assert once == many


def test_a_writer_who_hesitates(engine: Engine) -> None:
    """What a pause cuts is told, and a flush there does the same."""
    for text, more in [
        ("Hi <sub alias='big world'>W</sub>", " and you."),
        ("Hi nginx and ngi", "nx too."),
        ("Hi <b>you</b> an", "d me."),
        ("Hi you <brea", "k/> and me."),
    ]:
        config = stream_config("xx-Tone", markup="ssml", lexicon=TONE.lexicon, patience=0.05)
        listener = Listener(engine, config)
        listener.stream.feed(text)
        notes = Notes()
        end = time.monotonic() + 5
        while not notes.pauses:
            assert time.monotonic() < end
            notes += listener.stream.take_notes()
        (place,) = notes.pauses
        listener.stream.feed(more)
        listener.stream.finish()
        pcm = listener.until_end()
        listener.stream.close()
        whole = text + more
        assert speak(engine, TONE, whole[:place], whole[place:], flush=0)[0] == pcm, whole[:place]


def test_after_a_cancel_no_element_is_open(engine: Engine) -> None:
    listener = Listener(engine, TONE)
    listener.stream.feed("<prosody rate='slow'>One two. ")
    listener.until_bytes(CHAR_BYTES)
    listener.stream.cancel()
    listener.pcm = b""
    listener.stream.feed("Three.")
    listener.stream.finish()
    assert listener.until_end() == speak(engine, TONE, "Three.")[0]
    listener.stream.close()
