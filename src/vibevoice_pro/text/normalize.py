"""Clean text for reading: what cannot be said is left out, what can be is spelled plainly.

Works on one piece of a `Segmenter` at a time, so it hardly ever sees half a word. Numbers, dates
and units are read by the model's own front end, or, for a model that has none, by `text.reading`.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Set

from vibevoice_pro.text.scripts import drop_unreadable

_KEPT_SYMBOLS = set("°©®™")
_PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u2026": "…", "\u00a0": " "})
_COMPOSED = re.compile(r"\S{1,100}")

# Where a pattern can begin at every place of a text, its length is bounded: else a text that nearly
# matches it would be scanned to its end from each place.
_LINK = re.compile(r"!?\[([^\]\n]{1,400})\]\((?!/)[^)\s]{0,400}\)")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+", re.M)
_BULLET = re.compile(r"^ *(?:[-*+•]|>+)\s+", re.M)
_RULE = re.compile(r"^ *([-*_=])(?:\s{0,80}\1){2,400}\s*$", re.M)
_EMPHASIS = re.compile(r"(?<!\w)([*_~]{1,3}|`{1,3})(?=\S)|(?<=\S)([*_~]{1,3}|`{1,3})(?!\w)")
_URL = re.compile(
    r"\b(?:(?:https?|ftp)://|www\.)[^\s<>\"'()]+[^\s<>\"'().,;:!?]"
    r"|[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+",
    re.I,
)
_URL_SCHEME = re.compile(r"^(?:https?|ftp)://(?:www\.)?", re.I)
_URL_WORDS = {
    ".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", ":": "colon", "%": "percent", "+": "plus", "~": "tilde",
}  # fmt: skip
_URL_SIGN = re.compile("[" + re.escape("".join(_URL_WORDS)) + "]")
_LONG_NUMBER = re.compile(r"\d{13,}")
_REPEATED = re.compile(r"([!?,;:])\1+")
_DOTS = re.compile(r"\.{3,}")
_SPACE = re.compile(r"\s+")


def _compose(text: str) -> str:
    """Letters with the marks on them as one character each (NFC).

    Word by word, because sorting the marks on one letter takes the square of their number.
    """
    return _COMPOSED.sub(lambda m: unicodedata.normalize("NFC", m.group()), text)


@functools.lru_cache(maxsize=8192)
def _plain_char(char: str) -> str:
    """One character as it should be read: compatibility forms unfolded, the unsayable removed."""
    category = unicodedata.category(char)
    if char in "\t\n\r\v\f" or category[0] == "Z":
        return "\n" if char in "\n\u2028\u2029" else " "
    if category in {"Cs", "Cn", "Co", "Cf"} or 0xFE00 <= ord(char) <= 0xFE0F:
        return ""  # surrogates, unassigned, private use, zero-width and direction marks, variants
    if category == "Cc" or char == "\ufffd":
        return " "
    if (category == "So" and char not in _KEPT_SYMBOLS) or "\U0001f3fb" <= char <= "\U0001f3ff":
        return " "  # emoji, dingbats, box drawing, skin tones
    form = unicodedata.decomposition(char)
    if form.startswith(("<font>", "<wide>", "<narrow>", "<compat>", "<circle>")):
        return unicodedata.normalize("NFKC", char)
    return char


def _say_url(match: re.Match[str]) -> str:
    address = _URL_SCHEME.sub("", match.group()).rstrip("/")
    return _URL_SIGN.sub(lambda m: f" {_URL_WORDS[m.group()]} ", address)


def normalize(text: str, language: str = "en") -> str:
    """Clean one piece of text for a voice of `language`, in time linear in its length.

    Removes control and formatting characters, lone surrogates, emoji and Markdown marks; unfolds
    full-width and styled letters; spells out web addresses (English only) and numbers too long to
    be read as one. `[word](/phonemes/)`, the embedded voice's way to give a pronunciation, stays.
    """
    if not text.isascii():
        text = "".join(map(_plain_char, _compose(text))).translate(_PLAIN)
    elif not text.isprintable():
        text = "".join(map(_plain_char, text))
    text = _RULE.sub(" ", text)
    text = _HEADING.sub("", _BULLET.sub("", text))
    text = _EMPHASIS.sub("", _LINK.sub(r"\1", text))
    if language.startswith("en"):
        text = _URL.sub(_say_url, text)
    text = _LONG_NUMBER.sub(lambda m: " ".join(m.group()), text)
    text = _DOTS.sub("…", _REPEATED.sub(r"\1", text))
    return _SPACE.sub(" ", text).strip()


def readable(text: str, language: str) -> tuple[str, Set[str]]:
    """Clean a piece of text, and leave out the scripts that a voice of `language` cannot read.

    Returns the text with the names of those scripts.
    """
    return drop_unreadable(normalize(text, language), language)
