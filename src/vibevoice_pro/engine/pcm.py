"""From a model's waves to PCM, and what there is to know about places in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vibevoice_pro.audio.frames import SAMPLE_BYTES, to_pcm16
from vibevoice_pro.audio.resample import Resampler, Waveform
from vibevoice_pro.models.base import Point

_NOTHING = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Checkpoint:
    """A place in a stream from which it can be made again, with the same samples.

    Attributes:
        byte: bytes of PCM before it.
        at: characters written before it.
        point: what the model resumes from; None: the voice begins afresh.
    """

    byte: int = 0
    at: int = 0
    point: Point | None = None


BEGINNING = Checkpoint()


@dataclass(frozen=True)
class Span:
    """Characters of the text and the bytes of PCM in which they are heard, each [start, end).

    `voice`: who is heard, of those who speak in turn; empty: there is only one.
    """

    chars: tuple[int, int]
    bytes: tuple[int, int]
    voice: str = ""


@dataclass
class Notes:
    """What there is to know about the PCM of a stream, each in order.

    Attributes:
        spans: where the text is heard.
        checkpoints: where it can be resumed.
        pauses: places in the text where a writer hesitated so long that it was cut there.
        unread: names of scripts left out because the voice cannot read them.
        ignored: what the text asked for and was not done, a sentence each.
    """

    spans: list[Span] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    pauses: list[int] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    ignored: list[str] = field(default_factory=list)

    def __iadd__(self, other: Notes) -> Notes:
        """Add what is known about the PCM that follows."""
        self.spans += other.spans
        self.checkpoints += other.checkpoints
        self.pauses += other.pauses
        self.unread |= other.unread
        self.ignored += other.ignored
        return self


class PcmMaker:
    """Resamples a stream's waves to PCM, and knows where in it a sample is heard.

    Attributes:
        made: bytes of PCM so far, those before it began included.
    """

    def __init__(self, rate_in: int, rate_out: int, byte: int) -> None:
        """`byte`: where its PCM begins."""
        self._rates = rate_in, rate_out
        self._begin(byte)

    def _begin(self, byte: int) -> None:
        self._resampler = Resampler(*self._rates)
        self._from = self.made = byte
        self._samples = 0  # given to this resampler

    def __call__(self, wave: Waveform, last: bool = False) -> bytes:
        """What a wave (samples,) adds, s16le; a few milliseconds are held back until `last`."""
        pcm = to_pcm16(self._resampler(wave, last=last))
        self._samples += len(wave)
        self.made += len(pcm)
        return pcm

    def end(self) -> bytes:
        """What is still held back; nothing may follow but a `restart`."""
        return self(_NOTHING, last=True) if self._samples else b""

    def restart(self, rate_in: int) -> bytes:
        """As `end`; what follows then depends on nothing before it, and may have another rate."""
        tail = self.end()
        self._rates = rate_in, self._rates[1]
        self._begin(self.made)
        return tail

    def byte_of(self, sample: int) -> int:
        """Where a sample is heard that comes `sample` after those given so far."""
        ratio = self._rates[1] / self._rates[0]
        return self._from + SAMPLE_BYTES * round((self._samples + sample) * ratio)
