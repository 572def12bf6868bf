"""16-bit PCM and the 20 ms frames it travels in."""

from __future__ import annotations

import numpy as np

from vibevoice_pro.audio.resample import Waveform

RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
"""Sample rates the wire offers, in Hz: each makes 20 ms a whole number of samples."""

DEFAULT_RATE = 16000
"""The one that is sent where nobody asks for another."""

FRAME_MS = 20
SAMPLE_BYTES = 2


def frame_bytes(rate: int) -> int:
    """Bytes of one 20 ms frame of 16-bit mono PCM at `rate` Hz."""
    return rate * FRAME_MS // 1000 * SAMPLE_BYTES


def to_pcm16(wave: Waveform) -> bytes:
    """Waveform (samples,) in -1..1 to s16le bytes; louder samples are clipped, not wrapped."""
    return (np.clip(wave, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
