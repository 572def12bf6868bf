"""PCM into the formats that clients ask for, while it is made.

One encoder lives as long as its stream: one header, no restart between two pieces, nothing lost at
the end. FFmpeg encodes, through PyAV.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol, cast

import numpy as np

from vibevoice_pro.audio.encode import wav_header
from vibevoice_pro.audio.frames import RATES, SAMPLE_BYTES


class Encoder(Protocol):
    """Turns s16le, mono, into a format."""

    def add(self, pcm: bytes) -> bytes:
        """What so many more samples add to the stream; may be empty."""

    def end(self) -> bytes:
        """The rest of the stream."""


@dataclass(frozen=True)
class Format:
    """How speech is packed.

    Attributes:
        media_type: for the Content-Type header.
        make: an encoder, from the sample rate in Hz and the bit rate in kbit/s, 0: what is usual.
        rates: sample rates that it can have, in Hz.
    """

    media_type: str
    make: Callable[[int, int], Encoder]
    rates: tuple[int, ...] = RATES

    def encoder(self, rate: int, bitrate: int = 0) -> Encoder:
        """An encoder for one stream.

        Args:
            rate: of the PCM, in Hz.
            bitrate: in kbit/s, for formats that have one; 0: what is usual.
        """
        return self.make(rate, bitrate)

    def writer(self, file: BinaryIO, rate: int) -> Encoder:
        """An encoder that writes most of the stream to `file` itself, which can seek.

        What a header tells at the end, like the length, is then in it.
        """
        return self.make(rate, 0, file) if isinstance(self.make, _Codec) else self.make(rate, 0)


class Pcm:
    """The samples themselves."""

    def __init__(self, rate: int, bitrate: int = 0) -> None:
        pass

    def add(self, pcm: bytes) -> bytes:
        """See `Encoder`."""
        return pcm

    def end(self) -> bytes:
        """See `Encoder`."""
        return b""


class Wav:
    """One header, which says that the length is not known, then the samples."""

    def __init__(self, rate: int, bitrate: int = 0) -> None:
        self._header = wav_header(rate)

    def add(self, pcm: bytes) -> bytes:
        """See `Encoder`."""
        header, self._header = self._header, b""
        return header + pcm

    def end(self) -> bytes:
        """See `Encoder`."""
        return self.add(b"")


class _Sink:
    """A file that can't seek, and gives away what was written."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def taken(self) -> bytes:
        data = bytes(self._written)
        self._written.clear()
        return data


@dataclass(frozen=True)
class _Codec:
    """How FFmpeg makes a format.

    Attributes:
        container, codec: FFmpeg's names.
        bitrate: usual one in kbit/s; 0: it has none.
        container_options, options: of the container and of the encoder.
        delay: samples that a decoder gives before the first that was encoded, where the container
            has no place to say so.
        indexed: whether a file has such a place, in a header that is written last.
    """

    container: str
    codec: str
    bitrate: int = 0
    container_options: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    delay: int = 0
    indexed: bool = False

    def __call__(self, rate: int, bitrate: int, file: BinaryIO | None = None) -> Encoder:
        return _Encoded(self, rate, bitrate, file)


class _Encoded:
    """An `Encoder` that FFmpeg runs.

    With a `file` that can seek, the stream goes there, and its header is completed at the end.
    """

    def __init__(self, codec: _Codec, rate: int, bitrate: int, file: BinaryIO | None) -> None:
        import av  # 22 MB, for those who want it

        self._frame: Any = av.AudioFrame
        self._sink = _Sink()
        whole = codec.indexed and file is not None
        options = {"flush_packets": "1", **({} if whole else codec.container_options)}
        self._container = cast(
            "Any",
            av.open(file or self._sink, "w", format=codec.container, container_options=options),
        )
        self._stream = self._container.add_stream(
            codec.codec, rate=rate, layout="mono", options=dict(codec.options)
        )
        if codec.bitrate:
            self._stream.bit_rate = (bitrate or codec.bitrate) * 1000
        self._rate = rate
        self._samples = 0
        self._delay = 0 if whole else codec.delay

    def add(self, pcm: bytes) -> bytes:
        """See `Encoder`."""
        if pcm:
            samples = np.frombuffer(pcm, "<i2").reshape(1, -1)
            frame = self._frame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = self._rate, self._samples
            self._samples += len(pcm) // SAMPLE_BYTES
            self._mux(self._stream.encode(frame))
        return self._sink.taken()

    def end(self) -> bytes:
        """See `Encoder`."""
        self._mux(self._stream.encode(None))
        self._container.close()
        return self._sink.taken()

    def _mux(self, packets: list[Any]) -> None:
        # Those that hold only the delay are not sent. The decoder then fades in, over silence.
        for packet in packets:
            half = self._stream.codec_context.frame_size // 2
            if self._delay > half:
                self._delay -= 2 * half
            else:
                self._container.mux(packet)


_BARE = {"fflags": "+bitexact"}  # no name of the encoder in the header

FORMATS: Mapping[str, Format] = {
    "mp3": Format(
        "audio/mpeg",
        # Nothing is written at the start that only the end could tell, and each frame stands for
        # itself.
        _Codec("mp3", "libmp3lame", 64, {"write_xing": "0", "id3v2_version": "0"},
               {"reservoir": "0"}, delay=1105, indexed=True),
    ),
    "opus": Format(
        "audio/ogg",
        _Codec("ogg", "libopus", 32, {"page_duration": "20000"},  # µs, else a page has a second
               {"application": "voip"}),
        rates=(8000, 16000, 24000, 48000),
    ),
    "aac": Format("audio/aac", _Codec("adts", "aac", 64, delay=1024)),
    "m4a": Format(
        "audio/mp4",  # in fragments, where the index can't be written at the end
        _Codec("ipod", "aac", 64,
               {"movflags": "delay_moov+frag_keyframe+default_base_moof"}, indexed=True),
    ),
    "flac": Format("audio/flac", _Codec("flac", "flac", indexed=True)),
    "wav": Format("audio/wav", Wav),
    "pcm": Format("audio/pcm", Pcm),
    # G.711, as telephones speak it.
    "ulaw": Format("audio/basic", _Codec("mulaw", "pcm_mulaw")),
    "alaw": Format("audio/x-alaw-basic", _Codec("alaw", "pcm_alaw")),
    "f32": Format("audio/pcm", _Codec("f32le", "pcm_f32le")),  # in -1..1
    "wav_ulaw": Format("audio/wav", _Codec("wav", "pcm_mulaw", container_options=_BARE)),
    "wav_alaw": Format("audio/wav", _Codec("wav", "pcm_alaw", container_options=_BARE)),
    "wav_f32": Format("audio/wav", _Codec("wav", "pcm_f32le", container_options=_BARE)),
}  # fmt: skip
"""By name; OpenAI's are among them."""
