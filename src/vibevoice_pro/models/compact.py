"""The embedded voice: hibari, a small English model that comes with the install.

hibari-tts (Apache-2.0) is distilled from Kokoro-82M: text to phonemes, one ONNX network from
phonemes to a spectrum, and a signal-processing vocoder. It speaks a phrase at a time, so a step
here is one piece of text. The silence around each phrase is cut off and the pause that the text
asks for is put in its place; that also brings the first sound 0.3 s forward.
"""

from __future__ import annotations

import os
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
from vibevoice_pro.models.compact_voice import load, synthesize
from vibevoice_pro.models.compact_words import Word, lay_out, read
from vibevoice_pro.text.language import speakable
from vibevoice_pro.text.normalize import readable
from vibevoice_pro.text.segment import Cut, Piece, Segmenter

VOICE = Voice("en-Heart_woman", "en", "woman", "American English, warm; comes with the install")

PAUSE_S = {Cut.WORD: 0.0, Cut.CLAUSE: 0.16, Cut.SENTENCE: 0.38, Cut.PARAGRAPH: 0.75}
"""Silence between two pieces by the boundary between them, at speed 1, in seconds. hibari itself
makes 0.20 to 0.28 s at a comma inside a phrase, of which `LEAD_S + TAIL_S` are in the pieces."""

_HEARD = 10 ** (-45 / 20)  # louder than this is heard as part of a word, not as a pause
_MAX_WORKERS = 4
_MAX_PHONEMES = 400  # the length hibari itself keeps to


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
    """A piece of text on its way to sound.

    Attributes:
        piece, options: what is said and how.
        point: where the utterance can be opened again, if it can be at this piece.
        words: those of the piece that can be read.
        unread: names of scripts that were left out.
    """

    piece: Piece
    point: Point | None
    words: list[Word]
    options: Options
    unread: Set[str]


class CompactModel:
    """hibari behind the `SpeechModel` contract; one phrase of each utterance a step.

    A phrase takes one core, network and vocoder alike, so a batch is as many phrases as there are
    cores, up to `_MAX_WORKERS`.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._tts = load()
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
        self._tts.g2p("Warm up, xylophonist.")  # loads the front end's parts, also the rare ones

    def open(self, voice: str, options: Options, point: Point | None = None) -> CompactUtterance:
        """Begin an utterance, or go on from a point; there is one voice."""
        return CompactUtterance(options, point)

    def step(self, batch: Sequence[CompactUtterance]) -> list[Chunk]:
        """Speak the next piece of each utterance."""
        phrases = [self._next_phrase(utterance) for utterance in batch]
        if len(phrases) == 1:
            spoken = [self._speak(phrases[0])]
        else:
            spoken = list(self._pool.map(self._speak, phrases))
        return [self._chunk(u, p, s) for u, p, s in zip(batch, phrases, spoken, strict=True)]

    def _next_phrase(self, utterance: CompactUtterance) -> _Phrase:
        """The front end's work, which is Python and so does not gain from another thread."""
        point = utterance.point
        piece = utterance.text.take()
        assert piece is not None, "the engine steps only what is ready"
        text, unread = readable(piece.text, VOICE.language)
        words = read(self._tts.g2p, piece.text, text) if speakable(text) else []
        return _Phrase(piece, point, words, utterance.options, unread)

    def _chunk(
        self, utterance: CompactUtterance, phrase: _Phrase, spoken: tuple[Waveform, list[Mark]]
    ) -> Chunk:
        """Put the pause before a phrase that the text has there."""
        wave, marks = spoken
        before, cut = utterance.cut, phrase.piece.cut
        if not wave.size:
            utterance.cut = before if before is None else max(before, cut)
            return Chunk(wave, unread=phrase.unread)
        utterance.cut = cut
        pause = 0 if before is None else round(PAUSE_S[before] * self._rate / phrase.options.speed)
        wave = np.concatenate([np.zeros(pause, np.float32), wave])
        marks = [Mark(m.chars, (pause + m.samples[0], pause + m.samples[1])) for m in marks]
        return Chunk(wave, marks, phrase.unread, phrase.point)

    def _speak(self, phrase: _Phrase) -> tuple[Waveform, list[Mark]]:
        """A phrase and where its words are; the noise is drawn from (seed, place in the text)."""
        seed = phrase.options.seed, phrase.piece.start
        rng = np.random.Generator(np.random.SFC64(seed))  # noise is a third of the vocoder's time
        ids, owners = lay_out(phrase.words, self._tts.vocab)
        parts, spans, at = [np.zeros(0, np.float32)], [np.zeros((0, 2), np.int64)], 0
        for part in split_ids(ids, self._tts.vocab.get(" ", -1)):
            spoken = synthesize(self._tts, part, phrase.options.speed, rng)
            parts.append(spoken.wave)
            spans.append(spoken.spans + at)
            at += len(spoken.wave)
        wave = np.concatenate(parts)
        return wave, _marks(phrase, wave, owners, np.concatenate(spans))


def _marks(
    phrase: _Phrase, wave: Waveform, owners: list[int], spans: npt.NDArray[np.int64]
) -> list[Mark]:
    """Where each word is heard; `owners` and `spans` are those of the phonemes."""
    marks = []
    for i, word in enumerate(phrase.words):
        own = spans[np.equal(owners, i)]
        if not own.size or not word.sounds:
            continue
        start, end = int(own[0, 0]), int(own[-1, 1])
        heard = np.flatnonzero(np.abs(wave[start:end]) > _HEARD)  # a phoneme may end in a pause
        if heard.size:
            chars = phrase.piece.start + word.chars[0], phrase.piece.start + word.chars[1]
            marks.append(Mark(chars, (start + int(heard[0]), start + int(heard[-1]) + 1)))
    return marks


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
