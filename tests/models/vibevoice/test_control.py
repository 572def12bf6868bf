"""VibeVoice with a text that says how it is to be spoken: pauses and aliases; the rest is told."""

from __future__ import annotations

import numpy as np

from tests.support.engines import bulk_config, engine_of
from tests.support.hearing import samples
from tests.support.listener import Listener
from tests.support.vibevoice import VOICE
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel

CONFIG = bulk_config(VOICE, markup="ssml", rate=24_000, lexicon=(("b", "/bi/"),))
TEXT = (
    "Alpha <sub alias='two'>2</sub> b. <break time='2s'/>Beta "
    "<prosody rate='slow'>gamma</prosody> &amp; delta."
)


def test_pauses_and_aliases(model: VibeVoiceModel) -> None:
    engine = engine_of(model)
    engine.start()
    try:
        heard = []
        for parts in ([TEXT], [*TEXT]):
            listener = Listener(engine, CONFIG)
            for part in parts:
                listener.stream.feed(part)
            listener.stream.finish()
            heard.append(listener.until_end())
            notes = listener.stream.take_notes()
            listener.stream.close()
        whole = heard[0]
        assert heard[1] == whole
        assert sorted(notes.ignored) == [
            f"the voice {VOICE} has no other pace: <prosody rate> has no effect",
            f"the voice {VOICE} takes no phonemes; the words were read as written",
        ]
        silent = np.concatenate([[False], np.abs(samples(whole)) < 10 ** (-50 / 20), [False]])
        edges = np.flatnonzero(np.diff(silent.astype(int)))
        assert abs((edges[1::2] - edges[::2]).max() / 24_000 - 2) < 0.01
        assert all(b <= len(TEXT) for _, b in (span.chars for span in notes.spans))
        assert len(notes.checkpoints) == 2, "each utterance can be begun again"
        checkpoint = notes.checkpoints[1]
        assert TEXT[checkpoint.at :].startswith("Beta")
        listener = Listener(engine, CONFIG)
        listener.stream.close()
        stream = engine.open(CONFIG, listener._wake, origin=checkpoint, begin=checkpoint.byte)
        listener.stream = stream
        stream.feed(TEXT[checkpoint.at :])
        stream.finish()
        assert listener.until_end() == whole[checkpoint.byte :]
        stream.close()
    finally:
        engine.stop()
