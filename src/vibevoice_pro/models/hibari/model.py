"""The embedded model: hibari, a small English one that comes with the install.

hibari-tts (Apache-2.0) is distilled from Kokoro-82M: text to phonemes, one ONNX network from
phonemes to a spectrum, and a signal-processing vocoder. It speaks a phrase at a time, so a step
here is one piece of text. The silence around each phrase is cut off and the pause that the text
asks for is put in its place; that also brings the first sound 0.3 s forward.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from vibevoice_pro.config.settings import HOME
from vibevoice_pro.errors import BadParameter, BadVoice
from vibevoice_pro.models.base import Chunk, ModelInfo, Options, Point, Wants, knobs_without
from vibevoice_pro.models.cores import cores
from vibevoice_pro.models.hibari.voice import Speaker, front_ends, load, shrink, synthesize
from vibevoice_pro.models.hibari.voices import VOICE, VOICES
from vibevoice_pro.models.hibari.words import check, read
from vibevoice_pro.models.phrases.ipa import linked, phonemes
from vibevoice_pro.models.phrases.sound import RATE, Spoken
from vibevoice_pro.models.phrases.utterance import (
    AHEAD,
    AT_ONCE,
    Limits,
    Phrase,
    PhraseUtterance,
    Reading,
)
from vibevoice_pro.models.phrases.words import Word
from vibevoice_pro.text.reading.words import load as load_reading
from vibevoice_pro.text.reading.words import readable
from vibevoice_pro.text.scripts import speakable
from vibevoice_pro.text.segment import Cut, Piece

__all__ = ["VOICE", "HibariModel"]

log = logging.getLogger(__name__)

LIMITS = Limits(phrase=256, word=100, context=400)
"""A phrase is 13 s of speech and 0.1 s of a core, and few sentences have more; the context is what
hibari itself keeps to."""

_LANGUAGE = "en"

HibariUtterance = PhraseUtterance[Speaker]


class HibariModel:
    """hibari behind the `SpeechModel` contract; one phrase of each utterance a step.

    A phrase takes one core, network and vocoder alike, so a batch is as many phrases as there are
    cores, up to `AT_ONCE`; they may be of different voices.
    """

    def __init__(
        self, workers: int | None = None, home: Path | None = None, wants: Wants = lambda *_: True
    ) -> None:
        """Loads all voices that are here: 0.1 s and 14 MB for each, and 0.5 s and 40 MB more if one
        of them is British. Loaded later, it would be time that all listeners wait.

        Args:
            workers: phrases spoken at once at most; None: as many as there are cores, up to four.
            home: where pulled voices are, see `models.hub`; None: only the one in the wheel.
            wants: whether a voice, by its id and its language, is to be loaded.

        Raises:
            BadParameter: none is.
        """
        self._speakers = _load_speakers(home, wants)
        load_reading(_LANGUAGE)
        self._any = next(iter(self._speakers.values()))
        workers = workers or min(cores(), AT_ONCE)
        self._pool = ThreadPoolExecutor(workers, "vibevoice-hibari")
        self.info = ModelInfo(
            name="compact (hibari)",
            device="cpu",
            precision="int8",
            sample_rate=RATE,
            max_batch=workers,
            max_streams=None,
            stream_bytes=2_000_000,  # its text and a phrase of audio
            knobs=knobs_without("the embedded voice is no diffusion model", "cfg", "steps"),
            exact_marks=True,
            uneven=True,  # a phrase of two words or of twenty-eight
        )
        self.voices = {id_: VOICES[id_].voice for id_ in self._speakers}

    def open(self, voice: str, options: Options, point: Point | None = None) -> HibariUtterance:
        """Begin an utterance, or go on from a point."""
        return HibariUtterance(self._speakers[voice], options, point)

    def pronounced(self, word: str, ipa: str) -> str:
        """A word as `[word](/phonemes/)`, which the front end reads so; see `Phonetic`."""
        return linked(word, phonemes(ipa, self._any.vocab, english=True))

    def step(self, batch: Sequence[HibariUtterance]) -> list[Chunk]:
        """Speak the next piece of each utterance; they move on when all have been spoken."""
        # The front end is Python, and so does not gain from another thread.
        phrases = [self._begin(utterance) for utterance in batch]
        if len(batch) == 1:
            spoken = [_speak(batch[0], phrases[0])]
        else:
            spoken = list(self._pool.map(_speak, batch, phrases))
        return [u.move_on(sound) for u, sound in zip(batch, spoken, strict=True)]

    def rest(self) -> None:
        """Give back what ONNX Runtime keeps, which is the same memory for all voices."""
        shrink(self._any)

    def _begin(self, utterance: HibariUtterance) -> Phrase:
        speaker = utterance.speaker
        return utterance.begin(lambda piece: _read(piece, speaker), LIMITS, speaker.vocab)


def _read(piece: Piece, speaker: Speaker) -> Reading:
    """How a piece is read.

    Raises:
        TooLong: reading it would take too long.
    """
    check(piece.text)
    text, unread = readable(piece.text, _LANGUAGE)
    own, ahead = _words(piece, speaker) if speakable(text) else ([], [])
    return Reading(own, ahead, unread)


def _words(piece: Piece, speaker: Speaker) -> tuple[list[Word], list[Word]]:
    """The words of a piece, and some of those ahead where the sentence goes on."""
    text = piece.text + piece.ahead
    words = read(speaker.g2p, text, readable(text, _LANGUAGE)[0])
    end = sum(word.chars[0] < len(piece.text) for word in words)
    own, ahead = words[:end], words[end : end + AHEAD]
    if piece.ahead and (not own or own[-1].chars[1] > len(piece.text)):  # a date across the cut
        return _words(replace(piece, ahead=""), speaker)
    # At the end of a line without a comma, the network would see no reason for a pause.
    return own, ahead if piece.cut == Cut.WORD or (own and own[-1].pauses) else []


def _speak(utterance: HibariUtterance, phrase: Phrase) -> Spoken:
    """The sound of a phrase; the noise in it is drawn from (seed, place in the text)."""
    rng = np.random.Generator(np.random.SFC64(phrase.seed))  # a third of the vocoder's time
    speed = utterance.options.speed
    return synthesize(utterance.speaker, phrase.ids, speed, rng, phrase.part)


def _load_speakers(home: Path | None, wants: Wants) -> dict[str, Speaker]:
    """The voices that are here and wanted, by id; a damaged one is left out and logged."""
    paths = {}
    for id_, file in VOICES.items():
        if not wants(id_, file.voice.language):
            continue
        if file.bundled or (home is not None and file.is_here(home)):
            try:
                paths[id_] = file.check(home or HOME)
            except BadVoice as error:
                log.warning("%s; it is left out, vibevoice-pro pull --voices downloads it", error)
    if not paths:
        raise BadParameter("the embedded model has none of the voices that languages names")
    american, british = front_ends(any(VOICES[id_].british for id_ in paths))
    speakers = {}
    for id_, path in paths.items():
        try:
            speakers[id_] = load(path, british if VOICES[id_].british else american)
        except BadVoice as error:
            if VOICES[id_].bundled:
                raise
            log.warning("%s: %s; it is left out", id_, error)
    return speakers
