"""Files that are no regular files: refused at once, never waited for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.vibevoice import DATA, copy_checkpoint, letter_tokenizer
from vibevoice_pro.errors import BadCheckpoint, BadVoice
from vibevoice_pro.models.registry import load_model
from vibevoice_pro.models.vibevoice.assets.files import open_regular, read_json

KINDS: dict[str, Callable[[Path], None]] = {
    "FIFO": os.mkfifo,
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "folder": Path.mkdir,
}

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(params=KINDS)
def replace(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    """Puts something that is no regular file in a file's place."""

    def replace(path: Path) -> None:
        path.unlink(missing_ok=True)
        KINDS[request.param](path)

    return replace


@pytest.mark.parametrize(
    "name",
    ["config.json", "model.safetensors", "tokenizer.json", "voices/a.pt", "voices/b.safetensors"],
)
def test_files_of_a_checkpoint(tmp_path: Path, replace: Callable[[Path], None], name: str) -> None:
    folder = copy_checkpoint(tmp_path)
    (folder / "tokenizer.json").write_text(letter_tokenizer())
    (folder / "voices").mkdir()
    (folder / "voices" / "a.pt").write_bytes((DATA / "voice.pt").read_bytes())
    replace(folder / name)
    with pytest.raises((BadCheckpoint, BadVoice), match=f"{name}.*not a regular file"):
        load_model(str(folder))


def test_size_is_bounded(tmp_path: Path, replace: Callable[[Path], None]) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(100))
    with open_regular(path, 100) as file:
        assert file.read() == bytes(100)
    with pytest.raises(OSError, match="larger than"):
        open_regular(path, 99)
    replace(path)
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(path, 100)


def test_deeply_nested_json(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(path)
