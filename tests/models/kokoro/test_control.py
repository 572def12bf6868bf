"""Japanese that says how it is to be spoken: the same samples, from each place it can go on at."""

from __future__ import annotations

import pytest

from tests.support.engines import bulk_config, engine_of
from tests.support.listener import Listener
from vibevoice_pro.engine.pcm import BEGINNING, Checkpoint, Notes
from vibevoice_pro.models.base import Phonetic
from vibevoice_pro.models.kokoro.model import KokoroModel

TEXT = (
    '<speak>今日は<phoneme alphabet="ipa" ph="sɯɕi">寿司</phoneme>を食べた。<break time="500ms"/>'
    '東京と<sub alias="とうきょうと">首都</sub>に行く。'
    '<prosody rate="slow">とても寒い。</prosody></speak>'
)


def test_to_the_sample(kokoro: KokoroModel) -> None:
    voice = next(iter(kokoro.voices))
    config = bulk_config(voice, markup="ssml", rate=24_000, lexicon=(("東京", "/kʲoːto/"),))
    engine = engine_of(kokoro)
    engine.start()

    def speak(*parts: str, origin: Checkpoint = BEGINNING) -> tuple[bytes, Notes]:
        listener = Listener(engine, config)
        listener.stream.close()
        listener.stream = engine.open(config, listener._wake, origin, origin.byte)
        for part in parts:
            listener.stream.feed(part)
        listener.stream.finish()
        pcm = listener.until_end()
        notes = listener.stream.take_notes()
        listener.stream.close()
        return pcm, notes

    try:
        whole, notes = speak(TEXT)
        assert speak(*TEXT)[0] == whole
        assert not notes.ignored
        words = [TEXT[slice(*span.chars)] for span in notes.spans]
        assert words[:4] == ["今日", "は", "寿司", "を"]
        assert "東京" in words
        assert len(notes.checkpoints) >= 3
        for checkpoint in notes.checkpoints:
            rest, _ = speak(TEXT[checkpoint.at :], origin=checkpoint)
            assert rest == whole[checkpoint.byte :], checkpoint
    finally:
        engine.stop()


def test_phonemes(kokoro: KokoroModel) -> None:
    assert isinstance(kokoro, Phonetic)
    assert kokoro.pronounced("寿司", "sɯɕi") == "[x](/sɯɕi/)"
    with pytest.raises(ValueError, match="no phoneme"):
        kokoro.pronounced("寿司", "ʘ")
