"""hibari's network and vocoder, told also how long each phoneme is.

Each phrase comes with about 0.3 s of true silence before and 0.45 s after it, whatever the
punctuation; those are left out before the vocoder, which is a quarter of its work for a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hibari import Hibari, dsp
from hibari.voices import DEFAULT, voice_path

from vibevoice_pro.audio.resample import Waveform

LEAD_S, TAIL_S = 0.03, 0.09
"""Kept before the first and after the last sound of a phrase, in seconds."""

_DURATIONS = "/Clip_output_0"  # (phonemes,) float32, in steps of `_STEP` frames: whole numbers
_STEP = 2
_SPEECH_LOG = -6.0  # loudest bin of a frame, natural log: silence lies near -9, speech above -4
_MARGIN = 4  # frames kept around speech: the width of the vocoder's window
_SOUND = 10 ** (-60 / 20)  # louder than this is sound; hibari's silence lies below -130 dB


@dataclass(frozen=True)
class Spoken:
    """A phrase as sound.

    Attributes:
        wave: (samples,), with `LEAD_S` and `TAIL_S` of the silence around it.
        spans: (phonemes, 2), [start, end) of each phoneme in the wave.
    """

    wave: Waveform
    spans: npt.NDArray[np.int64]


def load() -> Hibari:
    """hibari, its network with the durations of the phonemes as a further output.

    A protobuf message (an ONNX file is one) that is appended to another is merged into it, lists
    by joining them: so a few bytes with nothing but a graph with nothing but one output add it.
    """
    output = _field(1, _DURATIONS.encode()) + _field(2, _field(1, b"\x08\x01"))  # a float32 tensor
    model = Path(voice_path(DEFAULT)).read_bytes() + _field(7, _field(12, output))
    tts = Hibari(model=model)  # which hands it to ONNX Runtime; that takes bytes for a path
    # Both keep the bytes, 8 MB, and need them no more (ONNX Runtime would to change its device).
    tts.model_path = ""
    tts.sess._model_bytes = None
    return tts


def _field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message: number and wire type, length, content; below 16 and 128."""
    return bytes([number << 3 | 2, len(content)]) + content


def synthesize(tts: Hibari, ids: Sequence[int], speed: float, rng: np.random.Generator) -> Spoken:
    """Speak phoneme ids (without pads); all silence gives nothing."""
    inputs = {
        "ids": np.asarray([[0, *ids, 0]], np.int64), "speed": np.asarray([speed], np.float32)
    }  # fmt: skip
    *spectrum, durations = tts.sess.run(None, inputs)
    spectrum = [part[0] for part in spectrum]
    harmonic, _, noise, rest, _, pitch = spectrum  # (601, frames) each, pitch (frames,)
    loudest = np.maximum(noise.max(axis=0), rest.max(axis=0))
    loudest = np.maximum(loudest, np.where(pitch > 0, harmonic.max(axis=0), -np.inf))
    speech = np.flatnonzero(loudest > _SPEECH_LOG)
    if not speech.size:
        return Spoken(np.zeros(0, np.float32), np.zeros((len(ids), 2), np.int64))
    kept = slice(max(0, int(speech[0]) - _MARGIN), int(speech[-1]) + 1 + _MARGIN)
    wave = dsp.synth(*(part[..., kept] for part in spectrum), rng)
    span = sound(wave, tts.sample_rate)

    edges = np.cumsum(durations[:-1]).astype(np.int64) * _STEP  # in frames
    edges[0], edges[-1] = 0, len(pitch)  # next to a pad, the first and the last sound reach into it
    edges = np.clip((edges - kept.start) * dsp.HOP - span.start, 0, span.stop - span.start)
    return Spoken(wave[span], np.stack([edges[:-1], edges[1:]], axis=1))


def sound(wave: Waveform, rate: int) -> slice:
    """Where a phrase sounds, with `LEAD_S` and `TAIL_S` around it; all silence gives nothing."""
    loud = np.flatnonzero(np.abs(wave) > _SOUND)
    if not loud.size:
        return slice(0, 0)
    start = max(0, int(loud[0]) - round(LEAD_S * rate))
    return slice(start, min(len(wave), int(loud[-1]) + 1 + round(TAIL_S * rate)))
