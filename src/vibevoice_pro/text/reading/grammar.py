"""The public grammars of NeMo text processing: numbers, dates, money and measures as words."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any

from kitten_text_processing import normalizer as kitten
from kitten_text_processing._fst import NoPathError

from vibevoice_pro.memory import trim
from vibevoice_pro.text.reading.transducer import Transducer

LANGUAGES = frozenset(kitten.SUPPORTED_LANGUAGES)
"""Codes of the languages for which there are grammars."""

_LONGEST, _LONGEST_ENGLISH = 100, 200  # where addresses are read whole
"""Characters read together: it may take 0.3 ms for each, and more where there are more of them."""

_BEFORE, _AFTER = 3, 4
"""Words around what has to be read that may belong to it: `on May | 5`, `5 | million dollars`."""

_ORDERS = 24
"""In which the fields of a group of readings are said, if there is more than one reading."""

_AND = re.compile(r"(?<=[ \"])(hundred|thousand) and(?= \w)")
"""In the numbers of the English grammar: Americans do not say it."""

_SPLIT_WORD = re.compile(r'\}tokens \{ name: "[^\W\d]')


class Grammar(kitten.Normalizer):  # type: ignore[misc]
    """Reads what is written in a language; may be used by several threads at a time.

    The package's own normalizer with its transducers replaced by faster ones.
    """

    def __init__(self, language: str) -> None:
        """Load a language: up to a second, see `grammar` to do it once."""
        self.lang = language
        self._longest = _LONGEST_ENGLISH if language == "en" else _LONGEST
        self._words = re.compile(rf"\S{{1,{self._longest}}}")
        folder = Path(str(files("kitten_text_processing"))) / "data" / language
        self.tagger = _Tagger(folder / "tagger.fst.gz")
        self.verbalizer = Transducer(folder / "verbalizer.fst.gz")
        self.post_processor = None  # English has one, which only moves spaces
        trim()  # loading takes twice what is kept

    def read(
        self, text: str, sign: re.Pattern[str], settle: Callable[[str], str] | None = None
    ) -> str:
        """Words for what stands near a sign; the rest of the text stays as it is, and is free.

        `settle`: changes what was written.
        """
        words = [match.span() for match in self._words.finditer(text)]
        parts, end = [], 0
        marked = [sign.search(text, *span) is not None for span in words]
        for first, last in _windows(words, marked, self._longest):
            place = slice(words[first][0], words[last - 1][1])
            words_of_it = self._read(text[place])
            parts += [text[end : place.start], settle(words_of_it) if settle else words_of_it]
            end = place.stop
        return "".join([*parts, text[end:]])

    def _split_tokens_to_reduce_number_of_permutations(
        self, tokens: list[dict[str, Any]]
    ) -> list[list[dict[str, Any]]]:
        """The parts of a text in groups; the orders in which its fields can be said are all tried.

        The package's own groups may have 729 such orders, which takes half a second for a row of
        amounts.
        """
        groups: list[list[dict[str, Any]]] = [[]]
        orders = 1
        for token in tokens:
            own = self._estimate_number_of_permutations_in_nested_dict(token)
            if orders * own > _ORDERS:
                groups.append([])
                orders = 1
            groups[-1].append(token)
            orders *= own
        return [group for group in groups if group]

    def _read(self, text: str) -> str:
        """The words for a text; what the grammar does not know stays."""
        try:
            return str(self.normalize(text, punct_post_process=True))
        except NoPathError:
            words = text.split(" ")
            return " ".join(map(self._read, words)) if len(words) > 1 else text


class _Tagger(Transducer):
    """Knows to which reading each part of a text belongs."""

    def rewrite(self, text: str) -> str:
        """The text with its parts named.

        Where a grammar takes the begin of a word for a unit (`3 gatti`: three grams, `atti`) the
        number is tagged by itself.
        """
        tagged = super().rewrite(text)
        if _SPLIT_WORD.search(tagged) and " " in text:
            tagged = " ".join(super(_Tagger, self).rewrite(word) for word in text.split())
        return _AND.sub(r"\1", tagged)


def _windows(
    words: list[tuple[int, int]], marked: list[bool], longest: int
) -> Iterator[tuple[int, int]]:
    """Stretches of words, [first, last), around those that are marked; none overlaps another."""
    first = last = 0
    for place in (i for i, is_marked in enumerate(marked) if is_marked):
        if place > last + _BEFORE or words[place][1] - words[first][0] > longest or not last:
            end = min(last, place)
            if last:
                yield first, end
            first = max(place - _BEFORE, end)
        last = min(place + 1 + _AFTER, len(marked))
    if last:
        yield first, last


_loading = Lock()


def grammar(language: str) -> Grammar:
    """The grammar of a language, loaded when first asked for."""
    with _loading:
        return _grammar(language)


@functools.cache
def _grammar(language: str) -> Grammar:
    return Grammar(language)
