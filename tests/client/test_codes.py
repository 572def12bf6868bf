"""Close codes are the same in the server, the clients and the documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vibevoice_pro.client.codes import RESUMABLE, CloseCode
from vibevoice_pro.server import app
from vibevoice_pro.server.protocols.native import codes as native

DOCS = Path(__file__).parents[2] / "docs"
NOT_THIS_SERVER = {CloseCode.GOING_AWAY, CloseCode.ACCESS_DENIED}


def test_as_the_server_has_them() -> None:
    ours = {code.name.lower(): int(code) for code in CloseCode}
    assert {name: ours[name] for name in native.CLOSE_CODES} == native.CLOSE_CODES
    assert ours.keys() - native.CLOSE_CODES.keys() == {
        "done", *(code.name.lower() for code in NOT_THIS_SERVER)
    }  # fmt: skip
    assert (native.DONE, native.FAILED) == (CloseCode.DONE, CloseCode.INTERNAL)


@pytest.mark.parametrize("name", ["protocol.md", "protocol.zh-CN.md"])
def test_as_they_are_documented(name: str) -> None:
    rows = re.findall(r"^\| (\d{4}) \| (.*?) \| .* \|$", (DOCS / name).read_text(), re.M)
    documented = {int(code): re.findall(r"`(\w+)`", errors) for code, errors in rows}
    expected = {
        int(code): [code.name.lower()] if code.name.lower() in native.CLOSE_CODES else []
        for code in CloseCode
    }
    assert documented == expected


def test_as_the_browser_has_them() -> None:
    table = (app.CONSOLE / "codes.js").read_text()
    rows = re.findall(r"^  (\d{4}): \{ kind: \"\w+\",( resumable: true,)?", table, re.M)
    assert {int(code) for code, _ in rows} == set(CloseCode)
    assert {int(code) for code, resumable in rows if resumable} == RESUMABLE
