"""Clean text for reading: what cannot be said is left out, what can be is spelled plainly.

Works on one piece of a `Segmenter` at a time, so it hardly ever sees half a word. Numbers, dates
and signs are left to `text.reading`.
"""

from __future__ import annotations

import functools
import re
import unicodedata

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
_FENCE = re.compile(r"^ *(?:`{3,}|~{3,})[^\n`]{0,80}$", re.M)
_TABLE_RULE = re.compile(r"^ *\|?(?: *:?-{1,80}:? *\|){1,64}(?: *:?-{1,80}:?)? *$", re.M)
_ROW_ENDS = re.compile(r"^ *\| *|([.!?:]?) *\| *$", re.M)
_CELL_ENDS = re.compile(r" +\| +")
_TAG = re.compile(
    r"</?(?:a|audio|b|blockquote|break|br|code|del|div|em|emphasis|h[1-6]|hr|i|img|ins|kbd|li|mark|ol"
    r"|p|phoneme|pitch|pre|prosody|rate|s|say-as|small|span|speak|strong|su[bp]|t[dhr]|table|tbody|thead|u|ul"
    r"|voice|volume)(?:[ =][^<>]{0,200})?/?>",
    re.I,
)
_LONG_NUMBER = re.compile(r"\d{19,}")
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
    form = unicodedata.decomposition(char)
    if category == "So" and form.startswith(("<compat>", "<square>")) and char not in _KEPT_SYMBOLS:
        plain = unicodedata.normalize("NFKC", char)  # ℃, ㎏, №
        return plain if plain[0] < "\u0250" else " "
    if (category == "So" and char not in _KEPT_SYMBOLS) or "\U0001f3fb" <= char <= "\U0001f3ff":
        return " "  # emoji, dingbats, box drawing, skin tones
    if form.startswith(("<font>", "<wide>", "<narrow>", "<compat>", "<circle>")):
        return unicodedata.normalize("NFKC", char)
    return char


def _row_end(m: re.Match[str]) -> str:
    return "" if m[1] is None else m[1] or "."


def normalize(text: str) -> str:
    """Clean one piece of text, in time linear in its length.

    Removes control and formatting characters, lone surrogates, emoji, Markdown, tags of HTML;
    unfolds full-width and styled letters; makes a sentence of a table's row; parts numbers too long
    to be read as one into digits. `[word](/phonemes/)`, the embedded voice's way to give a
    pronunciation, stays.
    """
    if not text.isascii():
        text = "".join(map(_plain_char, _compose(text))).translate(_PLAIN)
    elif not text.isprintable():
        text = "".join(map(_plain_char, text))
    text = _RULE.sub(" ", _FENCE.sub("", text))
    if "|" in text:
        text = _ROW_ENDS.sub(_row_end, _TABLE_RULE.sub("", text))
        text = _CELL_ENDS.sub(", ", text)
    if "<" in text:
        text = _TAG.sub(" ", text)
    text = _HEADING.sub("", _BULLET.sub("", text))
    text = _EMPHASIS.sub("", _LINK.sub(r"\1", text))
    text = _LONG_NUMBER.sub(lambda m: " ".join(m.group()), text)
    text = _DOTS.sub("…", _REPEATED.sub(r"\1", text))
    return _SPACE.sub(" ", text).strip()
