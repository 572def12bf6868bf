"""VibeVoice behind the contract: text as it comes, many at once, turns, what is odd."""

from __future__ import annotations

import shutil
from collections.abc import Sequence, Set
from pathlib import Path

import numpy as np
import pytest

from tests.support.vibevoice import (
    DATA,
    TEXT,
    VOICE,
    copy_checkpoint,
    drain,
    letter_tokenizer,
    speak,
    tiny_model,
)
from vibevoice_pro.errors import BadCheckpoint
from vibevoice_pro.models.base import Loading, Options
from vibevoice_pro.models.registry import load_model
from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel
from vibevoice_pro.models.vibevoice.network.network import Network
from vibevoice_pro.models.vibevoice.published import describe
from vibevoice_pro.text.reading.words import readable

NUMBERS = "That is $5 million on May 17, 2024, or E = mc² at -20 °C."


def test_any_portions_give_the_same_samples(model: VibeVoiceModel) -> None:
    whole = speak(model, TEXT)
    assert whole.size % 3200 == 0
    assert np.isfinite(whole).all()
    assert np.array_equal(speak(model, *TEXT), whole)
    assert np.array_equal(speak(model, TEXT[:7], TEXT[7:30], TEXT[30:]), whole)


@pytest.mark.parametrize("parts", [[NUMBERS], NUMBERS, NUMBERS.partition("5 ")])
def test_numbers_reach_the_model_as_words(
    model: VibeVoiceModel, monkeypatch: pytest.MonkeyPatch, parts: Sequence[str]
) -> None:
    read: list[str] = []
    monkeypatch.setattr(model.tokenizer, "encode", lambda text: read.append(text) or [])
    utterance = model.open(VOICE, Options())
    for part in parts:
        utterance.feed(part)
        utterance.prepare()
        assert not utterance.ready
    utterance.finish()
    utterance.prepare()
    assert not utterance.ready
    utterance.close()
    assert "".join(read) == (
        "That is five million dollars on May seventeenth, twenty twenty-four,"
        " or E equals mc squared at minus twenty degrees Celsius."
    )


def test_it_speaks_before_the_text_is_complete(model: VibeVoiceModel) -> None:
    utterance = model.open(VOICE, Options())
    utterance.feed("Hello there, my dear friend, how ")
    assert len(drain(model, utterance)) >= 6
    assert not utterance.ready, "and then it waits for its writer"
    assert not utterance.done
    utterance.close()


def test_listeners_in_a_batch_hear_what_they_hear_alone(model: VibeVoiceModel) -> None:
    texts = ["One short text.", "Another one that is quite a bit longer than that.", TEXT]
    settings = [Options(seed=1), Options(seed=2, cfg=3.0), Options(seed=3, steps=8)]
    alone = [speak(model, t, options=o) for t, o in zip(texts, settings, strict=True)]
    utterances = [model.open(VOICE, o) for o in settings]
    for utterance, text in zip(utterances, texts, strict=True):
        utterance.feed(text)
        utterance.finish()
        utterance.prepare()
    heard: list[list[np.ndarray]] = [[] for _ in texts]
    while ready := [i for i, u in enumerate(utterances) if u.ready]:
        for i, chunk in zip(ready, model.step([utterances[i] for i in ready]), strict=True):
            heard[i].append(chunk.wave)
            utterances[i].prepare()
    for utterance, waves, expected in zip(utterances, heard, alone, strict=True):
        together = np.concatenate(waves)
        assert together.shape == expected.shape
        # Products of other shapes are rounded otherwise, and this random model, which feeds on its
        # own output, makes more of that with every frame: 2e-4 after 24 of them in PyTorch. On ONNX
        # Runtime, at some frame that depends on the processor, a number is rounded to the other one
        # of two bytes, 1e-3 at once, and ten frames later it is another voice.
        frames, most = {"PyTorch": (24, 1e-3), "onnx": (6, 1e-2), "native": (60, 0)}[
            model.plan.kernels
        ]
        start = slice(0, frames * 3200)
        error = np.abs(together[start] - expected[start]).max() / np.abs(expected[start]).max()
        assert error <= most
        utterance.close()


def test_seed_decides(model: VibeVoiceModel) -> None:
    first, again = (speak(model, TEXT, options=Options(seed=5)) for _ in range(2))
    other = speak(model, TEXT, options=Options(seed=6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first[:3200], other[:3200])


def test_a_flush_ends_a_turn_and_the_next_goes_on(model: VibeVoiceModel) -> None:
    utterance = model.open(VOICE, Options())
    utterance.feed("First turn")
    assert not drain(model, utterance)
    utterance.flush()
    first = drain(model, utterance)
    assert first
    assert not utterance.done
    utterance.feed(" and the second turn.")
    utterance.finish()
    second = drain(model, utterance)
    assert second
    assert utterance.done
    fresh = speak(model, "and the second turn.")
    assert not np.array_equal(np.concatenate(second)[:3200], fresh[:3200]), "it goes on, not anew"
    utterance.close()


def test_a_turn_can_begin_from_the_voice_alone(model: VibeVoiceModel) -> None:
    reset = model.open(VOICE, Options(context="reset"))
    reset.feed("Here is what was said before.")
    reset.flush()
    drain(model, reset)
    before = reset.speaker.frame
    fresh, carried = model.open(VOICE, Options()), model.open(VOICE, Options())
    carried.feed("Here is what was said before.")
    carried.flush()
    drain(model, carried)
    fresh.speaker.frame = before  # the noise goes on
    waves = []
    for utterance in (reset, fresh, carried):
        utterance.feed("And now to something else.")
        utterance.finish()
        waves.append(np.concatenate(drain(model, utterance)))
        utterance.close()
    assert np.array_equal(waves[0], waves[1])
    assert not np.array_equal(waves[0][:3200], waves[2][:3200])


@pytest.mark.parametrize(
    ("parts", "read"),
    [
        (["Yes"], "Yes.\n"),
        (["Yes", " please"], "Yes please.\n"),
        (["Oh no!"], "Oh no!\n"),
        (["One two three four"], "One two three four\n"),
    ],
)
def test_a_turn_of_few_words_is_closed(
    model: VibeVoiceModel, parts: list[str], read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    encode = model.tokenizer.encode
    monkeypatch.setattr(model.tokenizer, "encode", lambda text: seen.append(text) or encode(text))
    wave = speak(model, *parts)
    assert "".join(seen) == read
    assert np.abs(wave[-1]) < 1e-3, "it is faded out where it does not end by itself"


def test_a_stop_in_the_middle_of_the_text_is_not_heeded(
    network: Network, voice: VoicePrompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written is spoken, though the stop classifier fires at every frame."""
    bias = network.tts_eos_classifier.fc2.bias
    before = bias.clone()
    bias.fill_(50.0)
    model = tiny_model(network, voice, streams=1, window=64)
    read: list[str] = []
    encode = model.tokenizer.encode
    monkeypatch.setattr(model.tokenizer, "encode", lambda text: read.append(text) or encode(text))
    utterance = model.open(VOICE, Options())
    utterance.feed("Twelve tokens of four letters, and then it may well stop.")
    utterance.finish()
    frames = len(drain(model, utterance))
    bias.copy_(before)
    assert utterance.done
    assert read[-1] == "\n"
    tokens = sum(len(encode(text)) for text in read)
    assert frames == (tokens - 1) // 5 * 6 + 1


@pytest.mark.parametrize("text", ["", "  ", "🎉", "…", "你好"])
def test_nothing_to_say(model: VibeVoiceModel, text: str) -> None:
    assert speak(model, text).size == 0


UNSAYABLE = "🎉 " * 250_000


def test_text_that_cannot_be_said_is_read_a_little_at_a_time(
    network: Network, voice: VoicePrompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a million signs cost others nothing: each step in between is empty and quick."""
    pieces: list[str] = []

    def read(text: str, language: str) -> tuple[str, Set[str]]:
        pieces.append(text)
        return readable(text, language)

    monkeypatch.setattr("vibevoice_pro.models.vibevoice.model.readable", read)
    model = tiny_model(network, voice, streams=2, window=64)
    hostile, other = model.open(VOICE, Options()), model.open(VOICE, Options())
    hostile.feed(UNSAYABLE)
    hostile.feed("And now a few words that can be said aloud.")
    hostile.finish()
    other.feed("Here is a sentence, my friend, for somebody else.")
    hostile.prepare()
    other.prepare()
    assert 0 < len(pieces) < 70
    assert (hostile.ready, hostile.done) == (True, False)
    before = len(pieces)
    assert (hostile.ready, hostile.done) == (True, False), "asking changes nothing"
    assert len(pieces) == before
    empty, heard = model.step([hostile, other])
    assert empty.wave.size == 0
    assert not empty.marks
    assert heard.wave.size == 3200
    while not (empty := model.step([hostile])[0]).wave.size:
        before = len(pieces)
        hostile.prepare()
        assert len(pieces) - before <= 32
    assert empty.marks[0].chars[0] == len(UNSAYABLE)
    assert len(pieces) > 1000


def test_a_turn_is_bounded_though_the_model_never_stops(model: VibeVoiceModel) -> None:
    assert speak(model, "Yes.").size == 3200 * (8 + 2)  # of one token, and few words
    assert speak(model, "So do we all.").size == 3200 * (40 + 2 * 4)


def test_voice_names() -> None:
    assert describe("en-Emma_woman").language == "en"
    assert describe("jp-Spk0_man").language == "ja"
    assert describe("in-Samuel_man").gender == "man"
    assert describe("in-Samuel_man").language == "en-IN"
    assert describe("in-Samuel_man").licence == "MIT"
    assert describe("en-Me_man").licence == "", "nobody knows"
    assert describe("whatever").id == "whatever"


def test_loading_a_directory(tmp_path: Path) -> None:
    folder = copy_checkpoint(tmp_path)
    with pytest.raises(BadCheckpoint, match="has no voice files"):
        load_model(str(folder))
    (folder / "voices").mkdir()
    shutil.copy(DATA / "voice.pt", folder / "voices" / "en-Tiny_woman.pt")
    with pytest.raises(BadCheckpoint, match=r"no tokenizer.json, and no preprocessor_config"):
        load_model(str(folder))
    (folder / "tokenizer.json").write_text(letter_tokenizer())
    assert load_model(str(folder)).info.name == tmp_path.name
    model = load_model(str(folder), Loading(streams=1, kv_window="64"))
    assert list(model.voices) == ["en-Tiny_woman"]
    assert speak(model, "hello.").size > 0
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(BadCheckpoint, match="is not a tokenizer"):
        load_model(str(folder))
