"""Which written word is heard where."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hibari import Hibari

from tests.support.speaking import speak_marked
from vibevoice_pro.bench.sentences import SENTENCES
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.models.hibari.voice import load
from vibevoice_pro.models.hibari.words import MAX_EFFORT, effort, read
from vibevoice_pro.models.phrases.words import TooLong, Word, in_parts
from vibevoice_pro.text.reading.words import readable

RATE = 24000


@pytest.fixture(scope="module")
def hibari() -> Hibari:
    return load()


def test_durations_are_one_more_output_and_change_nothing(hibari: Hibari) -> None:
    inputs = {
        "ids": np.asarray([hibari.ids(hibari.g2p("Good morning, my friend."))], np.int64),
        "speed": np.asarray([1.0], np.float32),
    }
    *spectrum, durations = hibari.sess.run(None, inputs)
    for ours, theirs in zip(spectrum, Hibari().sess.run(None, inputs), strict=True):
        assert np.array_equal(ours, theirs)
    assert durations.shape == inputs["ids"][0].shape
    assert 2 * durations.sum() == spectrum[-1].shape[-1]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Hello there, you.", ["Hello", "there,", "you."]),
        ("It is **very good** 😀 now", ["It", "is", "**very", "good**", "now"]),
        ("It costs $3.14, not €5.", ["It", "costs", "$3.14,", "not", "€5."]),
        ("Dr. Smith has 5 kg of it.", ["Dr.", "Smith", "has", "5", "kg", "of", "it."]),
        ("On 5 May 2024 at 9:30 a.m.", ["On", "5", "May", "2024", "at", "9:30 a.m."]),
        ("See https://example.com now", ["See", "https://example.com", "now"]),
        ("Say [tomato](/təmˈAtO/) now", ["Say", "[tomato](/təmˈAtO/)", "now"]),
        ("The word 你好 means hello.", ["The", "word", "means", "hello."]),
        ("We met AT&T (e.g.) there", ["We", "met", "AT&T", "(e.g.)", "there"]),
        ("On 3/4 5/6 $7 it ends", ["On", "3/4", "5/6", "$7", "it", "ends"]),
        ("Then a+b = c² it is", ["Then", "a+b", "=", "c²", "it", "is"]),
        ("One — two “three”", ["One", "—", "two", "“three”"]),
        ("🎉 😀", []),
    ],
)
def test_words_are_found_again(hibari: Hibari, written: str, expected: list[str]) -> None:
    words = read(hibari.g2p, written, readable(written, "en")[0])
    assert [written[slice(*word.chars)] for word in words] == expected


def test_phonemes_are_those_of_the_whole(hibari: Hibari) -> None:
    for sentence in SENTENCES:
        spelled = readable(sentence, "en")[0]
        words = read(hibari.g2p, sentence, spelled)
        assert " ".join(w.phonemes for w in words).strip() == hibari.g2p(spelled)
        assert len(words) == len(sentence.split())


TEXT = (
    "Good morning, everyone — it is **very** good to see you! We sold 1,250 books at $3.14 since "
    "May 5, 2024, Dr. Smith said; isn't that nice? 🎉 The old man who lived near the harbour had "
    "never seen such a storm in all his years, and he had seen many."
)


def test_every_word_has_its_mark(compact: HibariModel) -> None:
    wave, marks = speak_marked(compact, TEXT)
    assert [TEXT[slice(*m.chars)] for m in marks] == [w for w in TEXT.split() if w not in "—🎉"]
    assert marks[0].samples[0] >= 0
    assert marks[-1].samples[1] <= len(wave)
    assert all(m.samples[0] < m.samples[1] for m in marks)
    assert all(a.samples[1] <= b.samples[0] for a, b in pairwise(marks))


@pytest.mark.parametrize(
    "text",
    [
        "If you want to bake good bread you\nneed flour, water and time, but most of all patience.",
        "How long does it take to get there? The — meeting starts at nine, as far as I know.",
        "I think - and you know that - this is the best one, if it is any good at all.",
        "First the one:\nthen the other one, and then the one that nobody ever has asked for yet.",
    ],
)
def test_no_word_is_lost_at_a_cut(compact: HibariModel, text: str) -> None:
    _, marks = speak_marked(compact, text)
    assert [text[slice(*m.chars)] for m in marks] == [w for w in text.split() if w not in "—-"]
    assert min(m.samples[1] - m.samples[0] for m in marks) > 0.02 * RATE


def test_marks_end_and_begin_where_pauses_do(compact: HibariModel) -> None:
    wave, marks = speak_marked(compact, TEXT)
    loud = np.abs(wave) > 0.006
    gaps = [(a.samples[1], b.samples[0]) for a, b in pairwise(marks)]
    pauses = [(start, end) for start, end in gaps if end - start > 0.1 * RATE]
    assert len(pauses) >= 5
    assert not any(loud[start:end].any() for start, end in gaps if end > start + 0.1 * RATE)
    for start, end in pauses:
        assert loud[start - RATE // 50 : start].any()
        assert loud[end : end + RATE // 50].any()


@pytest.mark.parametrize("pattern", ["1-", "a@", "ab-", "state-of-the-art-of-the-", "Mm", "½"])
def test_what_takes_long_is_not_read_at_once(hibari: Hibari, pattern: str) -> None:
    text = (pattern * 400)[:400]
    with pytest.raises(TooLong):
        read(hibari.g2p, text, readable(text, "en")[0])


def test_effort_grows_with_the_cube_of_what_is_joined() -> None:
    plain = effort("a " * 100)
    assert effort("a " * 1000) == 10 * plain
    assert effort("a-" * 50) > 7 * effort("a-" * 25)
    assert plain < MAX_EFFORT < effort("a-" * 50)


def test_an_ordinary_piece_is_one_part() -> None:
    words = [Word((i, i + 1), "a" * 9) for i in range(0, 40, 2)]
    assert in_parts(words, 200, 100) == [words]
    assert in_parts([], 200, 100) == []


def test_a_long_piece_is_spoken_in_parts() -> None:
    words = [Word((i, i + 1), "a" * 9) for i in range(0, 60, 2)]
    parts = in_parts(words, 200, 100)
    assert [len(part) for part in parts] == [10, 10, 10]
    assert [word for part in parts for word in part] == words


@pytest.mark.parametrize("phonemes", ["ab " * 120, "a" * 360, "a" * 150 + " " + "b" * 209])
def test_a_word_that_is_read_long_is_spoken_in_parts(phonemes: str) -> None:
    parts = in_parts([Word((10, 130), phonemes.strip())], 1000, 100)
    words = [word for part in parts for word in part]
    assert max(sum(len(word.phonemes) + 1 for word in part) for part in parts) <= 100
    assert "".join(w.phonemes for w in words).replace(" ", "") == phonemes.replace(" ", "")
    assert (words[0].chars[0], words[-1].chars[1]) == (10, 130)
    assert all(a.chars[1] == b.chars[0] for a, b in pairwise(words))
