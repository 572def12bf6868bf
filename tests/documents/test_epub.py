"""Chapters of EPUBs: good ones, odd ones, and those that want to do harm."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import pytest

from tests.support.books import CONTAINER, package, page, write_epub, write_zip
from vibevoice_pro.documents.epub import epub_chapters
from vibevoice_pro.errors import BadParameter


def test_chapters_come_in_the_order_of_the_spine(tmp_path: Path) -> None:
    book = write_epub(tmp_path / "a.epub", {"The sea": "It was &amp; is cold.", "The end": "Bye."})
    first, second = epub_chapters(book)
    assert (first.title, second.title) == ("The sea", "The end")
    assert first.read() == "The sea\n\nIt was & is cold."


def test_an_older_book_has_its_titles_in_an_ncx(tmp_path: Path) -> None:
    ncx = """<?xml version="1.0"?><!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN"
    "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">
    <ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><docTitle><text>Book</text></docTitle><navMap>
    <navPoint id="a"><navLabel><text>One</text></navLabel><content src="../a.html#top"/></navPoint>
    <navPoint id="b"><navLabel><text>Not One</text></navLabel><content src="../a.html#x"/>
    </navPoint></navMap></ncx>"""
    extra = '<item id="ncx" href="toc/toc.ncx" media-type="application/x-dtbncx+xml"/>'
    latin = page("<p>caf\u00e9</p>").replace("utf-8", "iso-8859-1").encode("latin-1")
    book = write_zip(
        tmp_path / "a.epub",
        {
            "META-INF/container.xml": CONTAINER,
            "OEBPS/content.opf": package(["a.html", "b.html", "c.html"], extra, toc=' toc="ncx"'),
            "OEBPS/toc/toc.ncx": ncx,
            "OEBPS/a.html": page("<p>First.</p>"),
            "OEBPS/b.html": page("<h1>Of <i>it</i></h1><p>Second.</p>"),
            "OEBPS/c.html": latin,
        },
    )
    chapters = epub_chapters(book)
    assert [chapter.title for chapter in chapters] == ["One", "Of it", "c"]
    assert chapters[2].read() == "café"


def test_pages_beside_the_text_are_left_out(tmp_path: Path) -> None:
    book = write_zip(
        tmp_path / "a.epub",
        {
            "META-INF/container.xml": CONTAINER,
            "OEBPS/content.opf": package(
                ["a.html", "b.html"],
                spine='<itemref idref="p1" linear="no"/><itemref idref="p0"/><itemref idref="?"/>',
            ),
            "OEBPS/a.html": page("<p>Text.</p>"),
            "OEBPS/b.html": page("<p>Answers.</p>"),
        },
    )
    assert [chapter.read() for chapter in epub_chapters(book)] == ["Text."]


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE c [<!ENTITY a "ha"><!ENTITY b "'
    + "&a;" * 50
    + '"><!ENTITY c "'
    + "&b;" * 50
    + '">]><container>&c;</container>'
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE c [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    "<container>&a;</container>"
)
ENCRYPTED = """<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptedData>
<e:CipherData><e:CipherReference URI="OEBPS/a.html"/></e:CipherData></e:EncryptedData></encryption>
"""


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"readme.txt": "no book"}, "it has no 'META-INF/container.xml'"),
        ({"META-INF/container.xml": BOMB}, "is no XML that is allowed"),
        ({"META-INF/container.xml": OUTSIDE}, "is no XML that is allowed"),
        ({"META-INF/container.xml": "<a>" * 300_000}, "is no XML that is allowed"),
        ({"META-INF/container.xml": CONTAINER}, "it has no 'OEBPS/content.opf'"),
        ({"META-INF/container.xml": CONTAINER, "OEBPS/content.opf": package([])}, "has no text"),
        (
            {
                "META-INF/container.xml": CONTAINER,
                "OEBPS/content.opf": package(["../../../etc/passwd"]),
            },
            "it has no '../../etc/passwd'",
        ),
        (
            {
                "META-INF/container.xml": CONTAINER,
                "OEBPS/content.opf": package(["a.html"]),
                "OEBPS/a.html": b"x" * (17 * 2**20),
            },
            "of more than 16 MB",
        ),
        (
            {
                "META-INF/container.xml": CONTAINER,
                "OEBPS/content.opf": package(["a.html"] * 5001),
                "OEBPS/a.html": page("x"),
            },
            "has more than 5,000 pages",
        ),
        (
            {
                "META-INF/container.xml": CONTAINER,
                "META-INF/encryption.xml": ENCRYPTED,
                "OEBPS/content.opf": package(["a.html"]),
                "OEBPS/a.html": page("x"),
            },
            "is protected by its seller",
        ),
    ],
)
def test_bad_books(tmp_path: Path, files: dict[str, str | bytes], message: str) -> None:
    book, began = write_zip(tmp_path / "a.epub", files), time.monotonic()
    with pytest.raises(BadParameter) as raised:
        epub_chapters(book)
    assert message in str(raised.value)
    assert str(book) in str(raised.value)
    assert time.monotonic() - began < 20


def test_broken_files(tmp_path: Path) -> None:
    book = tmp_path / "a.epub"
    with pytest.raises(BadParameter, match="No such file"):
        epub_chapters(book)
    book.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(BadParameter, match="is no EPUB, or is damaged"):
        epub_chapters(book)
    write_epub(book, {"One": "Hello. " * 5000})
    data = bytearray(book.read_bytes())
    with zipfile.ZipFile(book) as opened:
        place = opened.getinfo("OEBPS/text/chapter 1.xhtml").header_offset
    data[place + 80 : place + 100] = bytes(20)
    book.write_bytes(data)
    with pytest.raises(BadParameter, match="cannot be read"):
        epub_chapters(book)
