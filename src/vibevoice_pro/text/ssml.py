"""The marks that text may carry: SSML tags and entities, or plain pauses, told from what is spoken.

One token at a time from the begin of a text, and only where more text cannot change it; so what is
read does not depend on how the text arrived. Everything is bounded: a tag, a comment or an entity
that does not end within `MAX_TAG` characters is none. Nothing is ever expanded: entities are single
characters, and a document type is left out.

SSML: W3C, Speech Synthesis Markup Language 1.1, https://www.w3.org/TR/speech-synthesis11/.
Plain pauses, `[pause:0.5s]`: as Kokoro-FastAPI has them.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

MAX_TAG = 1000
"""Characters of a tag, a comment, a section of CDATA or a document type."""

KNOWN = frozenset(
    (
        "speak",
        "p",
        "s",
        "break",
        "prosody",
        "say-as",
        "sub",
        "phoneme",
        "emphasis",
        "speed",
        "spell",
    )
)
"""Tags that mean something here; the last two are Cartesia's."""

_MARK = re.compile(r"[<&]")
_TAG = re.compile(r"""<(?:[^<>"']|"[^"<]*"|'[^'<]*')*>""")
_NAME = re.compile(r"</?([A-Za-z_][\w:.-]{0,63})")
_ATTRIBUTE = re.compile(r"""([\w:.-]{1,64})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>/]+))""")
_ENTITY = re.compile(r"&(#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{0,31});")
_OPEN_ENTITY = re.compile(r"&(?:#[xX]?[0-9A-Fa-f]{0,7}|[A-Za-z][A-Za-z0-9]{0,31})?")
_PAUSE = re.compile(r"\[pause[: ] ?(\d{1,4}(?:\.\d{1,3})?) ?(m?s)\]", re.I)
_OPEN_PAUSE = re.compile(
    r"\[(?:p(?:a(?:u(?:s(?:e(?:[: ] ?(?:\d{1,4}(?:\.\d{0,3})?(?: ?m?s?)?)?)?)?)?)?)?)?", re.I
)
_SECTIONS = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"))


@dataclass(frozen=True)
class Token:
    """What a text begins with.

    Attributes:
        length: characters as they are written.
        text: what of them is spoken.
        name: of a tag, in lower case; empty: it is none.
        opens, closes: whether it begins, or ends, an element; an empty one does both.
        attributes: of a tag that opens one.
        odd: what is wrong with it, one sentence; empty: nothing.
    """

    length: int
    text: str = ""
    name: str = ""
    opens: bool = False
    closes: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)
    odd: str = ""


def plain_token(text: str, closed: bool) -> Token | None:
    """Text without marks: all of it is spoken."""
    return Token(len(text), text)


def pause_token(text: str, closed: bool) -> Token | None:
    """The next token of text whose only marks are pauses; see `ssml_token`."""
    if text[0] != "[":
        end = text.find("[")
        length = len(text) if end < 0 else end
        return Token(length, text[:length])
    if found := _PAUSE.match(text):
        time = {"time": found[1] + found[2].lower()}
        return Token(found.end(), name="break", opens=True, closes=True, attributes=time)
    if not closed and _OPEN_PAUSE.fullmatch(text):
        return None
    return Token(1, "[")


def ssml_token(text: str, closed: bool) -> Token | None:
    """The next token of a text, of which `MAX_TAG` characters and more are given if there are.

    `closed`: no more text will come.

    None: text still to come decides it.
    """
    if text[0] == "&":
        return _entity(text, closed)
    if text[0] != "<":
        mark = _MARK.search(text)
        length = mark.start() if mark else len(text)
        return Token(length, text[:length])
    if re.match(r"<[A-Za-z_/]", text):
        return _tag(text, closed)
    if re.match(r"<[!?]", text):
        return _section(text, closed)
    return Token(1, "<") if closed or len(text) > 1 else None


TOKENS: Mapping[str, Callable[[str, bool], Token | None]] = {
    "": plain_token,
    "ssml": ssml_token,
    "pauses": pause_token,
}
"""What tells the tokens of a text, by the markup it is in."""


def _entity(text: str, closed: bool) -> Token | None:
    if found := _ENTITY.match(text):
        char = _char(found[1])
        if char is None:
            odd = f"the entity {found.group()} is not known and was left out"
            return Token(found.end(), odd=odd)
        return Token(found.end(), char)
    return None if not closed and _OPEN_ENTITY.fullmatch(text) else Token(1, "&")


def _char(name: str) -> str | None:
    """What an entity stands for."""
    if not name.startswith("#"):
        return html.entities.html5.get(f"{name};")
    code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    return None if code == 0 or 0xD800 <= code < 0xE000 or code > 0x10FFFF else chr(code)


def _section(text: str, closed: bool) -> Token | None:
    """A comment, CDATA, a processing instruction or a document type."""
    if not closed and len(text) < len("<![CDATA["):
        return None
    for begin, end in _SECTIONS:
        if text.startswith(begin):
            at = text.find(end, len(begin), MAX_TAG)
            if at >= 0:
                said = text[len(begin) : at] if begin == "<![CDATA[" else ""
                return Token(at + len(end), said)
            return _unended(text, closed, known=True)
    if text[:9].upper() == "<!DOCTYPE":
        found = re.match(r"<![^<>\[]*(?:\[[^\]]*\]\s*)?>", text[:MAX_TAG])
        if found is None:
            return _unended(text, closed, known=True)
        odd = "a document type and its entities are not understood and were left out"
        return Token(found.end(), odd=odd if "[" in found.group() else "")
    return _tag(text, closed)


def _tag(text: str, closed: bool) -> Token | None:
    found = _TAG.match(text[:MAX_TAG])
    if found is None:
        following = text.find("<", 1, MAX_TAG)
        decided = following > 0 or closed or len(text) >= MAX_TAG
        end = text.find(">", 1, following if following > 0 else MAX_TAG)
        if not decided:
            return None
        if end < 0:
            name = _NAME.match(text)
            known = name is not None and name[1].lower() in KNOWN
            return _unended(text, closed, known, following)
        whole = text[: end + 1]
    else:
        whole = found.group()
    name = _NAME.match(whole)
    if name is None:
        return Token(len(whole), odd=f"{whole[:40]} is no tag and was left out")
    if whole[1] == "/":
        return Token(len(whole), name=name[1].lower(), closes=True)
    values = {
        key.lower(): _unescape(one or other or bare)
        for key, one, other, bare in _ATTRIBUTE.findall(whole, name.end())
    }
    empty = whole.endswith("/>")
    return Token(
        len(whole), name=name[1].lower(), opens=True, closes=empty, attributes=values
    )  # fmt: skip


def _unended(text: str, closed: bool, known: bool, following: int = -1) -> Token | None:
    """What begins like a tag and does not end: left out if it surely is one, else a sign."""
    ends = following > 0 or len(text) >= MAX_TAG
    if not ends and not closed:
        return None
    if not known and (ends or not closed or not re.match(r"</?[A-Za-z_][\w:.-]*(\s|\Z)", text)):
        return Token(1, "<", odd="a < that ends no tag was read as a sign")
    length = following if following > 0 else min(len(text), MAX_TAG)
    where = "before the next one begins" if following > 0 else f"within {MAX_TAG} characters"
    where = where if ends else "before the text does"
    return Token(
        length,
        odd=f"{text[: min(length, 20)]!r} does not end {where}; {length} characters left out",
    )


def _unescape(value: str) -> str:
    return _ENTITY.sub(lambda m: _char(m[1]) or "", value)
