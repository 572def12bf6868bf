"""From a piece of text to phonemes, and which written word each of them belongs to.

Between the two stands `readable`, which writes out dates, units and signs. What it leaves alone is
found again by comparing words; where a stretch was rewritten, its words are told as a group, unless
each of them by itself is read as it is among the others.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from itertools import islice
from typing import TypeVar

from hibari.g2p import G2P, SUBTOKEN_RE

from vibevoice_pro.models.phrases.words import TooLong, Word
from vibevoice_pro.text.reading.words import readable

log = logging.getLogger(__name__)

_T = TypeVar("_T")

MAX_EFFORT = 20_000
"""Effort of the longest reading, about 6 ms of Python on a core of 2024; see `effort`."""

_MAX_SPELLED = 1200  # characters; there may be more than were written, e.g. for `?` in URLs
_APART = 8  # rewritten words next to each other that are read one by one, to tell them apart
_LANGUAGE = "en"
_ALONE = 40  # characters that are read word by word, where they cannot be read together
_AROUND = ".,;:!?…\"'“”‘’()[]{}<>*_~`-–—"  # a word with and without these is the same word
_MAX_MARKS = 60  # digits and signs of a piece: a grammar may need 0.3 ms for each
_MARK = re.compile(r"[^\w\s,.'\"!?;:()-]|\d")


def check(written: str) -> None:
    """See that a piece can be read in little time.

    Raises:
        TooLong: it has too many digits and signs.
    """
    if len(_MARK.findall(written)) > _MAX_MARKS:
        raise TooLong


def read(g2p: G2P, written: str, spelled: str) -> list[Word]:
    """How `written` is read, for which `spelled` are the words.

    The phonemes joined by spaces are those that `g2p` finds for `spelled`.

    Raises:
        TooLong: the reading would take more than `MAX_EFFORT`, or fails.
    """
    if len(spelled) > _MAX_SPELLED or effort(spelled) > MAX_EFFORT:
        raise TooLong
    said = list(_say(g2p, spelled))
    places = [match.span() for match in re.finditer(r"\S+", written)]
    if not said or not places:
        return []
    matcher = SequenceMatcher(
        None, [_key(written[a:b]) for a, b in places], [_key(t) for t, _ in said], autojunk=False
    )
    words: list[Word] = []
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            words += [
                Word(place, phonemes)
                for place, (_, phonemes) in zip(places[i:i_end], said[j:j_end], strict=True)
            ]
        elif kind == "replace":
            words += _groups(written, places[i:i_end], said[j:j_end])
        elif kind == "insert":  # said and not written: it belongs to the word before
            chars, before = (words[-1].chars, [words.pop().phonemes]) if words else (places[0], [])
            words.append(Word(chars, " ".join([*before, *(ps for _, ps in said[j:j_end])])))
    return words


def _groups(
    written: str, places: list[tuple[int, int]], said: list[tuple[str, str]]
) -> Iterator[Word]:
    """Words that were rewritten: one by one or comma by comma if there are as many, else as one."""
    spelled = _parts(places, lambda place: written[place[1] - 1])
    spoken = _parts(said, lambda word: word[0][-1:])
    if len(spelled) != len(spoken):
        spelled, spoken = [places], [said]
    for group, words in zip(spelled, spoken, strict=True):
        counts = [1] * len(group) if len(group) == len(words) else _counts(written, group, words)
        rest = iter(words)
        for place, count in zip(group, counts, strict=True) if counts else ():
            yield Word(place, " ".join(phonemes for _, phonemes in islice(rest, count)))
        if not counts:
            yield Word((group[0][0], group[-1][1]), " ".join(phonemes for _, phonemes in words))


def _counts(written: str, group: list[tuple[int, int]], words: list[tuple[str, str]]) -> list[int]:
    """How many words are said for each written one, if each is read as it would be alone."""
    if not 1 < len(group) <= _APART:
        return []
    alone = [readable(written[a:b], _LANGUAGE)[0].split() for a, b in group]
    same = [_key(w) for said in alone for w in said] == [_key(word) for word, _ in words]
    return [len(said) for said in alone] if same and all(alone) else []


def _parts(words: list[_T], last: Callable[[_T], str]) -> list[list[_T]]:
    """Words in groups, of which each but the last ends with a comma or the like."""
    groups: list[list[_T]] = [[]]
    for i, word in enumerate(words):
        groups[-1].append(word)
        if last(word) in ",;:!?" and i + 1 < len(words):
            groups.append([])
    return groups


def effort(spelled: str) -> int:
    """What it takes hibari to find the phonemes of a text, in units of about 0.3 µs.

    It looks up each stretch of the parts of a word (letters, digits, single signs), which takes the
    cube of their number: `state-of-the-art` has 7 parts and takes 2 ms the hundred, `a-` 30 times
    has 60 and takes 40 ms.
    """
    total = 0
    for word in spelled.split():
        parts = len(SUBTOKEN_RE.findall(word))
        total += parts * (128 + parts * parts)
    return total


def _say(g2p: G2P, spelled: str) -> Iterator[tuple[str, str]]:
    """What stands between spaces in a text that is spelled out, each with its phonemes."""
    try:
        tokens = g2p.phonemize_tokens(g2p.tokenize(spelled))
    except Exception as error:  # a front end of rules meets text nobody thought of
        if len(spelled) > _ALONE:
            raise TooLong from error  # save what is around it
        log.warning(
            "the embedded voice could not read %d characters as a whole; word by word", len(spelled)
        )
        for word in spelled.split():
            if phonemes := _say_alone(g2p, word):
                yield word, phonemes
        return
    word = phonemes = ""
    for token in tokens:
        word += token.text
        phonemes += token.phonemes or ""
        if token.whitespace:
            yield word, phonemes
            word = phonemes = ""
    if word:
        yield word, phonemes


def _say_alone(g2p: G2P, word: str) -> str:
    try:
        return str(g2p(word))
    except Exception:
        log.warning(
            "the embedded voice left out a word of %d characters, which it cannot read", len(word)
        )
        return ""


def _key(word: str) -> str:
    """What two spellings of one word have in common."""
    return word.casefold().strip(_AROUND).replace("’", "'") or word
