"""One file over HTTP: cut, gone on with, refused, damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub import Hub, serving, sha256
from vibevoice_pro.errors import NotFetched
from vibevoice_pro.models.vibevoice.assets.download import download

DATA = bytes(range(256)) * 2000
PATH = "/voices/v.pt"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("NO_PROXY", "*")
    with serving(Hub(voices={"v": DATA})) as hub:
        yield hub


def ranges(hub: Hub) -> list[str]:
    return [request.range for request in hub.got(PATH)]


def test_a_cut_connection_is_opened_again(hub: Hub, tmp_path: Path) -> None:
    hub.cuts[PATH] = [100_000, 7]
    told: list[tuple[int, int]] = []
    target = tmp_path / "new" / "v"
    download(hub.url + PATH, target, None, sha256(DATA), lambda *now: told.append(now))
    assert target.read_bytes() == DATA
    assert ranges(hub) == ["", "bytes=100000-", "bytes=100007-"]
    assert told == sorted(told)
    assert told[-1] == (len(DATA), len(DATA))
    assert [p.name for p in target.parent.iterdir()] == ["v"]


def test_the_next_call_goes_on(hub: Hub, tmp_path: Path) -> None:
    hub.cuts[PATH] = [100_000, 0]
    with pytest.raises(NotFetched, match="the connection was cut; what has come is kept"):
        download(hub.url + PATH, tmp_path / "v")
    assert not (tmp_path / "v").exists()
    download(hub.url + PATH, tmp_path / "v")
    assert (tmp_path / "v").read_bytes() == DATA
    assert ranges(hub) == ["", "bytes=100000-", "bytes=100000-"]


def test_a_server_that_sends_all_of_it_again(hub: Hub, tmp_path: Path) -> None:
    hub.resumes = False
    (tmp_path / "v.part").write_bytes(DATA[:100_000])
    download(hub.url + PATH, tmp_path / "v")
    assert (tmp_path / "v").read_bytes() == DATA


def test_what_was_complete_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "v.part").write_bytes(DATA)
    download(hub.url + PATH, tmp_path / "v")
    assert (tmp_path / "v").read_bytes() == DATA


def test_a_part_longer_than_the_file_is_dropped(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "v.part").write_bytes(DATA + DATA)
    download(hub.url + PATH, tmp_path / "v")
    assert (tmp_path / "v").read_bytes() == DATA


def test_a_damaged_file_is_deleted(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "v.part").write_bytes(b"of another file")
    with pytest.raises(NotFetched, match="its SHA-256 is wrong"):
        download(hub.url + PATH, tmp_path / "v", None, sha256(DATA))
    assert not list(tmp_path.iterdir())


def test_a_token_goes_to_no_other_host(hub: Hub, tmp_path: Path) -> None:
    hub.repos["o/n"] = {"a.safetensors": DATA}
    headers = {"Authorization": "Bearer secret"}
    download(f"{hub.url}/o/n/resolve/main/a.safetensors", tmp_path / "v", headers)
    assert [r.token for r in hub.got("/o/n/")] == ["Bearer secret"]
    assert [r.token for r in hub.got("/cdn/")] == [""]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("{}/voices/none.pt", "answers 404 Not Found"),
        ("http://127.0.0.1:1/v", "could not be fetched: .*refused"),
        ("nonsense", "could not be fetched: unknown url type"),
    ],
)
def test_no_file(hub: Hub, tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(NotFetched, match=message):
        download(url.format(hub.url), tmp_path / "v")
    assert not list(tmp_path.iterdir())


def test_nowhere_to_write(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotFetched, match=r"cannot write .*/file/v: "):
        download(hub.url + PATH, tmp_path / "file" / "v")
