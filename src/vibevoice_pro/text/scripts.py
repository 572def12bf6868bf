"""Which characters a voice of some language can read aloud.

Told by script, not by guessing the language: German text given to an English voice is spoken
(with an English accent), Chinese text is not, because there the voice knows no single sound.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Set

_LATIN = frozenset({"LATIN"})

SCRIPTS: dict[str, frozenset[str]] = {
    "ja": frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "CJK", "LATIN"}),
    "zh": frozenset({"CJK", "LATIN"}),
    "ko": frozenset({"HANGUL", "CJK", "LATIN"}),
    "ru": frozenset({"CYRILLIC", "LATIN"}),
    "el": frozenset({"GREEK", "LATIN"}),
    "hi": frozenset({"DEVANAGARI", "LATIN"}),
    "ar": frozenset({"ARABIC", "LATIN"}),
    "he": frozenset({"HEBREW", "LATIN"}),
}
"""Language (ISO 639-1) to the scripts it is written in; every other language: Latin alone."""

SCRIPT_NAMES = {
    "CJK": "Chinese characters",
    "HANGUL": "Korean",
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
}


@functools.lru_cache(maxsize=8192)
def script(char: str) -> str | None:
    """Unicode script of a letter as its character name begins (`LATIN`, `CJK`), None for others."""
    if not unicodedata.category(char).startswith(("L", "M")):
        return None
    first = unicodedata.name(char, "UNKNOWN").split(" ")[0]
    if first == "IDEOGRAPHIC":  # 々
        return "CJK"
    # Marks, modifier letters and ordinal indicators belong to whatever they sit on or follow.
    return None if first in {"COMBINING", "MODIFIER", "MASCULINE", "FEMININE"} else first


def readable_scripts(language: str) -> frozenset[str]:
    """Scripts that a voice of `language` (e.g. `en` or `en-US`) reads."""
    return SCRIPTS.get(language.lower().split("-")[0], _LATIN)


def drop_unreadable(text: str, language: str) -> tuple[str, Set[str]]:
    """Replace runs of letters in a foreign script by a space.

    Returns the rest of the text and the names of the scripts that were left out.
    """
    if text.isascii():
        return text, frozenset()
    readable = readable_scripts(language)
    foreign = {s for c in set(text) if (s := script(c)) and s not in readable}
    if not foreign:
        return text, frozenset()
    kept = "".join(" " if script(c) in foreign else c for c in text)
    return re.sub(r"  +", " ", kept), frozenset(SCRIPT_NAMES.get(s, s.title()) for s in foreign)


def speakable(text: str) -> bool:
    """Whether there is a letter or a digit: something a voice can say."""
    return any(c.isalnum() for c in text)
