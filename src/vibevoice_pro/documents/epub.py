"""The chapters of an EPUB.

An EPUB is a ZIP of XHTML pages; its package document lists them in reading order, the spine.
Everything in it comes from outside: what is read is bounded, an XML file that defines entities is
refused, and nothing is written to disk.

Source: EPUB 3.3, W3C Recommendation, 25 May 2023; for its table of contents also OPF 2.0.1, NCX.
"""

from __future__ import annotations

import codecs
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.parsers import expat

from vibevoice_pro.documents.chapter import MAX_BYTES, Chapter
from vibevoice_pro.documents.html_text import heading_of, links_of, text_of
from vibevoice_pro.errors import BadParameter

_MAX_CHAPTERS = 5000
_MAX_TOTAL = 256 * 2**20  # bytes of all pages
_MAX_ELEMENTS = 200_000  # of an XML file
_MAX_CHARACTERS = 1000  # behind an element: titles are read, no text
_PAGES = ("application/xhtml+xml", "text/html")
_DECLARED = re.compile(rb"""<\?xml[^>]*encoding=["']([\w.-]{1,40})["']""")


def is_epub(path: Path) -> bool:
    """Whether a file is an EPUB, by its name."""
    return path.suffix.lower() == ".epub"


def epub_chapters(path: Path) -> list[Chapter]:
    """The pages of a book that have text, in reading order; the table of contents is left out.

    Raises:
        BadParameter: it can't be read, is no EPUB, protected, or larger than anything readable.
    """
    book = _Book(path)
    folder, items, spine, contents = book.package()
    if len(spine) > _MAX_CHAPTERS:
        raise book.bad(f"has more than {_MAX_CHAPTERS:,} pages")
    protected = book.protected()
    titles = book.titles(folder, items, contents)
    chapters, total = [], 0
    for id_ in spine:
        item = items.get(id_, {})
        if item.get("media-type") not in _PAGES or "nav" in item.get("properties", "").split():
            continue
        name = _inside(folder, item.get("href", ""))
        if name in protected:
            raise book.bad("is protected by its seller (DRM) and cannot be read")
        page = book.text(name)
        total += len(page)
        if total > _MAX_TOTAL:
            raise book.bad(f"has more than {_MAX_TOTAL // 2**20} MB of text")
        if not any(sign.isalnum() for sign in text_of(page)):
            continue  # a cover or another picture
        title = titles.get(name) or heading_of(page) or posixpath.splitext(Path(name).name)[0]
        chapters.append(Chapter(title, lambda name=name: text_of(book.text(name))))  # type: ignore[misc]
    if not chapters:
        raise book.bad("has no text")
    return chapters


class _Book:
    """An EPUB that is open for reading."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except OSError as error:
            raise BadParameter(f"{path}: {error.strerror or error}", field="file") from error
        except (zipfile.BadZipFile, ValueError) as error:
            raise self.bad("is no EPUB, or is damaged") from error

    def bad(self, what: str) -> BadParameter:
        """An error that names the file."""
        return BadParameter(f"{self._path} {what}", field="file")

    def read(self, name: str) -> bytes:
        """The bytes of a file in the book; raises BadParameter if there are none, or too many."""
        try:
            with self._zip.open(name) as file:
                data = file.read(MAX_BYTES + 1)
        except KeyError:
            raise self.bad(f"is damaged: it has no {name!r:.80}") from None
        except (OSError, EOFError, RuntimeError, ValueError, zlib.error,
                zipfile.BadZipFile) as error:  # fmt: skip
            raise self.bad(f"is damaged: {name!r:.80} cannot be read") from error
        if len(data) > MAX_BYTES:
            raise self.bad(f"holds {name!r:.80} of more than {MAX_BYTES // 2**20} MB")
        return data

    def text(self, name: str) -> str:
        """A page as text."""
        data = self.read(name)
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16", "replace")
        declared = _DECLARED.match(data)
        try:
            return data.decode(declared[1].decode() if declared else "utf-8-sig", "replace")
        except LookupError:
            return data.decode("utf-8", "replace")

    def elements(self, name: str) -> list[_Element]:
        """The elements of an XML file, in order.

        Raises:
            BadParameter: it is no XML, or defines entities.
        """
        try:
            return list(_elements(self.read(name)))
        except (expat.ExpatError, ValueError) as error:
            raise self.bad(f"is damaged: {name!r:.80} is no XML that is allowed") from error

    def package(self) -> tuple[str, dict[str, Mapping[str, str]], list[str], str]:
        """The package document: its folder, items by id, the ids of the spine, and the id of the
        NCX."""
        roots = self.elements("META-INF/container.xml")
        place = next((e.attributes.get("full-path", "") for e in roots if e.name == "rootfile"), "")
        items: dict[str, Mapping[str, str]] = {}
        spine: list[str] = []
        ncx = ""
        for element in self.elements(place):
            said = element.attributes
            if element.name == "item":
                items[said.get("id", "")] = said
            elif element.name == "spine":
                ncx = said.get("toc", "")
            elif element.name == "itemref" and said.get("linear") != "no":
                spine.append(said.get("idref", ""))
        return posixpath.dirname(place), items, spine, ncx

    def protected(self) -> set[str]:
        """The files that are encrypted; fonts often are, and do not matter."""
        name = "META-INF/encryption.xml"
        if name not in self._zip.namelist():
            return set()
        found = (
            e.attributes.get("URI") for e in self.elements(name) if e.name == "CipherReference"
        )
        return {_inside("", uri) for uri in found if uri}

    def titles(
        self, folder: str, items: Mapping[str, Mapping[str, str]], ncx: str
    ) -> dict[str, str]:
        """What the table of contents calls each page: its first entry; none where it has none."""
        for item in items.values():
            if "nav" in item.get("properties", "").split():
                name = _inside(folder, item.get("href", ""))
                return self._first(name, links_of(self.text(name)))
        if ncx in items:
            name = _inside(folder, items[ncx].get("href", ""))
            return self._first(name, _ncx_links(self.elements(name)))
        return {}

    @staticmethod
    def _first(name: str, links: list[tuple[str, str]]) -> dict[str, str]:
        folder = posixpath.dirname(name)
        titles: dict[str, str] = {}
        for href, words in links:
            if words:
                titles.setdefault(_inside(folder, href), words)
        return titles


def _inside(folder: str, href: str) -> str:
    """The name in the ZIP of what a link in `folder` means."""
    return posixpath.normpath(posixpath.join(folder, unquote(urlsplit(href).path)))


def _ncx_links(elements: list[_Element]) -> list[tuple[str, str]]:
    """The entries of an NCX: (src, label)."""
    links, label = [], ""
    for element in elements:
        if element.name == "text":
            label = " ".join(element.text.split())
        elif element.name == "content":
            links.append((element.attributes.get("src", ""), label))
    return links


class _Element:
    """An XML element: its local name, attributes, and the characters directly behind its begin."""

    def __init__(self, name: str, attributes: Mapping[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.text = ""


def _elements(xml: bytes) -> Iterator[_Element]:
    """The elements of an XML document in order; nothing that it names is opened.

    Raises:
        ExpatError: it is not well formed.
        ValueError: it defines entities, which can explode, or is too large.
    """
    found: list[_Element] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        if len(found) == _MAX_ELEMENTS:
            raise ValueError("it has too many elements")
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        found.append(_Element(name.rpartition(" ")[2], plain))

    def characters(text: str) -> None:
        if found and len(found[-1].text) < _MAX_CHARACTERS:
            found[-1].text += text

    def entity(*_: object) -> None:
        raise ValueError("it defines entities")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.CharacterDataHandler = characters
    parser.EntityDeclHandler = entity
    parser.Parse(xml, True)
    yield from found
