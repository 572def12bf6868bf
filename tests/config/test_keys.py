"""The file of API keys."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from vibevoice_pro.config.keys import Key, digest, new_secret, read_keys, write_keys
from vibevoice_pro.errors import BadParameter


def test_only_a_hash_is_kept(tmp_path: Path) -> None:
    secret, path = new_secret(), tmp_path / "keys.json"
    key = Key(name="anna", sha256=digest(secret), streams=2)
    write_keys(path, [key])
    assert secret.removeprefix("vvp_") not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_keys(path) == (key,)
    assert re.fullmatch(r"vvp_[A-Za-z0-9_-]{43}", secret)
    assert new_secret() != secret


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no", "is no JSON"),
        ("{}", "must be a JSON list of keys"),
        ("[" * 100_000, "is no JSON"),
        ('[{"name": "a b", "sha256": "' + "0" * 64 + '"}]', "name: String should match"),
        ('[{"name": "a", "sha256": "secret"}]', "sha256: String should match"),
        ('[{"name": "a", "sha256": "' + "0" * 64 + '", "stream": 3}]', "stream: Extra inputs"),
        ('[{"name": "a", "sha256": "' + "0" * 64 + '", "streams": 0}]', "streams: Input should be"),
        (json.dumps([{"name": "a", "sha256": "0" * 64}] * 2), "two keys have the same name"),
        (" " * 2**20 + " ", "more than 1,048,576 bytes"),
    ],
)
def test_what_is_no_file_of_keys(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(BadParameter, match=re.escape(said)) as wrong:
        read_keys(path)
    assert str(path) in str(wrong.value)


def test_a_file_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match="No such file"):
        read_keys(tmp_path / "none.json")
    with pytest.raises(BadParameter, match="cannot be written"):
        write_keys(tmp_path / "none" / "keys.json", [])
