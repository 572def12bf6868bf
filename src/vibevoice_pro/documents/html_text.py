"""The text of an HTML page, as it would be read aloud."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_SKIPPED = {"head", "script", "style", "svg", "math", "template", "rt", "rp", "audio", "video"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_BLOCKS = _HEADINGS | {
    "p", "div", "section", "article", "aside", "header", "footer", "nav", "main", "blockquote",
    "ul", "ol", "li", "dl", "dt", "dd", "table", "tr", "figure", "figcaption", "pre", "hr", "body",
}  # fmt: skip
_VOID = {"br", "hr", "img", "link", "meta", "input", "col", "wbr"}


class _Reader(HTMLParser):
    """Gathers text; blocks are parted by empty lines.

    Attributes:
        heading: the first heading.
        links: the links with their words, in order: (href, words).
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.heading = ""
        self.links: list[tuple[str, str]] = []
        self._skipping: list[str] = []  # elements that are open, from the one that is left out on
        self._headed: list[str] | None = None
        self._linked: list[str] | None = None
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self.parts.append({"br": "\n", "hr": "\n\n"}.get(tag, ""))
            return
        said = dict(attrs)
        note = "noteref" in (said.get("epub:type") or "") or said.get("role") == "doc-noteref"
        if self._skipping or tag in _SKIPPED or note:
            if not self._skipping or tag == self._skipping[0]:
                self._skipping.append(tag)
            return
        if tag in _BLOCKS:
            self.parts.append("\n\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")
        if tag in _HEADINGS and not self.heading:
            self._headed = []
        if tag == "a":
            self._href, self._linked = said.get("href") or "", []

    def handle_endtag(self, tag: str) -> None:
        if self._skipping:
            if tag == self._skipping[0]:
                self._skipping.pop()
            return
        if tag in _BLOCKS:
            self.parts.append("\n\n")
        if tag in _HEADINGS and self._headed is not None:
            self.heading, self._headed = " ".join("".join(self._headed).split()), None
        if tag == "a" and self._linked is not None:
            self.links.append((self._href, " ".join("".join(self._linked).split())))
            self._linked = None

    def handle_data(self, data: str) -> None:
        if self._skipping:
            return
        words = re.sub(r"\s+", " ", data)
        for to in (self.parts, self._headed, self._linked):
            if to is not None:
                to.append(words)


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


def text_of(html: str) -> str:
    """The text of a page: an empty line between paragraphs, without scripts, styles and notes."""
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", "".join(_read(html).parts))
    return re.sub(r"\n{2,}", "\n\n", re.sub(r" {2,}", " ", text)).strip()


def heading_of(html: str) -> str:
    """The first heading of a page; empty: it has none."""
    return _read(html).heading


def links_of(html: str) -> list[tuple[str, str]]:
    """The links of a page with their words, in order: (href, words)."""
    return _read(html).links
