"""Estimated word times, held against a voice whose word times are known."""

from __future__ import annotations

import re

import numpy as np
import pytest

from vibevoice_pro.bench import sentences, texts
from vibevoice_pro.models.base import Mark, Options
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.models.vibevoice.timing import Clock, hear, letters
from vibevoice_pro.text.reading.words import readable

RATE, LATENT = 24_000, 3200
TOKEN = 4.2  # characters, about
PARAGRAPHS = [
    " ".join(some[i : i + 4])
    for some in (texts.SENTENCES, sentences.SENTENCES)
    for i in range(0, len(some), 4)
]


def spoken(model: HibariModel, text: str, speed: float) -> tuple[np.ndarray, list[Mark]]:
    """What the embedded voice makes of a text, and where its words are, exactly."""
    utterance = model.open(next(iter(model.voices)), Options(speed=speed))
    utterance.feed(text)
    utterance.finish()
    utterance.prepare()
    waves: list[np.ndarray] = []
    marks: list[Mark] = []
    at = 0
    while utterance.ready:
        chunk = model.step([utterance])[0]
        marks += [Mark(m.chars, (m.samples[0] + at, m.samples[1] + at)) for m in chunk.marks]
        waves.append(chunk.wave)
        at += len(chunk.wave)
        utterance.prepare()
    return np.concatenate(waves), marks


def estimated(text: str, wave: np.ndarray, latents: int = 1) -> list[Mark]:
    """The same found from the sound alone, as VibeVoice would have made it: in latents, five tokens
    of text before six of them."""
    words = [match.span() for match in re.finditer(r"\S+", text)]
    clock, marks, tokens, read = Clock(), [], 0.0, 0
    step = LATENT * latents
    for at in range(0, len(wave), step):
        if at % (6 * LATENT) == 0:
            tokens += 5
        while read < len(words) and tokens > 0:
            start, end = words[read]
            tokens -= (end - start + 1) / TOKEN
            clock = clock.add((start, end), text[start:end], readable(text[start:end], "en")[0])
            read += 1
        clock, found = hear(
            clock, wave[at : at + step], RATE, read == len(words), at + step >= len(wave)
        )
        marks += [Mark(m.chars, (m.samples[0] + at, m.samples[1] + at)) for m in found]
    return marks


@pytest.mark.parametrize(
    ("speed", "median", "most"), [(0.8, 0.4, 2.2), (1.0, 0.25, 1.2), (1.25, 0.25, 1.2)]
)
def test_words_are_told_near_when_they_are_heard(
    compact: HibariModel, speed: float, median: float, most: float
) -> None:
    """Told with the text, as it was read, they would be 3.3 s early at the median."""
    off: list[float] = []
    for text in PARAGRAPHS:
        wave, marks = spoken(compact, text, speed)
        guessed = {mark.chars: mark.samples[0] for mark in estimated(text, wave)}
        off += [abs(guessed[m.chars] - m.samples[0]) / RATE for m in marks if m.chars in guessed]
    print(
        f"speed {speed}: {len(off)} words, median {np.median(off):.2f} s, "
        f"90 % {np.percentile(off, 90):.2f} s, largest {max(off):.2f} s"
    )
    assert np.median(off) <= median
    assert np.percentile(off, 90) <= most


def test_each_word_once_and_in_order(compact: HibariModel) -> None:
    text = PARAGRAPHS[0]
    wave, _ = spoken(compact, text, 1.0)
    marks = estimated(text, wave)
    assert [text[slice(*mark.chars)] for mark in marks] == text.split()
    starts = [mark.samples[0] for mark in marks]
    assert starts == sorted(starts)
    assert starts[-1] < len(wave)
    assert all(first < last for first, last in (mark.samples for mark in marks))


def test_it_does_not_matter_how_many_latents_a_step_makes(compact: HibariModel) -> None:
    text = PARAGRAPHS[1]
    wave, _ = spoken(compact, text, 1.0)
    assert estimated(text, wave, latents=3) == estimated(text, wave)


def test_words_that_are_left_are_told_at_the_end() -> None:
    clock = Clock()
    for i, word in enumerate(("One", "two", "three.")):
        clock = clock.add((4 * i, 4 * i + len(word)), word, word)
    silence = np.zeros(LATENT, np.float32)
    _, marks = hear(clock, silence, RATE, complete=True, last=True)
    assert [mark.chars for mark in marks] == [(0, 3), (4, 7), (8, 14)]
    assert marks[-1].samples[1] <= LATENT
    _, nowhere = hear(clock, silence[:0], RATE, complete=True, last=True)
    assert [mark.samples for mark in nowhere] == [(0, 0)] * 3


def test_a_long_turn_keeps_little() -> None:
    clock, noise = Clock(), np.ones(LATENT, np.float32)
    for i in range(2000):
        clock = clock.add((2 * i, 2 * i + 1), "a", "a")
        clock, _ = hear(clock, noise, RATE, complete=False, last=False)
    assert len(clock.passed) <= 200


def test_letters() -> None:
    assert letters("forty-five") == 10
    assert letters("こんにちは") == 10
    assert letters("東京") == 8
