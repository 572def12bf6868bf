"""16-bit PCM and the 20 ms frames it travels in."""

from __future__ import annotations

import numpy as np

from vibevoice_pro.audio.resample import Waveform

RATES = (8000, 16000, 24000, 48000)
"""Sample rates the wire offers, in Hz: each makes 20 ms a whole number of samples."""

FRAME_MS = 20
SAMPLE_BYTES = 2


def frame_bytes(rate: int) -> int:
    """Bytes of one 20 ms frame of 16-bit mono PCM at `rate` Hz."""
    return rate * FRAME_MS // 1000 * SAMPLE_BYTES


def to_pcm16(wave: Waveform) -> bytes:
    """Waveform (samples,) in -1..1 to s16le bytes; louder samples are clipped, not wrapped."""
    return (np.clip(wave, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()


class Framer:
    """Cut a run of PCM bytes into frames of exactly one size."""

    def __init__(self, rate: int) -> None:
        self.size = frame_bytes(rate)
        self._rest = b""

    def push(self, pcm: bytes) -> list[bytes]:
        """Add PCM; return the frames that are now full."""
        data = self._rest + pcm
        whole = len(data) - len(data) % self.size
        self._rest = data[whole:]
        return [data[i : i + self.size] for i in range(0, whole, self.size)]

    def finish(self) -> list[bytes]:
        """Return the last frame, filled up with silence, if anything is left."""
        rest, self._rest = self._rest, b""
        return [rest.ljust(self.size, b"\0")] if rest else []

    def drop(self) -> None:
        """Forget what does not fill a frame yet (the listener interrupted)."""
        self._rest = b""
