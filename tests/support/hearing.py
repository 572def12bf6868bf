"""Sound files, decoded and recognised back."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from vibevoice_pro.bench.recogniser import Recogniser


def decoded(sound: bytes | Path, rate: int) -> np.ndarray:
    """The samples of a file, (samples,) in -1..1 at `rate` Hz, decoded by FFmpeg."""
    data = sound.read_bytes() if isinstance(sound, Path) else sound
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    parts = []
    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode(audio=0):
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(parts) / 32768.0


def samples(pcm: bytes) -> np.ndarray:
    """s16le as (samples,) in -1..1."""
    return np.frombuffer(pcm, "<i2") / 32768.0


@functools.cache
def _recogniser() -> Recogniser:
    from vibevoice_pro.bench.recogniser import Recogniser

    return Recogniser()


def word_errors(sound: bytes | Path | np.ndarray, said: str, rate: int = 16_000) -> float:
    """The share of words that are recognised wrongly in a file, or in samples at `rate` Hz."""
    wave = sound if isinstance(sound, np.ndarray) else decoded(sound, rate)
    heard = _recogniser().text(wave.astype(np.float32), rate)
    return _recogniser().word_error_rate([said], [heard])
