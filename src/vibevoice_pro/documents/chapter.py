"""A document as chapters, and plain text files."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vibevoice_pro.errors import BadParameter

MAX_BYTES = 16 * 2**20
"""Of a text file, or of a chapter: weeks of speech."""

TEXT_FILES = (".txt", ".md")


@dataclass(frozen=True)
class Chapter:
    """A part of a document that becomes a file of its own.

    Attributes:
        title: what it is called.
        read: gives its text; raises BadParameter if it can't be had.
    """

    title: str
    read: Callable[[], str]


def read_text(path: Path) -> str:
    """The text of a file, UTF-8 or, with a byte order mark, UTF-16.

    Raises:
        BadParameter: it can't be read, is too large or no text; names it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadParameter(f"{path}: {error.strerror or error}", field="file") from error
    if len(data) > MAX_BYTES:
        raise BadParameter(f"{path} has more than {MAX_BYTES // 2**20} MB", field="file")
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise BadParameter(f"{path} is no text file in UTF-8", field="file")
    return text


def folder_chapters(folder: Path) -> list[Chapter]:
    """The text files of a folder, in the order in which people number them: 2 before 10.

    Raises:
        BadParameter: there is none.
    """
    files = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in TEXT_FILES and not path.name.startswith(".")
    ]
    if not files:
        raise BadParameter(f"{folder} holds no {' or '.join(TEXT_FILES)} file", field="file")
    return [
        Chapter(_unnumbered(path.stem), lambda path=path: read_text(path))  # type: ignore[misc]
        for path in sorted(files, key=_natural)
    ]


def _natural(path: Path) -> list[tuple[int, str]]:
    """Numbers by their value, the rest by its letters."""
    parts = re.findall(r"\d+|\D+", path.name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _unnumbered(name: str) -> str:
    """`intro` of `01-intro`: the files that are written are numbered anyway."""
    return re.sub(r"^\d+[\s._-]+(?=\S)", "", name)


def file_name(number: int, count: int, title: str) -> str:
    """`07 Of the sea` for chapter 7 of 40: a name that every file system takes."""
    clean = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]+', " ", title)
    clean = " ".join(clean.split())
    while len(clean.encode()) > 120:
        clean = clean[:-1]
    return f"{number:0{max(2, len(str(count)))}} {clean}".strip(" .")
