"""Text files, folders of them, and the names of what they become."""

from __future__ import annotations

from pathlib import Path

import pytest

from vibevoice_pro.documents.chapter import file_name, folder_chapters, read_text
from vibevoice_pro.errors import BadParameter


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for name in ("10 end.md", "2-middle.txt", "1.txt", "notes.pdf", ".hidden.txt"):
        (tmp_path / name).write_text(name)
    chapters = folder_chapters(tmp_path)
    assert [chapter.title for chapter in chapters] == ["1", "middle", "end"]
    assert [chapter.read() for chapter in chapters] == ["1.txt", "2-middle.txt", "10 end.md"]
    with pytest.raises(BadParameter, match=r"holds no \.txt or \.md file"):
        folder_chapters(tmp_path.parent / tmp_path.name / "..")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes("Grüße, 世界".encode(encoding))
    assert read_text(tmp_path / "a.txt") == "Grüße, 世界"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xd8\xff\xe0 a picture", "is no text file in UTF-8"),
        (b"a\0b", "is no text file in UTF-8"),
        (b"x" * (16 * 2**20 + 1), "has more than 16 MB"),
    ],
)
def test_what_is_no_text(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(BadParameter, match=message):
        read_text(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("number", "count", "title", "name"),
    [
        (7, 40, "Of the sea", "07 Of the sea"),
        (7, 400, 'A/B: \\ "What?" <now>\n*|', "007 A B What now"),
        (1, 2, "../../etc/passwd", "01 .. .. etc passwd"),
        (1, 2, "Mr.", "01 Mr"),
        (1, 2, "", "01"),
    ],
)
def test_names(number: int, count: int, title: str, name: str) -> None:
    assert file_name(number, count, title) == name


def test_a_long_name_fits() -> None:
    assert len(file_name(1, 9, "海" * 500).encode()) < 130
