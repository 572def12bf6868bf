"""Kokoro behind the `SpeechModel` contract: Japanese, a phrase at a time.

A phrase of four seconds takes a second of a core, for which others can't be kept waiting; so its
network is run in stages, and a step is as many of them as there is time for. Each phrase takes one
core, so a batch is as many as there are cores, up to `AT_ONCE`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import Chunk, ModelInfo, Options, Point, Wants, knobs_without
from vibevoice_pro.models.cores import cores
from vibevoice_pro.models.kokoro.network import Decoding, Network, Speaker
from vibevoice_pro.models.kokoro.voices import VOICES, require
from vibevoice_pro.models.kokoro.words import Reader
from vibevoice_pro.models.phrases.ipa import linked, phonemes
from vibevoice_pro.models.phrases.sound import RATE
from vibevoice_pro.models.phrases.utterance import AHEAD, AT_ONCE, Limits, PhraseUtterance, Reading
from vibevoice_pro.text.breaks import Limit
from vibevoice_pro.text.reading.words import load as load_reading
from vibevoice_pro.text.reading.words import readable
from vibevoice_pro.text.scripts import speakable
from vibevoice_pro.text.segment import Cut, Piece, Segmenter

LIMITS = Limits(phrase=96, word=64, context=192)
"""A phrase is 8 s of speech at most, and 2 s of a core."""

PIECES = (Limit(3, 5, 1), Limit(4, 6, 1), Limit(6, 12, 2))
"""In words of two characters: the first piece is 1 to 2 s of speech, the second up to 3 s, all
others up to 5 s. On one core a piece takes a third of that, and has to be there when the one before
it ends."""

_LANGUAGE = "ja"
_AHEAD_CHARS = 24  # more than `AHEAD` words have
_HALF_LINK = re.compile(r"\[x\]?\(?/?[^)\s]*\Z")
_STEP_S = 0.06  # of a core that a step takes for a phrase, and up to a stage more


class KokoroUtterance(PhraseUtterance[Speaker]):
    """Text waiting to be spoken by one of the voices.

    Attributes:
        decoding: the phrase that is being spoken.
    """

    decoding: Decoding | None = None

    def close(self) -> None:
        """Give back what the phrase took so far."""
        self.decoding = None


class KokoroModel:
    """All of Kokoro's Japanese voices."""

    def __init__(self, workers: int | None = None, wants: Wants = lambda *_: True) -> None:
        """Loads it, which takes two seconds and 350 MB.

        Args:
            workers: phrases spoken at once at most; None: as many as there are cores, up to four.
            wants: whether a voice, by its id and its language, is to be loaded.

        Raises:
            BadParameter: the extra is not installed, or no voice is to be loaded.
            BadVoice: a file of it is damaged.
        """
        require()
        self.voices = {id_: v for id_, v in VOICES.items() if wants(id_, v.language)}
        if not self.voices:
            raise BadParameter("Kokoro has none of the voices that languages names")
        self._network = Network()
        self._reader = Reader()
        load_reading(_LANGUAGE)
        workers = workers or min(cores(), AT_ONCE)
        self._pool = ThreadPoolExecutor(workers, "vibevoice-kokoro")
        self.info = ModelInfo(
            name="kokoro (Kokoro-82M)",
            device="cpu",
            precision="int8",
            sample_rate=RATE,
            max_batch=workers,
            max_streams=None,
            stream_bytes=60_000_000,  # what the stages of a phrase of 4 s pass on
            knobs=knobs_without("Kokoro draws nothing at random", "cfg", "steps", "seed"),
            exact_marks=True,
            uneven=True,
        )

    def open(self, voice: str, options: Options, point: Point | None = None) -> KokoroUtterance:
        """Begin an utterance, or go on from a point."""
        text = Segmenter(PIECES, _LANGUAGE)
        return KokoroUtterance(self._network.speakers[voice], options, point, text)

    def pronounced(self, word: str, ipa: str) -> str:
        """A word as `[x](/phonemes/)`, which the reader reads so; see `Phonetic`."""
        return linked("x", phonemes(ipa, self._network.vocab, english=False))

    def step(self, batch: Sequence[KokoroUtterance]) -> list[Chunk]:
        """Go on with the next phrase of each utterance; a chunk is unfinished until it is done."""
        for utterance in batch:
            if utterance.decoding is None:
                self._begin(utterance)
        if len(batch) == 1:
            _go_on(batch[0], self._pool if self.info.max_batch > 1 else None)
        else:
            list(self._pool.map(_go_on, batch))
        return [_chunk(utterance) for utterance in batch]

    def rest(self) -> None:
        """Give back what ONNX Runtime keeps."""
        self._network.rest()

    def _begin(self, utterance: KokoroUtterance) -> None:
        network = self._network
        phrase = utterance.begin(self._read, LIMITS, network.vocab)
        speed = utterance.options.speed
        utterance.decoding = network.decoding(utterance.speaker, phrase.ids, speed, phrase.part)

    def _read(self, piece: Piece) -> Reading:
        """How a piece is read.

        Raises:
            TooLong: reading it would take too long.
        """
        text, unread = readable(piece.text, _LANGUAGE)
        if not speakable(text):
            return Reading([], unread=unread)
        words = self._reader.read(piece.text, text)
        if piece.cut != Cut.WORD or not piece.ahead.strip():
            return Reading(words, unread=unread)
        text = _HALF_LINK.sub("", piece.ahead[:_AHEAD_CHARS])
        ahead = self._reader.read(text, readable(text, _LANGUAGE)[0])
        return Reading(words, ahead[:AHEAD], unread)


def _go_on(utterance: KokoroUtterance, pool: Executor | None = None) -> None:
    assert utterance.decoding is not None
    utterance.decoding.run(_STEP_S, pool)


def _chunk(utterance: KokoroUtterance) -> Chunk:
    decoding = utterance.decoding
    assert decoding is not None
    if decoding.spoken is None:
        return Chunk(np.zeros(0, np.float32), unfinished=True)
    utterance.decoding = None
    return utterance.move_on(decoding.spoken)
