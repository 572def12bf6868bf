"""From pieces of text to phrases, and from their sound to one wave.

A piece that is cut out of a sentence is spoken with a few words before and after it, which are not
kept: so pitch, pace and level go on, and the voice does not come to an end where only the piece
does. Without a pause between two pieces, the sound of one goes over into that of the next. The
words ahead are those that the segmenter had to see anyway to make the cut.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from vibevoice_pro.audio.resample import Waveform
from vibevoice_pro.models.base import Chunk, Mark, Options, Point
from vibevoice_pro.models.phrases.sound import FADE, JOIN, RATE, Part, Spoken, blend, opened
from vibevoice_pro.models.phrases.words import TooLong, Word, in_parts, lay_out
from vibevoice_pro.text.reading.words import PRONOUNCED
from vibevoice_pro.text.segment import Cut, Piece, Segmenter

PAUSE_S = {Cut.WORD: 0.0, Cut.CLAUSE: 0.16, Cut.SENTENCE: 0.38, Cut.PARAGRAPH: 0.75}
"""Silence between two pieces by the boundary between them, at speed 1, in seconds. hibari itself
makes 0.20 to 0.28 s at a comma inside a phrase, of which `LEAD_S + TAIL_S` are in the pieces."""

AT_ONCE = 4
"""Phrases that a model speaks at the same time at most, each on a core."""

AHEAD = 3
"""Words after a piece that are spoken with it."""

_BEHIND = 5  # words before a piece that are spoken with it; with fewer, pitch jumps
_HEARD = 10 ** (-45 / 20)  # louder than this is heard as part of a word, not as a pause
_GAP = 720  # samples, 30 ms: less is no pause


@dataclass(frozen=True)
class Limits:
    """How many phonemes are spoken at once.

    Attributes:
        phrase: of a phrase, without what is around it.
        word: of what is written as one word; and of a part, where a piece has more than a phrase.
        context: of a phrase with the words before and after it.
    """

    phrase: int
    word: int
    context: int


@dataclass(frozen=True)
class Phrase:
    """A piece of text, or a part of a long one, on its way to sound.

    Attributes:
        start: characters of the text before the piece.
        cut: the boundary behind it.
        seed: of what is random in it.
        words: those that can be read, between the words before and after them.
        ids: their phonemes.
        owners: the index of the word in which each phoneme is heard.
        part: which phonemes are kept.
        behind: phonemes that the next piece is spoken after, if that continues the sentence.
        unread: names of scripts that were left out.
        point: where the utterance can be resumed, if it can be here.
    """

    start: int
    cut: Cut
    seed: tuple[int, ...]
    words: list[Word]
    ids: list[int]
    owners: list[int]
    part: Part
    behind: str
    unread: Set[str]
    point: Point | None


S = TypeVar("S")


class PhraseUtterance(Generic[S]):
    """Text waiting to be spoken by one of the voices, and what it goes on from.

    Attributes:
        speaker: what the model keeps of the voice.
        options: pace and seed.
        text: what waits.
        phrases: of the next piece, those that wait, if it was begun.
    """

    def __init__(
        self,
        speaker: S,
        options: Options,
        point: Point | None = None,
        text: Segmenter | None = None,
    ) -> None:
        self.speaker = speaker
        self.options = options
        self.text = text or Segmenter()
        self.phrases: list[Phrase] = []
        self._cut: Cut | None = None  # boundary before the next piece; None: nothing spoken yet
        self._behind = ""  # phonemes before the next piece, in the same sentence
        self._tail = np.zeros(0, np.float32)  # their last sound, to be blended with the next piece
        if point is not None:
            self.text.skip_to(point.at, point.state["turn"])
            self._cut = Cut(point.state["cut"])
            self._behind = point.state["behind"]

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

    # --- one phrase after the other ---------------------------------------------------------------

    def begin(
        self, read: Callable[[Piece], Reading], limits: Limits, vocab: Mapping[str, int]
    ) -> Phrase:
        """The next phrase, which stays in place until `move_on`.

        Args:
            read: finds the words of a piece; a piece of which it raises `TooLong` is cut in two,
                until it does not.
            limits: how long a phrase may be.
            vocab: ids of the phonemes.
        """
        while not self.phrases:
            piece = self.text.next
            assert piece is not None, "the engine steps only what is ready"
            try:
                self.phrases = self._phrases_of(piece, read(piece), limits, vocab)
            except TooLong:
                self.text.shorten(middle(piece.text))
        return self.phrases[0]

    def _phrases_of(
        self, piece: Piece, reading: Reading, limits: Limits, vocab: Mapping[str, int]
    ) -> list[Phrase]:
        """What the network is given for a piece: as a whole, or in parts if it is long."""
        own, point = reading.own, self._point
        behind = [Word((0, 0), self._behind)] if self._behind and own else []
        parts = in_parts(own, limits.phrase, limits.word) or [[]]
        phrases = []
        for i, words in enumerate(parts):
            last = i == len(parts) - 1
            cut = piece.cut if last else Cut.WORD
            before, after = behind if i == 0 else [], list(reading.ahead) if last else []
            ids, owners = lay_out([*before, *words, *after], vocab)
            if len(ids) > limits.context:
                before, after = [], []
                ids, owners = lay_out(words, vocab)
            part = Part(
                bisect_left(owners, len(before)),
                bisect_left(owners, len(before) + len(words)),
                bool(before) and self._cut == Cut.WORD,
                bool(after) and cut == Cut.WORD,
            )
            paused = cut == Cut.CLAUSE and bool(words) and words[-1].pauses
            phrase = Phrase(
                start=piece.start,
                cut=cut,
                seed=(self.options.seed, piece.start, i)[: 3 if i else 2],
                words=[*before, *words, *after],
                ids=ids,
                owners=owners,
                part=part,
                behind=" ".join(w.phonemes for w in words[-_BEHIND:])
                if part.blend_stop or paused
                else "",
                unread=frozenset() if i else reading.unread,
                point=None if i else point,
            )
            phrases.append(phrase)
        return phrases

    @property
    def _point(self) -> Point | None:
        """Where the next piece can be resumed: only where a pause comes before it."""
        piece = self.text.next
        if piece is None or not self._cut:
            return None
        state = {"turn": self.text.turn, "cut": int(self._cut), "behind": self._behind}
        return Point(piece.start, state)

    def move_on(self, spoken: Spoken) -> Chunk:
        """The first phrase was spoken: with what the text has before it, a pause or no gap."""
        phrase, *self.phrases = self.phrases
        if not self.phrases:
            self.text.take()
        before, cut, tail = self._cut, phrase.cut, self._tail
        self._behind = phrase.behind
        self._tail = tail[:0]
        if not spoken.wave.size:
            self._cut = before if before is None else max(before, cut)
            return Chunk(tail * FADE[::-1][: len(tail)], unread=phrase.unread)
        self._cut = cut
        if phrase.part.blend_start:
            head, spoken = tail[:0], blend(tail, spoken)
        elif before is None:
            head, spoken = tail[:0], opened(spoken)
        else:
            pause = PAUSE_S[before] / self.options.speed
            silence = np.zeros(round(pause * RATE), np.float32)
            head = np.concatenate([tail * FADE[::-1][: len(tail)], silence])
        wave = spoken.wave
        if phrase.part.blend_stop:
            wave, self._tail = wave[:-JOIN], wave[-JOIN:]
        marks = _marks(phrase, spoken.spans, wave, len(head))
        return Chunk(np.concatenate([head, wave]), marks, phrase.unread, phrase.point)


@dataclass(frozen=True)
class Reading:
    """How a piece is read.

    Attributes:
        own: its words.
        ahead: up to `AHEAD` words after it, where it is cut out of a sentence.
        unread: names of scripts that were left out.
    """

    own: Sequence[Word]
    ahead: Sequence[Word] = ()
    unread: Set[str] = frozenset()


def _marks(phrase: Phrase, spans: npt.NDArray[np.int64], wave: Waveform, offset: int) -> list[Mark]:
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
    for link in PRONOUNCED.finditer(text):
        if link.start() < half < link.end() and (link.start() or link.end() < len(text)):
            return link.start() or link.end()
    places = [m.end() for m in re.finditer(r"\S(?=\s)", text[: half + 1])]
    places = places or [m.end() for m in re.finditer(r"[^\w\s]", text[:half])]
    links = [m.span() for m in PRONOUNCED.finditer(text)]
    places = [at for at in places if not any(a < at < b for a, b in links)]
    return next((at for at in reversed(places) if at >= half // 2), half)
