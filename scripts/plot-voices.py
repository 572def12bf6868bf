"""Draw what each voice that is installed says: its waveform, its spectrogram and its words.

    PYTHONPATH=. python scripts/plot-voices.py docs/voices.png

A line between two phrases is drawn where one goes over into the next. Needs matplotlib
(requirements-test.txt has it).
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib
import numpy as np
from tests.support.speaking import steps

from vibevoice_pro.config.settings import HOME
from vibevoice_pro.models.base import AnyModel, Options, Voice
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.models.kokoro.model import KokoroModel

matplotlib.use("Agg")
import matplotlib.pyplot as plt

RATE = 24000
TEXTS = {
    "en": "Good morning, everyone, and welcome. This is a demonstration of speech in real time.",
    "ja": "おはようございます、これはリアルタイム音声デモです。"
    "昨日は雨が降っていたので家で本を読みました。",
}


def speak(model: AnyModel, voice: Voice) -> tuple[np.ndarray, list[int], list[tuple[int, int]]]:
    """The sound of a voice, where its chunks end, and where its words are."""
    utterance = model.open(voice.id, Options())
    utterance.feed(TEXTS[voice.language.split("-")[0]])
    utterance.finish()
    waves, ends, words, at = [], [], [], 0
    for chunk in steps(model, utterance):
        words += [(at + mark.samples[0], at + mark.samples[1]) for mark in chunk.marks]
        waves.append(chunk.wave)
        at += len(chunk.wave)
        ends.append(at)
    return np.concatenate(waves), ends[:-1], words


def main() -> None:
    """Draw all voices, one below the other."""
    models: list[AnyModel] = [HibariModel(home=HOME), KokoroModel()]
    voices = [(model, voice) for model in models for voice in model.voices.values()]
    figure, axes = plt.subplots(2 * len(voices), 1, figsize=(13, 2.9 * len(voices)), squeeze=False)
    for i, (model, voice) in enumerate(voices):
        wave, ends, words = speak(model, voice)
        above, below = axes[2 * i][0], axes[2 * i + 1][0]
        above.plot(np.arange(len(wave)) / RATE, wave, linewidth=0.4)
        for k, (start, end) in enumerate(words):
            above.axvspan(start / RATE, end / RATE, color="0.85" if k % 2 else "0.93", zorder=0)
        level = 20 * np.log10(np.sqrt(np.square(wave[np.abs(wave) > 0.01]).mean()))
        above.set_title(
            f"{voice.id}: {len(wave) / RATE:.1f} s, level {level:.1f} dB, "
            f"peak {np.abs(wave).max():.2f}", loc="left", fontsize=9,
        )  # fmt: skip
        above.set_ylim(-0.8, 0.8)
        below.specgram(wave + 1e-6, NFFT=512, Fs=RATE, noverlap=384, vmin=-120, vmax=-30)
        below.set_ylabel("Hz")
        for axis in (above, below):
            axis.set_xlim(0, len(wave) / RATE)
            for end in ends:
                axis.axvline(end / RATE, color="tab:red", linewidth=0.7)
    figure.tight_layout()
    figure.savefig(Path(sys.argv[1]), dpi=70)


main()
