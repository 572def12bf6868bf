"""Audio files whose format is told by their name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

from vibevoice_pro.audio.encode import WavWriter
from vibevoice_pro.audio.formats import FORMATS, Encoder

ENDINGS: Mapping[str, str] = {
    ".wav": "wav", ".mp3": "mp3", ".opus": "opus", ".ogg": "opus", ".flac": "flac",
    ".aac": "aac", ".m4a": "m4a", ".pcm": "pcm", ".raw": "pcm",
}  # fmt: skip
"""How a name ends, to one of `FORMATS`; `.ogg` is Opus in Ogg, as `.opus` is."""


class Sink(Protocol):
    """Where PCM goes."""

    def write(self, pcm: bytes, /) -> object:
        """Take s16le, mono, whole samples; may block for a while."""


class _Encoding:
    """A `Sink` that writes what an encoder makes of PCM."""

    def __init__(self, file: BinaryIO, encoder: Encoder) -> None:
        self._file = file
        self._encoder = encoder

    def write(self, pcm: bytes) -> None:
        self._file.write(self._encoder.add(pcm))

    def end(self) -> None:
        self._file.write(self._encoder.end())
        self._file.flush()


def format_of(path: Path) -> str | None:
    """The name in `FORMATS` of what a file would hold; None: its name does not tell."""
    return ENDINGS.get(path.suffix.lower())


@contextlib.contextmanager
def writing(file: BinaryIO, name: str, rate: int) -> Iterator[Sink]:
    """Write PCM at `rate` Hz into a file while it comes; when left, the file is complete.

    `name`: one of `FORMATS`, which has that rate.

    Raises:
        OSError: the file does not take it.
    """
    if name == "wav":
        with WavWriter(file, rate) as wav:
            yield wav
        return
    format_ = FORMATS[name]
    encoder = format_.writer(file, rate) if file.seekable() else format_.encoder(rate)
    sink = _Encoding(file, encoder)
    try:
        yield sink
    except BaseException:
        with contextlib.suppress(Exception):
            encoder.end()  # frees what FFmpeg holds, while the file is open
        raise
    sink.end()
