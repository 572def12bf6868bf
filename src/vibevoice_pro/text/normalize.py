"""Make any piece of text fit to be read: what cannot be said goes, what can is spelled plainly.

Works on one piece at a time (see `segment`), so it never sees half a word. Reading numbers, dates
and units aloud belongs to the model's own front end, which knows the language's rules, or, for a
model that has none, to `spoken`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set

from vibevoice_pro.text.scripts import drop_unreadable

_KEPT_SYMBOLS = set("°©®™")
_PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u2026": "…", "\u00a0": " "})

_LINK = re.compile(r"!?\[([^\]\n]+)\]\((?!/)[^)\s]*\)")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+", re.M)
_BULLET = re.compile(r"^\s*(?:[-*+•]|>+)\s+", re.M)
_RULE = re.compile(r"^\s*([-*_=])(?:\s*\1){2,}\s*$", re.M)
_EMPHASIS = re.compile(r"(?<!\w)([*_~]{1,3}|`{1,3})(?=\S)|(?<=\S)([*_~]{1,3}|`{1,3})(?!\w)")
_URL = re.compile(
    r"\b(?:(?:https?|ftp)://|www\.)[^\s<>\"'()]+[^\s<>\"'().,;:!?]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    re.I,
)
_URL_SCHEME = re.compile(r"^(?:https?|ftp)://(?:www\.)?", re.I)
_URL_WORDS = {
    ".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", ":": "colon", "%": "percent", "+": "plus", "~": "tilde",
}  # fmt: skip
_LONG_NUMBER = re.compile(r"\d{13,}")
_REPEATED = re.compile(r"([!?,;:])\1+")
_DOTS = re.compile(r"\.{3,}")
_SPACE = re.compile(r"\s+")


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
    return re.sub(r"[./@\-_?=&#:%+~]", lambda m: f" {_URL_WORDS[m.group()]} ", address)


def normalize(text: str, language: str = "en") -> str:
    """Clean one piece of text for a voice of `language`.

    Removes control and formatting characters, lone surrogates, emoji and Markdown marks; unfolds
    full-width and styled letters; spells out web addresses (English only) and numbers too long to
    be read as one. `[word](/phonemes/)`, the embedded voice's way to give a pronunciation, stays.
    """
    if not text.isascii():
        text = "".join(map(_plain_char, unicodedata.normalize("NFC", text))).translate(_PLAIN)
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
    """What of a piece of text a voice of `language` can say, cleaned.

    Returns it with the names of the scripts that were left out.
    """
    return drop_unreadable(normalize(text, language), language)
