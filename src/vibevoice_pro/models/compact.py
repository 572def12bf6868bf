"""The embedded voice: hibari, a small English model that comes with the install.

hibari-tts (Apache-2.0) is distilled from Kokoro-82M: text to phonemes, one ONNX network from
phonemes to a spectrum, and a signal-processing vocoder. It speaks a phrase at a time, so a step
here is one piece of text. Each phrase comes with about 0.3 s of true silence before and 0.45 s
after it, whatever the punctuation; those are cut off and the pause that the text asks for is put
in their place. That also brings the first sound 0.3 s forward.

Word times (not used yet): the network computes the frames of each phoneme inside (its node
`/Clip_output_0`); naming that node as a further output of the graph makes them available.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from hibari import Hibari, dsp

from vibevoice_pro.audio.resample import Waveform
from vibevoice_pro.models.base import (
    Chunk,
    Mark,
    ModelInfo,
    Options,
    Point,
    Voice,
    knobs_without,
)
from vibevoice_pro.text.language import speakable
from vibevoice_pro.text.normalize import readable
from vibevoice_pro.text.segment import Cut, Piece, Segmenter

log = logging.getLogger(__name__)

VOICE = Voice("en-Heart_woman", "en", "woman", "American English, warm; comes with the install")

PAUSE_S = {Cut.WORD: 0.0, Cut.CLAUSE: 0.16, Cut.SENTENCE: 0.38, Cut.PARAGRAPH: 0.75}
"""Silence between two pieces by the boundary between them, at speed 1, in seconds. hibari itself
makes 0.20 to 0.28 s at a comma inside a phrase, of which `LEAD_S + TAIL_S` are in the pieces."""

LEAD_S, TAIL_S = 0.03, 0.09
"""Kept before the first and after the last sound of a piece, in seconds."""

_MAX_WORKERS = 4
_SPEECH_LOG = -6.0  # loudest bin of a frame, natural log: silence lies near -9, speech above -4
_MARGIN = 4  # frames kept around speech: the width of the vocoder's window
_SOUND = 10 ** (-60 / 20)  # louder than this is sound; hibari's silence lies below -130 dB
_MAX_PHONEMES = 400  # the length hibari itself keeps to


def trim(wave: Waveform, rate: int) -> Waveform:
    """Cut the silence around a phrase down to `LEAD_S` and `TAIL_S`; all silence gives nothing."""
    loud = np.flatnonzero(np.abs(wave) > _SOUND)
    if not loud.size:
        return wave[:0]
    start = max(0, int(loud[0]) - round(LEAD_S * rate))
    return wave[start : int(loud[-1]) + 1 + round(TAIL_S * rate)]


class CompactUtterance:
    """Text waiting to be spoken by the embedded voice, and the boundary it stands at."""

    def __init__(self, options: Options, point: Point | None = None) -> None:
        self.options = options
        self.text = Segmenter()
        self.cut: Cut | None = None  # boundary before the next piece; None: nothing spoken yet
        if point is not None:
            self.text.skip_to(point.at, point.state["turn"])
            self.cut = Cut(point.state["cut"])

    @property
    def point(self) -> Point | None:
        """Where the next piece could be gone on from: only where a pause comes before it."""
        piece = self.text.peek()
        if piece is None or not self.cut:
            return None
        return Point(piece.start, {"turn": self.text.turn, "cut": int(self.cut)})

    @property
    def ready(self) -> bool:
        """Whether a piece is certain."""
        return self.text.peek() is not None

    @property
    def done(self) -> bool:
        """Whether the text is complete and spoken."""
        return self.text.done

    @property
    def waiting(self) -> int:
        """Characters not spoken yet."""
        return self.text.waiting

    def feed(self, text: str) -> None:
        """Add text."""
        self.text.feed(text)

    def flush(self) -> None:
        """Speak all there is."""
        self.text.flush()

    def pause(self) -> int | None:
        """Speak the whole words there are."""
        return self.text.pause()

    def finish(self) -> None:
        """The text is complete."""
        self.text.finish()

    def close(self) -> None:
        """Nothing is held outside this object."""


@dataclass(frozen=True)
class _Phrase:
    """A piece of text on its way to sound: phoneme ids, mostly one list, several if it is long."""

    piece: Piece
    point: Point | None
    ids: list[list[int]]
    options: Options
    unread: Set[str]


class CompactModel:
    """hibari behind the `SpeechModel` contract; one phrase of each utterance a step.

    A phrase takes one core, network and vocoder alike, so a batch is as many phrases as there are
    cores, up to `_MAX_WORKERS`.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._tts = Hibari()
        workers = workers or max(1, min(_cores(), _MAX_WORKERS))
        self._pool = ThreadPoolExecutor(workers, "vibevoice-compact")
        self._rate = int(self._tts.sample_rate)
        self.info = ModelInfo(
            name="compact (hibari)",
            device="cpu",
            precision="int8",
            sample_rate=self._rate,
            max_batch=workers,
            max_streams=None,
            stream_bytes=2_000_000,  # its text and a phrase of audio
            knobs=knobs_without("the embedded voice is no diffusion model", "cfg", "steps"),
            exact_marks=True,
        )
        self.voices = {VOICE.id: VOICE}
        self._phonemes("Warm up, xylophonist.")  # loads the front end's parts, also the rare ones

    def open(self, voice: str, options: Options, point: Point | None = None) -> CompactUtterance:
        """Begin an utterance, or go on from a point; there is one voice."""
        return CompactUtterance(options, point)

    def step(self, batch: Sequence[CompactUtterance]) -> list[Chunk]:
        """Speak the next piece of each utterance."""
        phrases = [self._next_phrase(utterance) for utterance in batch]
        if len(phrases) == 1:
            waves = [self._speak(phrases[0])]
        else:
            waves = list(self._pool.map(self._speak, phrases))
        return [self._chunk(u, p, wave) for u, p, wave in zip(batch, phrases, waves, strict=True)]

    def _next_phrase(self, utterance: CompactUtterance) -> _Phrase:
        """The front end's work, which is Python and so does not gain from another thread."""
        point = utterance.point
        piece = utterance.text.take()
        assert piece is not None, "the engine steps only what is ready"
        text, unread = readable(piece.text, VOICE.language)
        ids = self._phonemes(text) if speakable(text) else []
        return _Phrase(
            piece, point, split_ids(ids, self._tts.vocab.get(" ", -1)), utterance.options, unread
        )

    def _chunk(self, utterance: CompactUtterance, phrase: _Phrase, wave: Waveform) -> Chunk:
        """Put the pause before a phrase that the text has there."""
        before, cut = utterance.cut, phrase.piece.cut
        if not wave.size:
            utterance.cut = before if before is None else max(before, cut)
            return Chunk(wave, unread=phrase.unread)
        utterance.cut = cut
        pause = 0 if before is None else round(PAUSE_S[before] * self._rate / phrase.options.speed)
        wave = np.concatenate([np.zeros(pause, np.float32), wave])
        mark = Mark((phrase.piece.start, phrase.piece.end), (pause, len(wave)))
        return Chunk(wave, [mark], phrase.unread, phrase.point)

    def _speak(self, phrase: _Phrase) -> Waveform:
        """Waveform of one phrase; the noise in it is drawn from (seed, place in the text)."""
        seed = phrase.options.seed, phrase.piece.start
        rng = np.random.Generator(np.random.SFC64(seed))  # noise is a third of the vocoder's time
        waves = [self._synthesize(part, phrase.options.speed, rng) for part in phrase.ids]
        return np.concatenate(waves) if waves else np.zeros(0, np.float32)

    def _synthesize(self, ids: list[int], speed: float, rng: np.random.Generator) -> Waveform:
        """Phoneme ids (without pads) to a waveform without the silence around it.

        The silence is left out before the vocoder, which is a quarter of its work for a sentence.
        """
        inputs = {
            "ids": np.asarray([[0, *ids, 0]], np.int64), "speed": np.asarray([speed], np.float32)
        }  # fmt: skip
        spectrum = [part[0] for part in self._tts.sess.run(None, inputs)]
        harmonic, _, noise, rest, _, pitch = spectrum  # (601, frames) each, pitch (frames,)
        loudest = np.maximum(noise.max(axis=0), rest.max(axis=0))
        loudest = np.maximum(loudest, np.where(pitch > 0, harmonic.max(axis=0), -np.inf))
        speech = np.flatnonzero(loudest > _SPEECH_LOG)
        if not speech.size:
            return np.zeros(0, np.float32)
        kept = slice(max(0, int(speech[0]) - _MARGIN), int(speech[-1]) + 1 + _MARGIN)
        return trim(dsp.synth(*(part[..., kept] for part in spectrum), rng), self._rate)

    def _phonemes(self, text: str) -> list[int]:
        """Phoneme ids of a phrase, without the pads."""
        try:
            phonemes = self._tts.g2p(text)
        except Exception:  # a front end of rules meets text nobody thought of: save the other words
            log.warning("the embedded voice could not read %r as a whole; word by word", text[:80])
            phonemes = " ".join(filter(None, map(self._word, text.split())))
        return list(self._tts.ids(phonemes)[1:-1])

    def _word(self, word: str) -> str:
        try:
            return str(self._tts.g2p(word))
        except Exception:
            log.warning("the embedded voice left out %r, which it cannot read", word[:80])
            return ""


def split_ids(ids: list[int], space: int) -> list[list[int]]:
    """Cut a phoneme sequence that is too long for one phrase, at word ends where there are any."""
    parts = []
    while len(ids) > _MAX_PHONEMES:
        window = ids[:_MAX_PHONEMES]
        at = _MAX_PHONEMES - window[::-1].index(space) if space in window[1:] else _MAX_PHONEMES
        parts.append(ids[:at])
        ids = ids[at:]
    return [*parts, ids] if ids else parts


def _cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
