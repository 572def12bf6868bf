"""The values of `output_format`.

Source: ElevenLabs' API reference, text-to-speech/convert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vibevoice_pro.audio.formats import FORMATS, Encoder, Format
from vibevoice_pro.audio.frames import RATES
from vibevoice_pro.speech.request import check_choice

DEFAULT = "mp3_44100_128"
"""What is sent where none is named."""


@dataclass(frozen=True)
class Output:
    """How speech is packed.

    Attributes:
        format: see `FORMATS`.
        rate: of the samples, in Hz.
        bitrate: in kbit/s; 0: it has none, or what is usual.
    """

    format: Format
    rate: int
    bitrate: int = 0

    def encoder(self) -> Encoder:
        """An encoder for one stream."""
        return self.format.encoder(self.rate, self.bitrate)


_MP3 = (
    (22050, 32), (24000, 48), (44100, 32), (44100, 64), (44100, 96), (44100, 128), (44100, 192)
)  # fmt: skip

OUTPUTS: Mapping[str, Output] = {
    **{f"mp3_{rate}_{kbit}": Output(FORMATS["mp3"], rate, kbit) for rate, kbit in _MP3},
    **{f"pcm_{rate}": Output(FORMATS["pcm"], rate) for rate in RATES},
    **{f"wav_{rate}": Output(FORMATS["wav"], rate) for rate in RATES},
    **{
        f"opus_48000_{kbit}": Output(FORMATS["opus"], 48000, kbit)
        for kbit in (32, 64, 96, 128, 192)
    },
    "ulaw_8000": Output(FORMATS["ulaw"], 8000),
    "alaw_8000": Output(FORMATS["alaw"], 8000),
}
"""By name."""


def output(name: str | None) -> Output:
    """The format of that name; none: the default.

    Raises:
        BadParameter: there is none; names those there are.
    """
    name = name or DEFAULT
    check_choice("output_format", name, tuple(OUTPUTS))
    return OUTPUTS[name]
