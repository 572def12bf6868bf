"""When each word is heard, estimated from the audio: the network does not tell.

Each word has a length expected from its letters, and while there is sound, words pass at the pace
of the voice. Pauses tell more: each is most likely a punctuation mark, but a comma may have no
pause, and a voice may pause elsewhere. So a few guesses of which pause is which mark are kept, each
scored by how well the sound between two of its pauses has the length of the words between their
marks, and the best one tells where the voice is: a search with a beam for the best path through a
hidden Markov model (Rabiner, A tutorial on hidden Markov models, 1989, doi 10.1109/5.18626).

Nothing waits for later audio. The same text and samples give the same marks, however they came.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vibevoice_pro.models.base import Mark

FRAME = 400
"""Samples that are looked at together; a latent is a multiple of them, so that it does not matter
how many latents a step makes."""

PAUSE_S = 0.12
"""Silence from here on is a pause."""

LETTER_S = 0.063
"""Seconds of a letter, before a voice is known."""

_PRIOR = 12.0  # letters that this is worth
_END_S = 0.2  # silence that may be the end of a turn
_PASSED = 200  # words told that a guess may come back to
_BEAM = 8  # guesses kept
_QUIET = 0.05  # of the loudest frame so far: what is below is silence
_FLOOR = 10 ** (-50 / 20)  # amplitude that is silence in any case
_SPREAD, _SPREAD_OF_ONE = (
    0.12,
    0.8,
)  # of a length's logarithm: of a long stretch, of one letter more
_SKIPPED = (0.0, 1.0, 3.0)  # what it costs that a mark has no pause: none, comma, full stop
_STRAY = ((0.2, 0.7), (0.35, 2.0), (math.inf, 4.0))  # that a pause, up to so long, is no mark
_COMMAS, _STOPS = re.compile(r"[,;:，；：、—–]"), re.compile(r"[.!?…。！？]")
_KANA, _KANJI = re.compile(r"[\u3040-\u30ff]"), re.compile(r"[\u3400-\u9fff]")
_LETTERS = re.compile(r"[^\W_]")


def letters(said: str) -> float:
    """How long it takes to say a word, in letters of an alphabet."""
    kana, kanji = len(_KANA.findall(said)), len(_KANJI.findall(said))
    others = len(_LETTERS.findall(said)) - kana - kanji
    return others + (others > 0) + 2 * kana + 4 * kanji


@dataclass(frozen=True)
class Word:
    """A word of the turn.

    Attributes:
        chars: where it is written.
        start, end: where it is said, in letters from the begin of the turn.
        ending: what ends it: 0, nothing; 1, a comma or the like; 2, a full stop or the like.
    """

    chars: tuple[int, int]
    start: float
    end: float
    ending: int


@dataclass(frozen=True)
class Guess:
    """What the pauses so far have been.

    Attributes:
        cost: how unlikely.
        mark: letters up to the last mark that a pause is thought to be.
        begun: seconds of sound in the turn up to there.
        heard, said: seconds of sound, and letters, between pauses that were marks.
    """

    cost: float = 0.0
    mark: float = 0.0
    begun: float = 0.0
    heard: float = 0.0
    said: float = 0.0

    @property
    def pace(self) -> float:
        """Seconds of a letter."""
        return (_PRIOR * LETTER_S + self.heard) / (_PRIOR + self.said)

    def at(self, sound: float) -> float:
        """Letters that were said after so many seconds of sound."""
        return self.mark + (sound - self.begun) / self.pace

    def ended(self, word: Word, sound: float) -> Guess:
        """A pause, after so many seconds of sound, is the mark at the end of a word."""
        many, took = word.end - self.mark, sound - self.begun
        spread = _SPREAD + _SPREAD_OF_ONE / math.sqrt(many)
        off = math.log((took + 0.05) / (many * self.pace + 0.05)) / spread
        cost = self.cost + off * off / 2 + math.log(spread)
        return Guess(cost, word.end, sound, self.heard + took, self.said + many)


@dataclass(frozen=True)
class Clock:
    """Where the voice is in a turn; never changed, so it can be kept and gone back to.

    Attributes:
        words: those that were not told yet; passed: those that were, as far as a guess needs them.
        read: letters of all words so far.
        guesses: the likeliest first.
        sound: seconds of sound in the turn.
        silent: seconds of silence at the end of what was heard.
        loudest: root mean square of the loudest frame so far.
    """

    words: tuple[Word, ...] = ()
    passed: tuple[Word, ...] = ()
    read: float = 0.0
    guesses: tuple[Guess, ...] = (Guess(),)
    sound: float = 0.0
    silent: float = 0.0
    loudest: float = 0.0

    def begin(self) -> Clock:
        """A new turn of the same voice."""
        best = self.guesses[0]
        return Clock(guesses=(Guess(heard=best.heard, said=best.said),), loudest=self.loudest)

    def add(self, chars: tuple[int, int], written: str, said: str) -> Clock:
        """One more word: where and how it is written, and what is said for it."""
        end = self.read + letters(said)
        ending = 2 if _STOPS.search(written[-2:]) else 1 if _COMMAS.search(written[-2:]) else 0
        return replace(self, words=(*self.words, Word(chars, self.read, end, ending)), read=end)

    def told(self, count: int) -> Clock:
        """The next words were told."""
        passed = (*self.passed, *self.words[:count])[-_PASSED:]
        return replace(self, words=self.words[count:], passed=passed)


def hear(
    clock: Clock, wave: npt.NDArray[np.float32], rate: int, complete: bool, last: bool
) -> tuple[Clock, list[Mark]]:
    """What is heard in more audio: the clock after it, and the words that begin in it.

    Args:
        clock: as it was before.
        wave: (N,), at `rate` Hz, whole frames but at the end of the turn.
        complete: whether all words of the turn were added.
        last: whether the turn ends with it; then all words that are left are told.
    """
    marks: list[Mark] = []
    for place in range(0, len(wave), FRAME):
        frame = wave[place : place + FRAME]
        loudness = math.sqrt(float(np.mean(np.square(frame))))
        clock = replace(clock, loudest=max(clock.loudest, loudness))
        seconds = len(frame) / rate
        if loudness <= max(_FLOOR, _QUIET * clock.loudest):
            before, clock = clock.silent, replace(clock, silent=clock.silent + seconds)
            # The turn may end here, and nothing after it would tell that these words were said.
            if complete and before < _END_S <= clock.silent and _has_ended(clock):
                marks += _rest(clock.words, place, len(wave))
                clock = clock.told(len(clock.words))
            continue
        if clock.silent >= PAUSE_S:
            clock = _after_pause(clock)
        best = clock.guesses[0]
        at = min(best.at(clock.sound), clock.read)
        told = 0
        while told < len(clock.words) and clock.words[told].start <= at:
            word = clock.words[told]
            end = place + max(1, round((word.end - word.start) * best.pace * rate))
            marks.append(Mark(word.chars, (place, end)))
            told += 1
        clock = replace(clock, sound=clock.sound + seconds, silent=0.0)
        if told:
            clock = clock.told(told)
    if last:
        marks += _rest(clock.words, 0, len(wave))
        clock = replace(clock, words=(), passed=())
    return clock, marks


def _has_ended(clock: Clock) -> bool:
    """Whether a pause is most likely the end of the text."""
    return _after_pause(clock).guesses[0].mark >= clock.read


def _rest(words: Sequence[Word], first: int, last: int) -> list[Mark]:
    """Words that are left, in these samples."""
    edges = [first + (last - first) * i // max(1, len(words)) for i in range(len(words) + 1)]
    return [
        Mark(word.chars, (start, end))
        for word, start, end in zip(words, edges[:-1], edges[1:], strict=True)
    ]


def _after_pause(clock: Clock) -> Clock:
    """The guesses after a pause."""
    stray = next(cost for most, cost in _STRAY if clock.silent <= most)
    everything = (*clock.passed, *clock.words)
    best: dict[float, Guess] = {}
    for guess in clock.guesses:
        found = [replace(guess, cost=guess.cost + stray)]
        skipped = 0.0
        for word in everything:
            if word.end <= guess.mark or not word.ending:
                continue
            ended = guess.ended(word, clock.sound)
            found.append(replace(ended, cost=ended.cost + skipped))
            skipped += _SKIPPED[word.ending]
            if word.end - guess.mark > 4 * max(10.0, guess.at(clock.sound) - guess.mark):
                break
        for each in found:
            if each.mark not in best or each.cost < best[each.mark].cost:
                best[each.mark] = each
    kept = sorted(best.values(), key=lambda guess: guess.cost)[:_BEAM]
    least, first = kept[0].cost, min(guess.mark for guess in kept)
    return replace(
        clock, guesses=tuple(replace(guess, cost=guess.cost - least) for guess in kept),
        passed=tuple(word for word in clock.passed if word.end > first),
    )  # fmt: skip
