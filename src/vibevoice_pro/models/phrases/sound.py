"""A phrase as sound, and how it goes over into the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vibevoice_pro.audio.resample import Waveform

RATE = 24_000
"""Samples a second of all models that speak so."""

LEAD_S, TAIL_S = 0.03, 0.09
"""Kept before the first and after the last sound of a phrase, in seconds."""

OPENING_S = 0.004
"""Kept of the silence before the first phrase of all, in seconds: somebody waits for its sound."""

JOIN = 480
"""Samples over which two parts go over into each other: 20 ms."""

SEEK = 144
"""Samples in which the best place to do so is looked for, 6 ms: a period of the lowest pitch."""

FADE = (np.arange(JOIN, dtype=np.float32) + np.float32(0.5)) / np.float32(JOIN)


@dataclass(frozen=True)
class Part:
    """Which of the phonemes of a phrase are kept; the others tell the network what is around them.

    Attributes:
        start, stop: of the phonemes, `stop` is exclusive.
        blend_start, blend_stop: whether the sound goes over there without a pause from what was
            kept before, into what is kept next; see `blend`.
    """

    start: int
    stop: int
    blend_start: bool = False
    blend_stop: bool = False


@dataclass(frozen=True)
class Spoken:
    """A phrase as sound.

    Attributes:
        wave: (samples,), with `LEAD_S` and `TAIL_S` of the silence around it, but nothing where it
            is to be blended.
        spans: (phonemes, 2), [start, end) of each phoneme in the wave.
        lead: samples of silence that the wave begins with.
    """

    wave: Waveform
    spans: npt.NDArray[np.int64]
    lead: int = 0


def kept(
    wave: Waveform, edges: npt.NDArray[np.int64], part: Part, loudest_silence: float
) -> Spoken:
    """What is kept of a wave that holds the phonemes of `part`, and a little around them.

    Args:
        wave: (samples,).
        edges: (phonemes + 1,), where each begins in it, and where the last one ends.
        part: how it goes on at either end.
        loudest_silence: amplitude, what is louder is sound.

    All silence gives nothing.
    """
    loud = np.flatnonzero(np.abs(wave) > loudest_silence)
    if not loud.size:
        return Spoken(wave[:0], np.zeros((len(edges) - 1, 2), np.int64))
    start = max(0, int(loud[0]) - round(LEAD_S * RATE))
    stop = min(len(wave), int(loud[-1]) + 1 + round(TAIL_S * RATE))
    if part.blend_start:
        start = max(0, int(edges[0]) - JOIN // 2 - SEEK)
        stop = max(stop, start + JOIN + SEEK)
    if part.blend_stop:
        stop = int(edges[-1]) + JOIN // 2
    edges = np.clip(edges - start, 0, stop - start)
    lead = max(0, int(loud[0]) - start)
    return Spoken(wave[start:stop], np.stack([edges[:-1], edges[1:]], axis=1), lead)


def opened(spoken: Spoken) -> Spoken:
    """The first phrase of all, without the silence before it but for `OPENING_S`, faded in."""
    fade = round(OPENING_S * RATE)
    cut = max(0, spoken.lead - fade)
    wave = spoken.wave[cut:].copy()
    wave[:fade] *= np.linspace(0, 1, len(wave[:fade]), dtype=np.float32)
    return Spoken(wave, np.maximum(spoken.spans - cut, 0), min(spoken.lead, fade))


def silence(wave: Waveform, until: int) -> None:
    """Make the begin of a wave silent, in place, and fade it in from there."""
    wave[: max(0, until)] = 0
    begin = wave[max(0, until) :][:JOIN]
    begin *= FADE[: len(begin)]


def blend(tail: Waveform, spoken: Spoken) -> Spoken:
    """Let `tail` (JOIN,) go over into a part that begins with the same sound, `blend_start`.

    The two have the same words there at nearly the same pitch, but their periods lie anywhere, and
    could cancel each other out: so the part begins where it is most like the tail.
    """
    begin = spoken.wave[: JOIN + SEEK]
    power = np.convolve(np.square(begin), np.ones(JOIN, np.float32), "valid")
    at = int((np.correlate(begin, tail, "valid") / np.sqrt(power + 1e-9)).argmax())
    wave = spoken.wave[at:].copy()
    wave[:JOIN] = tail * FADE[::-1] + wave[:JOIN] * FADE
    return Spoken(wave, np.maximum(spoken.spans - at, 0))
