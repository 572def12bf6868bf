"""The embedded voice: real speech, deterministic, with the pauses the text asks for."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import NoReturn

import numpy as np
import pytest

from tests.support.speaking import chunks_of, speak, steps
from vibevoice_pro.models.base import Options, Point
from vibevoice_pro.models.hibari.model import VOICE, HibariModel
from vibevoice_pro.models.phrases.sound import JOIN, Spoken, blend
from vibevoice_pro.models.phrases.utterance import middle
from vibevoice_pro.text.segment import Limit, Segmenter

RATE = 24000


def longest_silence(wave: np.ndarray) -> float:
    """Longest run of (near) silence, in seconds."""
    quiet = np.concatenate([[False], np.abs(wave) < 1e-3, [False]])
    edges = np.flatnonzero(np.diff(quiet.astype(int)))
    return float((edges[1::2] - edges[::2]).max(initial=0)) / RATE


TEXT = "Good morning, my friends. It costs $3.14, Dr. Smith said; see you at 5 p.m. tomorrow!"

IN_ONE_BREATH = (
    "The old man who lived near the harbour had never seen such a storm in all his years, and he "
    "had seen many of them, as everybody who knew him was told again and again at the bar."
)


def test_level_and_edges(compact: HibariModel) -> None:
    wave = np.concatenate(speak(compact, TEXT))
    rms = 20 * np.log10(np.sqrt(np.mean(wave**2)))
    assert -35 < rms < -15
    assert np.abs(wave).max() < 0.99
    assert np.abs(np.diff(wave)).max() < 0.5  # no click


@pytest.mark.parametrize("text", ["Apples are red.", "For the first time.", "What is it?"])
def test_the_first_phrase_begins_at_once(compact: HibariModel, text: str) -> None:
    wave = np.concatenate(speak(compact, text))
    assert np.flatnonzero(np.abs(wave) > 1e-3)[0] <= 0.005 * RATE, "silence before it"
    assert np.abs(wave[0]) < 1e-4, "a click"


@pytest.mark.parametrize("text", [TEXT, IN_ONE_BREATH])
def test_letter_by_letter_gives_the_same_samples(compact: HibariModel, text: str) -> None:
    whole, letters = speak(compact, text), speak(compact, *text)
    assert [w.tobytes() for w in whole] == [w.tobytes() for w in letters]


def test_seed_and_speed(compact: HibariModel) -> None:
    base = np.concatenate(speak(compact, TEXT))
    same = np.concatenate(speak(compact, TEXT, options=Options(cfg=3.0, steps=20)))
    other = np.concatenate(speak(compact, TEXT, options=Options(seed=7)))
    fast = np.concatenate(speak(compact, TEXT, options=Options(speed=1.5)))
    assert np.array_equal(base, same), "it has no cfg and no steps"
    assert not np.array_equal(base[:20000], other[:20000])
    assert 0.6 < len(fast) / len(base) < 0.75


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("Come with me, I will show you.", 0.15, 0.35),
        ("We came home late. It was dark.", 0.35, 0.6),
        ("We came home late.\n\nIt was dark outside.", 0.7, 1.0),
    ],
)
def test_pauses_follow_the_text(compact: HibariModel, text: str, low: float, high: float) -> None:
    assert low < longest_silence(np.concatenate(speak(compact, text))) < high


def test_a_sentence_cut_between_words_is_spoken_like_a_whole_one(compact: HibariModel) -> None:
    text = "The garden behind the house is full of apple trees."
    waves = speak(compact, text)
    whole = compact.open(VOICE.id, Options())
    whole.text = Segmenter([Limit(99, 99, 0)])
    whole.feed(text)
    whole.finish()
    (chunk,) = steps(compact, whole)
    assert len(waves) == 2
    joined = np.concatenate(waves)
    assert longest_silence(joined[RATE // 10 : -RATE // 5]) < 0.1
    assert abs(len(joined) / len(chunk.wave) - 1) < 0.05
    assert np.abs(np.diff(joined)).max() < 1.5 * np.abs(np.diff(chunk.wave)).max()


def test_a_blend_does_not_cancel_out() -> None:
    time = np.arange(3 * JOIN, dtype=np.float32) / RATE
    for phase in np.linspace(0, 2 * np.pi, 8):
        before, after = (np.sin(2 * np.pi * 200 * time + p).astype(np.float32) for p in (0, phase))
        spoken = blend(before[-JOIN:], Spoken(after, np.asarray([[JOIN, 2 * JOIN]])))
        level = np.sqrt(np.convolve(spoken.wave**2, np.ones(120) / 120, "valid"))
        assert level.min() > 0.95 * np.sqrt(0.5)
        assert spoken.spans[0, 0] == JOIN - (len(after) - len(spoken.wave))


def test_chunks_tell_their_characters(compact: HibariModel) -> None:
    spans = [mark.chars for chunk in chunks_of(compact, TEXT) for mark in chunk.marks]
    assert spans[0][0] == 0
    assert spans[-1][1] == len(TEXT)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


@pytest.mark.parametrize("text", [TEXT, IN_ONE_BREATH])
def test_goes_on_from_a_point_with_the_same_samples(compact: HibariModel, text: str) -> None:
    chunks = chunks_of(compact, text, options=Options(seed=3))
    points = [(i, c.point) for i, c in enumerate(chunks) if c.point is not None]
    assert points
    for i, point in points:
        assert not chunks[i].wave[: round(0.1 * compact.info.sample_rate)].any()
        written_down = json.loads(json.dumps(point.state, sort_keys=True))
        again = compact.open(VOICE.id, Options(seed=3), Point(point.at, written_down))
        again.feed(text[point.at :])
        again.finish()
        for same, chunk in zip(steps(compact, again), chunks[i:], strict=True):
            assert np.array_equal(same.wave, chunk.wave)
            assert (same.marks, same.point) == (chunk.marks, chunk.point)
        assert again.done


@pytest.mark.parametrize(
    "text",
    [
        "1" * 60,
        "a" * 1000,
        "word " * 300,
        "1/0 ^^ %% \\ {}[]<>|",
        "½²³",
        "the man who came in " + "🎉 " * 30 + "went out",
        "supercalifragilistic" * 3 + " incomprehensibilities" * 40,
        "on May 5 " * 30,
    ],
)
def test_odd_text_is_spoken_or_skipped(compact: HibariModel, text: str) -> None:
    for wave in speak(compact, text):
        assert np.isfinite(wave).all()


def test_foreign_letters_are_reported(compact: HibariModel) -> None:
    (chunk,) = chunks_of(compact, "The word 你好 means hello.")
    assert chunk.unread == {"Chinese characters"}
    assert chunk.wave.size > RATE / 2


def test_text_without_sound_gives_no_sound(compact: HibariModel) -> None:
    assert sum(w.size for w in speak(compact, "🎉 … — !")) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two three four", 7),
        ("state-of-the-art", 6),
        ("aaaaaaaa", 4),
        ("a bbbbbbbbbbbbbb", 8),
        ("ab", 1),
    ],
)
def test_middle_of_a_text(text: str, expected: int) -> None:
    assert middle(text) == expected


@pytest.mark.parametrize("pattern", ["1", "1-", "a@", "7%", "½", "state-of-the-art-", "M ", "₩1 "])
def test_a_step_is_bounded(compact: HibariModel, pattern: str) -> None:
    text = pattern * (800 // len(pattern))
    chunks = chunks_of(compact, text)
    marks = [mark for chunk in chunks for mark in chunk.marks]
    assert max(len(chunk.wave) for chunk in chunks) < 30 * RATE
    assert marks[0].chars[0] == 0
    assert marks[-1].chars[1] == len(text.rstrip())
    assert all(a.chars[1] <= b.chars[0] for a, b in pairwise(marks))


def test_a_step_that_fails_moves_nobody_on(
    compact: HibariModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = speak(compact, TEXT)
    one, two = (compact.open(VOICE.id, Options()) for _ in range(2))
    for utterance in (one, two):
        utterance.feed(TEXT)
        utterance.finish()
        utterance.prepare()

    def fail(*arguments: object) -> NoReturn:
        raise ValueError("provoked")

    with monkeypatch.context() as patch:
        patch.setattr("vibevoice_pro.models.hibari.model.synthesize", fail)
        for batch in ([one, two], [one]):
            with pytest.raises(ValueError, match="provoked"):
                compact.step(batch)
    for utterance in (one, two):
        waves = [chunk.wave for chunk in steps(compact, utterance)]
        assert [w.tobytes() for w in waves] == [w.tobytes() for w in expected]


def test_asking_changes_nothing(compact: HibariModel) -> None:
    utterance = compact.open(VOICE.id, Options())
    utterance.feed("Good morning. ")
    utterance.finish()
    assert not utterance.ready
    assert not utterance.done
    utterance.prepare()
    assert utterance.ready
    utterance.feed("Later.")
    assert utterance.ready


def test_white_space_does_not_wait(compact: HibariModel) -> None:
    utterance = compact.open(VOICE.id, Options())
    utterance.feed(" \n" * 250_000)
    utterance.prepare()
    assert (utterance.ready, utterance.waiting) == (False, 0)


def test_the_log_has_nothing_of_the_text(
    compact: HibariModel, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks_of(compact, "The number 1" + "0" * 80 + ". " + "9," * 60)
    assert not [r for r in caplog.records if "00000" in r.getMessage() or "9,9" in r.getMessage()]


def test_alone_or_in_a_batch_it_is_the_same_sound() -> None:
    model = HibariModel(workers=3)
    texts = ["One text of some length.", "Another one, a bit longer.", "And the third one here."]
    alone = [np.concatenate(speak(model, text)) for text in texts]
    utterances = [model.open(VOICE.id, Options()) for _ in texts]
    waves: list[list[np.ndarray]] = [[] for _ in texts]
    for utterance, text in zip(utterances, texts, strict=True):
        utterance.feed(text)
        utterance.finish()
    while True:
        for utterance in utterances:
            utterance.prepare()
        ready = [i for i, u in enumerate(utterances) if u.ready]
        if not ready:
            break
        for i, chunk in zip(ready, model.step([utterances[i] for i in ready]), strict=True):
            waves[i].append(chunk.wave)
    assert all(np.array_equal(np.concatenate(w), a) for w, a in zip(waves, alone, strict=True))
