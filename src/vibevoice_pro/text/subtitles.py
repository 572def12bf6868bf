"""Subtitles from words with times: where one ends, how its lines are broken, and the two files.

A subtitle has at most two lines of 42 columns, as most guides for subtitles ask for. It ends where
a sentence or a clause does, if it can.

Sources: SubRip's format as players read it; WebVTT, W3C Candidate Recommendation, 4 April 2019.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vibevoice_pro.text.boundaries import DASHES, LOOKAHEAD, Cut, Word, boundary_after
from vibevoice_pro.text.languages.base import Language

COLUMNS = 42
"""Of a line; a wide character, as of Chinese, takes two. A longer word has a line of its own."""

PAUSE_S = 2.0
"""Silence that no subtitle spans."""

_MOST_WORDS = 80  # that wait for the end of their paragraph
_LEAST_S = 1.0  # shorter is hard to read
_EMPHASIS = re.compile(r"(?<!\w)[*_`~]+|[*_`~]+(?!\w)")  # of Markdown; it is not spoken


@dataclass(frozen=True)
class Cue:
    """A subtitle.

    Attributes:
        start, end: seconds of the audio.
        lines: one or two.
    """

    start: float
    end: float
    lines: tuple[str, ...]


@dataclass
class _Word:
    """A word of a subtitle.

    Attributes:
        text: as it was written, with a dash behind it.
        space: what parts it from the word before, in a line: a space or nothing.
        start, end: seconds.
        cut: the boundary behind it.
    """

    text: str
    space: str
    start: float
    end: float
    cut: Cut = Cut.WORD


class Subtitles:
    """Cuts words into subtitles, while they come."""

    def __init__(self, language: Language) -> None:
        """`language`: whose abbreviations are known."""
        self._language = language
        self._words: list[_Word] = []

    def add(self, gap: str, text: str, start: float, end: float) -> list[Cue]:
        """The subtitles that are certain once a word has come.

        Args:
            gap: what was written between the word before and this one; not spoken.
            text: the word, with its punctuation.
            start, end: when it is heard, in seconds.
        """
        text = " ".join(text.split())
        text = _EMPHASIS.sub("", text) or text
        cues: list[Cue] = []
        if self._words:
            last = self._words[-1]
            last.cut = self._boundary(last.text, gap, text)
            dashes = [sign for sign in gap.split() if sign in DASHES]
            last.text += "".join(f" {dash}" for dash in dashes)
            last.cut = max(last.cut, Cut.CLAUSE if dashes else Cut.WORD)
            last.end = min(last.end, start)
            if last.cut is Cut.PARAGRAPH or start - last.end > PAUSE_S:
                cues = self.end()
            elif len(self._words) >= _MOST_WORDS:
                cues = self._cues(keep=True)
        space = " " if _EMPHASIS.sub("", gap) else ""
        self._words.append(_Word(text, space, start, end))
        return cues

    def end(self) -> list[Cue]:
        """The subtitles of the rest."""
        return self._cues(keep=False) if self._words else []

    def _boundary(self, text: str, gap: str, following: str) -> Cut:
        space = "".join(sign for sign in gap if sign.isspace())
        word = Word(text, len(text), space, following[:LOOKAHEAD], closed=True)
        cut = boundary_after(word, None, self._language, dated=True)
        return Cut.WORD if cut is None else cut

    def _cues(self, keep: bool) -> list[Cue]:
        """Lay out the words there are; with `keep`, those of the last subtitle stay."""
        parts = _parted(self._words)
        self._words = [*parts.pop()] if keep and len(parts) > 1 else []
        return [Cue(part[0].start, part[-1].end, _lines(part) or ("",)) for part in parts]


def _parted(words: Sequence[_Word]) -> list[Sequence[_Word]]:
    """The words in subtitles, at the best places: the parting of least cost."""
    best: list[tuple[float, int]] = [(0.0, 0)]  # of the first words: least cost, last begin
    for end in range(1, len(words) + 1):
        options = []
        for begin in range(end - 1, -1, -1):
            part = words[begin:end]
            if begin < end - 1 and _lines(part) is None:
                break
            options.append((best[begin][0] + _cost(part), begin))
        best.append(min(options))
    parts: list[Sequence[_Word]] = []
    end = len(words)
    while end:
        begin = best[end][1]
        parts.append(words[begin:end])
        end = begin
    return parts[::-1]


_COST: Mapping[Cut, float] = {Cut.WORD: 2.0, Cut.CLAUSE: 0.6, Cut.SENTENCE: 0.0, Cut.PARAGRAPH: 0.0}


def _cost(part: Sequence[_Word]) -> float:
    """How little a reader likes these words as one subtitle."""
    inner = sum(word.cut >= Cut.SENTENCE for word in part[:-1])
    seconds = part[-1].end - part[0].start
    return 0.3 + _COST[part[-1].cut] + 0.5 * inner + 2 * max(0.0, _LEAST_S - seconds)


def _lines(part: Sequence[_Word]) -> tuple[str, ...] | None:
    """The words in one or two lines, about equally long; None: they are too many."""
    whole = _joined(part)
    if len(part) == 1 or _columns(whole) <= COLUMNS:
        return (whole,)
    best: tuple[int, tuple[str, str]] | None = None
    for place in range(1, len(part)):
        if not part[place].space and not _wide(part[place].text[:1]):
            continue  # within a word
        lines = _joined(part[:place]), _joined(part[place:])
        longest = max(map(_columns, lines))
        fits = all(
            _columns(line) <= COLUMNS or len(side) == 1
            for line, side in zip(lines, (part[:place], part[place:]), strict=True)
        )
        if fits and (best is None or longest < best[0]):
            best = longest, lines
    return best and best[1]


def _joined(part: Sequence[_Word]) -> str:
    return "".join(word.space + word.text for word in part).strip()


def _columns(text: str) -> int:
    return sum(2 if _wide(sign) else 1 for sign in text)


def _wide(sign: str) -> bool:
    return bool(sign) and unicodedata.east_asian_width(sign) in "WF"


# --- files ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        header: what it begins with.
        cue: a subtitle in it, from its number, counted from 1, and itself.
    """

    header: str
    cue: Callable[[int, Cue], str]


def _srt(number: int, cue: Cue) -> str:
    text = "\n".join(cue.lines).replace("-->", "→")
    return f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{text}\n\n"


def _vtt(number: int, cue: Cue) -> str:
    text = "\n".join(cue.lines)
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, written)
    return f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{text}\n\n"


def _time(seconds: float, point: str) -> str:
    total = round(seconds * 1000)
    minutes, rest = divmod(total, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"


FORMATS: Mapping[str, Format] = {
    ".srt": Format("", _srt),
    ".vtt": Format("WEBVTT\n\n", _vtt),
}
"""By how a name ends."""
