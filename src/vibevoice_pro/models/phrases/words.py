"""Words and their phonemes, and how many of them are spoken at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

PAUSES = frozenset(';:,.!?—…"()“”«» ')
"""Phonemes that are pauses, if anything."""


class TooLong(Exception):
    """The text cannot be read at once, or it would take too long; a part of it can."""


@dataclass(frozen=True)
class Word:
    """A written word, or several that are read together.

    Attributes:
        chars: in the written text, [start, end).
        phonemes: in Kokoro's alphabet, with the punctuation that follows; spaces within it when it
            is read as several words.
    """

    chars: tuple[int, int]
    phonemes: str

    @property
    def sounds(self) -> bool:
        """Whether it is more than a pause."""
        return not PAUSES.issuperset(self.phonemes)

    @property
    def pauses(self) -> bool:
        """Whether a pause may follow it."""
        return self.phonemes[-1:] in PAUSES


def in_parts(words: Sequence[Word], most: int, longest: int) -> list[list[Word]]:
    """The words of a piece, as a whole if it is no longer than a sentence; else in parts.

    Args:
        words: those of a piece.
        most: phonemes of the whole.
        longest: phonemes of a single word, and of a part.
    """
    sizes = [len(word.phonemes) + 1 for word in words]
    if sum(sizes) <= most and max(sizes, default=0) <= longest:
        return [list(words)] if words else []
    parts: list[list[Word]] = [[]]
    room = longest
    for word in words:
        for fragment in _fragments(word, longest):
            size = len(fragment.phonemes) + 1
            if size > room and parts[-1]:
                parts.append([])
                room = longest
            parts[-1].append(fragment)
            room -= size
    return parts


def _fragments(word: Word, longest: int) -> Iterator[Word]:
    """What is read for a word, in stretches of at most `longest` phonemes, each with its share of
    the characters: of digits or signs that are read one by one, nearly the right ones."""
    phonemes = word.phonemes
    start, end = word.chars
    at = 0
    while at < len(phonemes):
        stop = len(phonemes)
        if stop - at >= longest:
            stop = phonemes.rfind(" ", at + 1, at + longest)
            stop = stop if stop > at else at + longest - 1
        first, last = (start + (end - start) * place // len(phonemes) for place in (at, stop))
        yield Word((first, last), phonemes[at:stop].strip())
        at = stop


def lay_out(words: Sequence[Word], vocab: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """Phoneme ids of `words` as the network takes them (without pads).

    Returns them with the index of the word that each of them is heard in. A space belongs to the
    word behind it, of which 50 ms (nearly always the length of a space) are heard there.
    """
    sounds = [
        (char, i) for i, word in enumerate(words) for char in f" {word.phonemes}" if char in vocab
    ]
    while sounds and sounds[0][0] == " ":
        del sounds[0]
    while sounds and sounds[-1][0] == " ":
        del sounds[-1]
    return [vocab[char] for char, _ in sounds], [i for _, i in sounds]
