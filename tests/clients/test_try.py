"""`vibevoice-pro try`: the programs it prints run as they are, with the real packages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.conftest import PYTHON
from tests.support.hearing import word_errors
from tests.support.serving import Running
from vibevoice_pro.cli import try_

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(try_.__file__).with_name("try_programs")
TRY = [sys.executable, "-m", "vibevoice_pro.cli", "try"]

PATHS = {
    "openai": "/v1/audio/speech", "livekit": "/v1/audio/speech", "pipecat": "/v1/audio/speech",
    "elevenlabs": "/v1/text-to-speech", "cartesia": "/tts/", "deepgram": "/v1/speak",
}  # fmt: skip
"""Where each package sends its text."""


def program(name: str) -> str:
    return (PROGRAMS / f"with_{name}.py").read_text()


def with_clients() -> dict[str, str]:
    """The environment in which this Python finds the clients' packages too."""
    if not PYTHON.exists():
        pytest.skip("the clients' packages are not installed: make test does it")
    packages = next(PYTHON.parents[1].glob("lib/python3.*/site-packages"))
    here = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": f"{here}:{packages}"}


@pytest.mark.parametrize("name", sorted(PATHS))
def test_it_prints_and_runs(name: str, server: Running, tmp_path: Path) -> None:
    done = subprocess.run(
        [*TRY, name, "--url", server.http], cwd=tmp_path, env=with_clients(), text=True,
        capture_output=True, timeout=120,
    )  # fmt: skip
    if done.returncode and not _served(server, PATHS[name]):
        pytest.skip(f"nothing is served at {PATHS[name]}")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = program(name).replace("http://127.0.0.1:7860", server.http)
    assert done.stdout.startswith(shown)
    told = done.stdout[len(shown) :].strip()
    assert re.fullmatch(rf"out\.(mp3|wav): [\d.,]+ (bytes|s), spoken by {server.http}", told)
    said = "Hello there. Only the address had to be changed."
    assert word_errors(tmp_path / told.partition(":")[0], said) <= 0.05


def _served(server: Running, path: str) -> bool:
    import httpx

    described = httpx.get(f"{server.http}/openapi.json").json()
    return any(known.startswith(path) for known in described["paths"])


@pytest.mark.parametrize("name", try_.NAMES)
def test_what_they_import_is_there(name: str) -> None:
    imports = [line for line in program(name).splitlines() if re.match("(from|import) ", line)]
    assert len(imports) >= 2
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(imports)], env=with_clients(), capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", try_.NAMES)
def test_they_are_short_and_as_try_needs_them(name: str) -> None:
    lines = program(name).splitlines()
    assert len([line for line in lines if line]) <= 25
    assert lines[0].startswith("# pip install ")
    assert len([line for line in lines if line.startswith('URL = "')]) == 1


def test_a_package_that_is_not_installed() -> None:
    done = subprocess.run([*TRY, "cartesia"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout.rstrip() == program("cartesia").rstrip()
    assert re.search("cartesia is not installed for .*: pip install cartesia", done.stderr)


def test_show_and_unknown() -> None:
    shown = subprocess.run(
        [*TRY, "openai", "--show", "--url", 'http://a"b'], capture_output=True, text=True
    )
    assert shown.returncode == 0
    assert 'URL = "http://a\\"b"' in shown.stdout
    unknown = subprocess.run([*TRY, "nobody"], capture_output=True, text=True, timeout=60)
    assert unknown.returncode == 2
    assert "there are programs for cartesia, deepgram, elevenlabs, livekit, " in unknown.stderr


def test_no_server(tmp_path: Path) -> None:
    done = subprocess.run(
        [*TRY, "openai", "--url", "http://127.0.0.1:9"], cwd=tmp_path, env=with_clients(),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the program failed; is a server running there?" in done.stderr


def test_the_documentation_shows_them() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    blocks = re.findall(r"```py\n(.*?)```", page, re.S)
    assert program("openai") in blocks
