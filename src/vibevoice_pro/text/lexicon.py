"""How words are said that a voice would say wrongly: a text to read instead, or phonemes.

An entry in lower case is for the word however it is written, one with a capital only for the word
as it stands. A word is whole where no letter or digit of it goes on; next to a letter of a script
without spaces nothing is looked at.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from vibevoice_pro.errors import BadParameter

MAX_WORD, MAX_ALIAS, MAX_ENTRIES, MAX_HOUSE = 64, 200, 500, 10_000
"""Characters of a word and of what is said for it; entries of a request, and of a file."""

Entries = tuple[tuple[str, str], ...]
"""Words, and what is said for each: text, or phonemes of the IPA between slashes."""

_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def check_entries(entries: Mapping[str, str], most: int = MAX_ENTRIES) -> Entries:
    """The entries of a lexicon, in order.

    Raises:
        BadParameter: one of them is none, or there are too many; it says which and why.
    """
    if not isinstance(entries, Mapping):
        raise BadParameter(
            f"lexicon must map words to what is said for them; got {str(entries)[:40]!r}",
            field="lexicon",
        )
    if len(entries) > most:
        raise BadParameter(
            f"lexicon may have {most:,} entries at most; got {len(entries):,}", field="lexicon"
        )
    for word, said in entries.items():
        if why := _wrong(word, said):
            raise BadParameter(f"lexicon: {why}", field="lexicon")
    return tuple(sorted(entries.items()))


def _wrong(word: object, said: object) -> str:
    """Why an entry is none; empty: it is one."""
    if not isinstance(word, str) or not isinstance(said, str):
        return f"an entry is a word and a text; got {str(word)[:40]!r}: {str(said)[:40]!r}"
    if not 1 <= len(word) <= MAX_WORD or any(map(str.isspace, word)):
        return f"a word has 1 to {MAX_WORD} characters and no spaces; got {word[:80]!r}"
    if not any(map(str.isalnum, word)):
        return f"a word has a letter or a digit; got {word!r}"
    if not said.strip(" /") or len(said) > MAX_ALIAS:
        return f"what is said has 1 to {MAX_ALIAS} characters; got {said[:80]!r} for {word!r}"
    return ""


def phonemes_of(said: str) -> str:
    """The phonemes that an entry gives; empty: it gives text."""
    return said[1:-1].strip() if len(said) > 2 and said[0] == said[-1] == "/" else ""


class Lexicon:
    """Finds the words of its entries in a text."""

    def __init__(self, entries: Entries) -> None:
        self._said = dict(entries)
        lengths: dict[str, set[int]] = {}
        for word in self._said:
            for first in {word[0], word[0].upper() if word.islower() else word[0]}:
                lengths.setdefault(first, set()).add(len(word))
        self._lengths = {char: sorted(of, reverse=True) for char, of in lengths.items()}
        self.longest = max(map(len, self._said), default=0)
        """Characters of the longest word."""

    def find(self, text: str, start: int, stop: int) -> Iterator[tuple[int, int, str]]:
        """The words that begin in `text` from `start` to before `stop`: where, and what is said."""
        at = start
        while at < stop:
            for length in self._lengths.get(text[at], ()):
                said = self._at(text, at, at + length)
                if said is not None:
                    yield at, at + length, said
                    at += length - 1
                    break
            at += 1

    def _at(self, text: str, start: int, stop: int) -> str | None:
        word = text[start:stop]
        said = self._said.get(word)
        said = self._said.get(word.lower()) if said is None else said
        if said is None or len(word) < stop - start:
            return None
        if start and _one_word(text[start - 1], word[0]):
            return None
        return None if stop < len(text) and _one_word(word[-1], text[stop]) else said


@functools.lru_cache(maxsize=64)
def lexicon_of(entries: Entries, house: Entries = ()) -> Lexicon:
    """The lexicon of a request and, where that has no entry, of the server."""
    return Lexicon((*house, *entries))


def _one_word(before: str, after: str) -> bool:
    """Whether two characters next to each other belong to one word."""
    spaced = not (_UNSPACED.match(before) or _UNSPACED.match(after))
    return spaced and before.isalnum() and after.isalnum()


def load_lexicons(path: str) -> dict[str, Entries]:
    """Read a file of lexicons: for each language (ISO 639-1 code) or voice, words and what is said
    for them.

    Args:
        path: a file in YAML or JSON; empty: there is none.

    Raises:
        BadParameter: it can't be read, or is none; names file, line and what was expected.
    """
    if not path:
        return {}
    file = Path(path).expanduser()
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(file, 0, f"it can't be read: {error}") from None
    try:
        if file.suffix == ".json":
            json.loads(text)  # stricter than YAML, of which it is a part
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except json.JSONDecodeError as error:
        raise _bad(file, error.lineno, f"it is no JSON: {error.msg}") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", "") or "it is nested too deep"
        raise _bad(file, mark.line + 1 if mark else 0, f"it is no YAML: {why}") from None
    if root is None:
        return {}
    return {code: _entries(file, code, node) for code, node in _pairs(file, root, "languages")}


def _entries(file: Path, code: str, node: Any) -> Entries:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-\w{1,64})*", code):
        line = node.start_mark.line + 1
        raise _bad(
            file, line, f"expected a language, like en, or a voice, like en-Ann; got {code[:40]!r}"
        )
    entries: dict[str, str] = {}
    for word, value in _pairs(file, node, "words"):
        line = value.start_mark.line + 1
        said = getattr(value, "value", None)
        if why := _wrong(word, said):
            raise _bad(file, line, why)
        entries[word] = str(said)
        if len(entries) > MAX_HOUSE:
            raise _bad(file, line, f"a language may have {MAX_HOUSE:,} words at most")
    return tuple(sorted(entries.items()))


def _pairs(file: Path, node: Any, what: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(node, yaml.MappingNode):
        raise _bad(file, node.start_mark.line + 1, f"expected a mapping of {what}")
    seen = set()
    for key, value in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
        if not name or name in seen:
            why = f"{name!r} comes twice" if name else f"expected {what}, each a plain text"
            raise _bad(file, key.start_mark.line + 1, why)
        seen.add(name)
        yield name, value


def _bad(file: Path, line: int, why: str) -> BadParameter:
    place = f"{file}, line {line}" if line else str(file)
    return BadParameter(f"lexicon {place}: {why}", field="lexicon")
