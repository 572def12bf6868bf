"""The embedded model: hibari, a small English one that comes with the install.

hibari-tts (Apache-2.0) is distilled from Kokoro-82M: text to phonemes, one ONNX network from
phonemes to a spectrum, and a signal-processing vocoder. It speaks a phrase at a time, so a step
here is one piece of text. The silence around each phrase is cut off and the pause that the text
asks for is put in its place; that also brings the first sound 0.3 s forward.

A piece that is cut out of a sentence is spoken with a few words before and after it, which are not
kept: so pitch, pace and level go on, and the voice does not come to an end where only the piece
does. Without a pause between two pieces, the sound of one goes over into that of the next. The
words ahead are those that the segmenter had to see anyway to make the cut.
"""

from __future__ import annotations

import logging
import os
import re
from bisect import bisect_left
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vibevoice_pro.audio.resample import Waveform
from vibevoice_pro.config.settings import HOME
from vibevoice_pro.errors import BadVoice
from vibevoice_pro.models.base import (
    Chunk,
    Mark,
    ModelInfo,
    Options,
    Point,
    knobs_without,
)
from vibevoice_pro.models.hibari.voice import (
    FADE,
    JOIN,
    Part,
    Speaker,
    Spoken,
    blend,
    front_ends,
    load,
    shrink,
    synthesize,
)
from vibevoice_pro.models.hibari.voices import VOICE, VOICES
from vibevoice_pro.models.hibari.words import TooLong, Word, check, in_parts, lay_out, read
from vibevoice_pro.text.reading.words import load as load_reading
from vibevoice_pro.text.reading.words import readable
from vibevoice_pro.text.scripts import speakable
from vibevoice_pro.text.segment import Cut, Piece, Segmenter

__all__ = ["VOICE", "HibariModel", "HibariUtterance", "middle"]

log = logging.getLogger(__name__)

PAUSE_S = {Cut.WORD: 0.0, Cut.CLAUSE: 0.16, Cut.SENTENCE: 0.38, Cut.PARAGRAPH: 0.75}
"""Silence between two pieces by the boundary between them, at speed 1, in seconds. hibari itself
makes 0.20 to 0.28 s at a comma inside a phrase, of which `LEAD_S + TAIL_S` are in the pieces."""

_HEARD = 10 ** (-45 / 20)  # louder than this is heard as part of a word, not as a pause
_GAP = 720  # samples, 30 ms: less is no pause
_BEHIND, _AHEAD = 5, 3  # words around a piece that are spoken with it; with fewer, pitch jumps
_LANGUAGE = "en"
_MAX_WORKERS = 4
_MAX_PHONEMES = 256  # spoken in a step: 13 s of speech, 0.1 s of a core; few sentences have more
_MAX_WORD = 100  # of what is written as one word; and spoken in a step, where more is
_MAX_CONTEXT = 400  # with what is around them; the length hibari itself keeps to


class HibariUtterance:
    """Text waiting to be spoken by one of the voices, and what it goes on from."""

    def __init__(self, speaker: Speaker, options: Options, point: Point | None = None) -> None:
        self.speaker = speaker
        self.options = options
        self.text = Segmenter()
        self.cut: Cut | None = None  # boundary before the next piece; None: nothing spoken yet
        self.behind = ""  # phonemes before the next piece, in the same sentence
        self.tail = np.zeros(0, np.float32)  # their last sound, to be blended with the next piece
        self.parts: list[_Phrase] = []  # of the next piece, if a part of it was spoken already
        if point is not None:
            self.text.skip_to(point.at, point.state["turn"])
            self.cut = Cut(point.state["cut"])
            self.behind = point.state["behind"]

    @property
    def point(self) -> Point | None:
        """Where the next piece can be resumed: only where a pause comes before it."""
        piece = self.text.next
        if piece is None or not self.cut:
            return None
        state = {"turn": self.text.turn, "cut": int(self.cut), "behind": self.behind}
        return Point(piece.start, state)

    def prepare(self) -> None:
        """Find where the next piece ends."""
        self.text.prepare()

    @property
    def ready(self) -> bool:
        """Whether a piece is certain."""
        return self.text.ready

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
    """A piece of text, or a part of a long one, on its way to sound.

    Attributes:
        speaker: who speaks it.
        start: characters of the text before the piece.
        cut: the boundary behind it.
        seed: of the noise in it.
        speed: pace, 1 is the voice's own.
        words: those that can be read, between the words before and after them.
        ids: their phonemes.
        owners: the index of the word in which each phoneme is heard.
        part: which phonemes are kept.
        behind: phonemes that the next piece is spoken after, if that continues the sentence.
        unread: names of scripts that were left out.
        point: where the utterance can be resumed, if it can be here.
    """

    speaker: Speaker
    start: int
    cut: Cut
    seed: tuple[int, ...]
    speed: float
    words: list[Word]
    ids: list[int]
    owners: list[int]
    part: Part
    behind: str
    unread: Set[str]
    point: Point | None


class HibariModel:
    """hibari behind the `SpeechModel` contract; one phrase of each utterance a step.

    A phrase takes one core, network and vocoder alike, so a batch is as many phrases as there are
    cores, up to `_MAX_WORKERS`; they may be of different voices.
    """

    def __init__(self, workers: int | None = None, home: Path | None = None) -> None:
        """Loads all voices that are here: 0.1 s and 14 MB for each, and 0.5 s and 40 MB more if one
        of them is British. Loaded later, it would be time that all listeners wait.

        Args:
            workers: phrases spoken at once at most; None: as many as there are cores, up to four.
            home: where pulled voices are, see `models.hub`; None: only the one in the wheel.
        """
        self._speakers = _load_speakers(home)
        load_reading(_LANGUAGE)
        self._any = self._speakers[VOICE.id]
        workers = workers or max(1, min(_cores(), _MAX_WORKERS))
        self._pool = ThreadPoolExecutor(workers, "vibevoice-hibari")
        self._rate = int(self._any.sample_rate)
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
            uneven=True,  # a phrase of two words or of twenty-eight
        )
        self.voices = {id_: VOICES[id_].voice for id_ in self._speakers}

    def open(self, voice: str, options: Options, point: Point | None = None) -> HibariUtterance:
        """Begin an utterance, or go on from a point."""
        return HibariUtterance(self._speakers[voice], options, point)

    def step(self, batch: Sequence[HibariUtterance]) -> list[Chunk]:
        """Speak the next piece of each utterance; they move on when all have been spoken."""
        parts = [utterance.parts or self._phrases(utterance) for utterance in batch]
        phrases = [first for first, *_ in parts]
        if len(phrases) == 1:
            spoken = [self._speak(phrases[0])]
        else:
            spoken = list(self._pool.map(self._speak, phrases))
        return [self._move_on(u, p, s) for u, p, s in zip(batch, parts, spoken, strict=True)]

    def rest(self) -> None:
        """Give back what ONNX Runtime keeps, which is the same memory for all voices."""
        shrink(self._any)

    def _phrases(self, utterance: HibariUtterance) -> list[_Phrase]:
        """The front end's work, which is Python and so does not gain from another thread.

        A piece that takes too long to be read at once is cut in two, until it does not.
        """
        while True:
            piece = utterance.text.next
            assert piece is not None, "the engine steps only what is ready"
            try:
                return self._phrases_of(piece, utterance)
            except TooLong:
                utterance.text.shorten(middle(piece.text))

    def _phrases_of(self, piece: Piece, utterance: HibariUtterance) -> list[_Phrase]:
        """What the network is given for a piece: as a whole, or in parts if it is long.

        Raises:
            TooLong: reading it would take too long.
        """
        speaker = utterance.speaker
        check(piece.text)
        text, unread = readable(piece.text, _LANGUAGE)
        own, ahead = self._read(piece, speaker) if speakable(text) else ([], [])
        behind = [Word((0, 0), utterance.behind)] if utterance.behind and own else []
        parts = in_parts(own, _MAX_PHONEMES, _MAX_WORD) or [[]]
        phrases = []
        for i, words in enumerate(parts):
            last = i == len(parts) - 1
            cut = piece.cut if last else Cut.WORD
            before, after = behind if i == 0 else [], ahead if last else []
            ids, owners = lay_out([*before, *words, *after], speaker.vocab)
            if len(ids) > _MAX_CONTEXT:
                before, after = [], []
                ids, owners = lay_out(words, speaker.vocab)
            part = Part(
                bisect_left(owners, len(before)),
                bisect_left(owners, len(before) + len(words)),
                bool(before) and utterance.cut == Cut.WORD,
                bool(after) and cut == Cut.WORD,
            )
            paused = cut == Cut.CLAUSE and bool(words) and words[-1].pauses
            phrase = _Phrase(
                speaker=speaker,
                start=piece.start,
                cut=cut,
                seed=(utterance.options.seed, piece.start, i)[: 3 if i else 2],
                speed=utterance.options.speed,
                words=[*before, *words, *after],
                ids=ids,
                owners=owners,
                part=part,
                behind=" ".join(w.phonemes for w in words[-_BEHIND:])
                if part.blend_stop or paused
                else "",
                unread=frozenset() if i else unread,
                point=None if i else utterance.point,
            )
            phrases.append(phrase)
        return phrases

    def _read(self, piece: Piece, speaker: Speaker) -> tuple[list[Word], list[Word]]:
        """The words of a piece, and some of those ahead where the sentence goes on."""
        text = piece.text + piece.ahead
        words = read(speaker.g2p, text, readable(text, _LANGUAGE)[0])
        end = sum(word.chars[0] < len(piece.text) for word in words)
        own, ahead = words[:end], words[end : end + _AHEAD]
        if piece.ahead and (not own or own[-1].chars[1] > len(piece.text)):  # a date across the cut
            return self._read(replace(piece, ahead=""), speaker)
        # At the end of a line without a comma, the network would see no reason for a pause.
        return own, ahead if piece.cut == Cut.WORD or (own and own[-1].pauses) else []

    def _speak(self, phrase: _Phrase) -> Spoken:
        """The sound of a phrase; the noise in it is drawn from (seed, place in the text)."""
        rng = np.random.Generator(np.random.SFC64(phrase.seed))  # a third of the vocoder's time
        return synthesize(phrase.speaker, phrase.ids, phrase.speed, rng, phrase.part)

    def _move_on(self, utterance: HibariUtterance, parts: list[_Phrase], spoken: Spoken) -> Chunk:
        """Put what the text has before a phrase: a pause, or no gap at all."""
        phrase, *utterance.parts = parts
        if not utterance.parts:
            utterance.text.take()
        before, cut, tail = utterance.cut, phrase.cut, utterance.tail
        utterance.behind = phrase.behind
        utterance.tail = tail[:0]
        if not spoken.wave.size:
            utterance.cut = before if before is None else max(before, cut)
            return Chunk(tail * FADE[::-1][: len(tail)], unread=phrase.unread)
        utterance.cut = cut
        if phrase.part.blend_start:
            head, spoken = tail[:0], blend(tail, spoken)
        else:
            pause = 0.0 if before is None else PAUSE_S[before] / phrase.speed
            silence = np.zeros(round(pause * self._rate), np.float32)
            head = np.concatenate([tail * FADE[::-1][: len(tail)], silence])
        wave = spoken.wave
        if phrase.part.blend_stop:
            wave, utterance.tail = wave[:-JOIN], wave[-JOIN:]
        marks = _marks(phrase, spoken.spans, wave, len(head))
        return Chunk(np.concatenate([head, wave]), marks, phrase.unread, phrase.point)


def _load_speakers(home: Path | None) -> dict[str, Speaker]:
    """The voices that are here, by id; a damaged one is left out and logged."""
    paths = {}
    for id_, file in VOICES.items():
        if file.bundled or (home is not None and file.is_here(home)):
            try:
                paths[id_] = file.check(home or HOME)
            except BadVoice as error:
                log.warning("%s; it is left out, vibevoice-pro pull --voices downloads it", error)
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


def _marks(
    phrase: _Phrase, spans: npt.NDArray[np.int64], wave: Waveform, offset: int
) -> list[Mark]:
    """Where each word is heard, if `wave` begins `offset` samples into the chunk."""
    owners = phrase.owners[phrase.part.start : phrase.part.stop]
    marks = []
    onset = None  # where the next word begins, if that is known better
    for i in sorted(set(owners)):
        word, own = phrase.words[i], spans[np.equal(owners, i)]
        start, end = int(own[0, 0]) if onset is None else onset, int(own[-1, 1])
        # Not all of it: a phoneme may end in a pause, and the first one begins in one.
        heard, onset = start + np.flatnonzero(np.abs(wave[start:end]) > _HEARD), None
        gaps = np.flatnonzero(np.diff(heard) > _GAP)
        if word.pauses and gaps.size and heard[-1] >= end - _GAP // 10:
            onset = int(heard[gaps[-1] + 1])  # what follows the pause is the next word's already
            heard = heard[: gaps[-1] + 1]
        if heard.size and word.sounds:
            chars = phrase.start + word.chars[0], phrase.start + word.chars[1]
            marks.append(Mark(chars, (offset + int(heard[0]), offset + int(heard[-1]) + 1)))
    return marks


def middle(text: str) -> int:
    """Where to cut a text in two: near its middle, between words or behind a sign if it can be."""
    half = max(1, len(text) // 2)
    places = [m.end() for m in re.finditer(r"\S(?=\s)", text[: half + 1])]
    places = places or [m.end() for m in re.finditer(r"[^\w\s]", text[:half])]
    return next((at for at in reversed(places) if at >= half // 2), half)


def _cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
