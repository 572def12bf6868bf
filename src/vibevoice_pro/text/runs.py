"""Cut text that is still being written where its language changes.

A sentence is of one language: the one that its first words are clearly in, else that of the
sentence before. What is decided depends on the text alone, never on how it arrived, as with
`Segmenter`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from vibevoice_pro.text import detect
from vibevoice_pro.text.backlog import Backlog
from vibevoice_pro.text.boundaries import CLOSERS, is_abbreviation, whole_words
from vibevoice_pro.text.languages import language_of
from vibevoice_pro.text.scripts import drop_unreadable

LOOKS = (12, 24, 40, 60)
"""Characters of a sentence after which its language is looked at; the last look decides."""

_CLEAR = 12.0  # nats by which a language must lead all others to be known before the last look
_SWITCH = 8.0  # nats by which it must lead that of the sentence before at the last one
_FEW = 10  # Chinese characters without kana that may be Japanese
_MAX_ABBREVIATION = 20  # characters before its full stop
_WINDOW = 400  # characters that are looked at to find where a sentence ends
_MAX_OPEN = 100  # characters of a word that may go on, and is not given out yet

_CLOSERS = f"[{re.escape(CLOSERS)}]{{0,8}}"
_CJK = "\u3000-\u9fff\uf900-\ufaff\uff00-\uffef"
_END = re.compile(rf"[.!?…]{_CLOSERS}\s|[。！？]{_CLOSERS}(?=[^。！？{re.escape(CLOSERS)}])|\n")
_OPEN = re.compile(rf"(?:[。！？]{_CLOSERS}|[^\s{_CJK}]*)\Z")  # may be the begin of an end


@dataclass(frozen=True)
class Stretch:
    """Some text of one language.

    Attributes:
        text: the characters; may be empty, where only `flush` is told.
        start: characters before it.
        language: one of those chosen from.
        flush: whether everything up to its end is to be spoken.
    """

    text: str
    start: int
    language: str
    flush: bool


class Runs:
    """Text in, in any portions; `Stretch`es out, as soon as the language of each is known.

    `next` does a bounded amount of work. Positions are characters counted over everything fed.
    """

    def __init__(
        self, languages: Sequence[str], language: str, position: int = 0, inside: bool = False
    ) -> None:
        """Begin behind `position` characters.

        Args:
            languages: to choose from, ISO 639-1 codes.
            language: of the sentence before, or, if the text begins `inside` one, of that one.
        """
        self._languages = languages
        self._data = [language_of(each) for each in languages]
        self._before = language
        self._language = language if inside else None  # of this sentence, once it is known
        self._backlog = Backlog()
        self._window = ""  # what follows the stretches given out; the backlog goes on from there
        self._fed = position
        self._flushes: deque[int] = deque()  # positions ahead where turns end
        self._flushed = position

    @property
    def waiting(self) -> int:
        """Characters fed and not given out."""
        return len(self._window) + len(self._backlog)

    @property
    def empty(self) -> bool:
        """Whether everything was given out, flushes too."""
        return not self.waiting and not self._flushes

    @property
    def _at(self) -> int:
        """The position of the first character in the window."""
        return self._fed - self.waiting

    def feed(self, text: str) -> None:
        """Add text, in any portions."""
        self._backlog.append(text)
        self._fed += len(text)

    def flush(self) -> None:
        """The writer's turn is over, and the sentence with it."""
        if not self._flushes or self._flushes[-1] < self._fed:
            self._flushes.append(self._fed)

    def pause(self, unspoken: bool) -> int | None:
        """As `flush`, but before a last word that may go on; returns where that is.

        `unspoken`: whether something that was given out waits for it.

        None: there is nothing new to be spoken.
        """
        self._fill()
        if self._backlog or self._flushes:
            return None
        language = language_of(self._language or self._before)
        place = self._at + (whole_words(self._window, language) or 0)
        if place == self._at and not (unspoken and place > self._flushed):
            return None
        self._flushes.append(place)
        return place

    def next(self) -> Stretch | None:
        """The next stretch, if its language is known; None: more text is needed for that."""
        self._fill()
        closed = bool(self._flushes) and self._flushes[0] <= self._at + len(self._window)
        text = self._window[: self._flushes[0] - self._at] if closed else self._window
        if self._language is None:
            space = len(text) - len(text.lstrip())
            if space and not (closed and space == len(text)):
                return self._give(space, self._before)
            self._language = self._decide(text, closed)
            if self._language is None:
                return None
        end = self._end(text)
        length = len(text) if end is None else end
        if end is None and not closed:
            length -= min(_open(text), _MAX_OPEN)
            if not length:
                return None
        flush = closed and length == len(text)
        stretch = self._give(length, self._language, flush)
        if flush:
            self._flushed = self._flushes.popleft()
        self._before = self._language
        if end is not None or flush:
            self._language = None
        return stretch

    def _give(self, length: int, language: str, flush: bool = False) -> Stretch:
        stretch = Stretch(self._window[:length], self._at, language, flush)
        self._window = self._window[length:]
        return stretch

    def _fill(self) -> None:
        self._window += self._backlog.read(_WINDOW - len(self._window))

    def _decide(self, text: str, closed: bool) -> str | None:
        """The language of a sentence that begins a text; None: more of it is needed."""
        for look in LOOKS:
            end = self._end(text[:look])
            if end is not None or (closed and len(text) < look):
                return choose(text[:end], self._before, self._languages)
            if len(text) < look:
                return None
            begin = text[: look - _open(text[:look])] or text[:look]
            language = choose(begin, self._before, self._languages, last=look == LOOKS[-1])
            if language is not None:
                return language
        return None

    def _end(self, text: str) -> int | None:
        """Where the first sentence of a text ends, with the white space behind it, if it does."""
        for match in _END.finditer(text):
            word = text[max(0, match.start() - _MAX_ABBREVIATION) : match.start() + 1].split()
            if not any(is_abbreviation(word[-1], each) for each in self._data if word):
                return match.end()
        return None


def choose(text: str, before: str, languages: Sequence[str], last: bool = True) -> str | None:
    """The language of a sentence, or of its beginning, among those that can be chosen.

    Args:
        before: the language of the sentence before it, which is kept unless another is clear.
        last: whether a choice must be made; else, None: more text may tell more.
    """
    undecided = before if last else None
    found = detect.by_script(text)
    if found == "":
        return _by_words(text, before, languages, last) or undecided
    if found in languages and not (found == "zh" and before == "ja" and len(text) < _FEW):
        return found
    able = [each for each in languages if not drop_unreadable(text, each)[1]]
    return undecided if before in able or not able else able[0]


def _by_words(text: str, before: str, languages: Sequence[str], last: bool) -> str | None:
    """The language of a text in Latin letters, if it is clear."""
    words = detect.words_of(text) if last else detect.plain_words(text)  # names may mislead
    if detect.sure(words, {before}):
        return before
    scores = detect.likelihoods(words)
    best = max(scores.keys() & languages, key=lambda code: (scores[code], code), default=None)
    if best is None:
        return None
    if not last:
        rivals = [score for code, score in scores.items() if code != best]
        return best if scores[best] - max(rivals) >= _CLEAR else None
    other = scores[best] < max(scores.values()) - _SWITCH  # one that nobody here speaks
    ahead = best == before or before not in scores or scores[best] - scores[before] >= _SWITCH
    return best if ahead and not other else None


def _open(text: str) -> int:
    """Characters at the end of a text that may become another thing when more comes."""
    match = _OPEN.search(text)
    assert match is not None, "it matches nothing at the end"
    return len(match.group())
