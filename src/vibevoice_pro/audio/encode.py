"""WAV files and WAV streams of 16-bit mono PCM."""

from __future__ import annotations

import struct
import wave
from types import TracebackType
from typing import BinaryIO

from vibevoice_pro.audio.frames import SAMPLE_BYTES

_UNKNOWN = 0xFFFFFFFF


def wav_header(rate: int, data_bytes: int | None = None) -> bytes:
    """RIFF header for mono s16le at `rate` Hz; `None`: length unknown, as players accept on a pipe.

    Source: Multimedia Programming Interface and Data Specifications 1.0 (1991), WAVE form.
    """
    data = _UNKNOWN if data_bytes is None else data_bytes
    riff = _UNKNOWN if data_bytes is None else data_bytes + 36
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1,
        rate, rate * SAMPLE_BYTES, SAMPLE_BYTES, 16, b"data", data,
    )  # fmt: skip


class WavWriter:
    """Write PCM to a WAV as it comes; in a seekable file the length is filled in at the end."""

    def __init__(self, file: BinaryIO, rate: int) -> None:
        self._wave: wave.Wave_write | None = None
        self._file = file
        if file.seekable():
            self._wave = wave.open(file, "wb")  # noqa: SIM115 - closed in __exit__
            self._wave.setnchannels(1)
            self._wave.setsampwidth(SAMPLE_BYTES)
            self._wave.setframerate(rate)
        else:
            file.write(wav_header(rate))

    def write(self, pcm: bytes) -> None:
        """Append s16le bytes (whole samples)."""
        if self._wave is not None:
            self._wave.writeframesraw(pcm)
        else:
            self._file.write(pcm)
            self._file.flush()

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._wave is not None:
            self._wave.close()
