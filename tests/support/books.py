"""EPUBs, written as publishers write them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>"""


def page(body: str, title: str = "A book") -> str:
    return f"""<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">
<head><title>{title}</title><style>p {{ color: red }}</style><script src="x.js"/></head>
<body>{body}</body></html>"""


def package(pages: list[str], extra: str = "", spine: str = "", toc: str = "") -> str:
    items = "".join(
        f'<item id="p{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(pages)
    )
    refs = spine or "".join(f'<itemref idref="p{n}"/>' for n in range(len(pages)))
    return f"""<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A book</dc:title></metadata>
<manifest>{items}{extra}</manifest><spine{toc}>{refs}</spine></package>"""


def write_zip(path: Path, files: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in files.items():
            book.writestr(name, content)
    return path


def write_epub(path: Path, chapters: Mapping[str, str]) -> Path:
    """An EPUB 3 of chapters, by their titles; a cover comes first."""
    names = [f"text/chapter {n}.xhtml" for n in range(1, len(chapters) + 1)]
    links = "".join(
        f'<li><a href="{name.replace(" ", "%20")}">{title}</a></li>'
        for name, title in zip(names, chapters, strict=True)
    )
    nav = page(f'<nav epub:type="toc"><ol>{links}</ol></nav>')
    extra = '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    hrefs = ["cover.xhtml", *(name.replace(" ", "%20") for name in names)]
    spine = '<itemref idref="nav"/>' + "".join(
        f'<itemref idref="p{n}"/>' for n in range(len(hrefs))
    )
    files = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/content.opf": package(hrefs, extra, spine),
        "OEBPS/nav.xhtml": nav,
        "OEBPS/cover.xhtml": page('<img src="cover.jpg" alt="A picture"/>'),
    }
    for name, (title, text) in zip(names, chapters.items(), strict=True):
        files[f"OEBPS/{name}"] = page(f"<h2>{title}</h2><p>{text}</p>")
    return write_zip(path, files)
