"""The walk that is published about this kind of server, as printed, against a real process."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import websocket

from tests.support.processes import Served
from vibevoice_pro.models.kokoro.voices import installed

WRONG_BODIES = {
    "": "the body must be a JSON object",
    "[1]": "the body must be a JSON object",
    "{}": "the body is a JSON object of settings",
    '{"stpes":1}': "there is no setting 'stpes'",
    '{"port":1}': "port can't change while the server runs",
    '{"steps":1,"keep":3}': "keep must be true or false",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a container has at its first start: three empty volumes."""
    build = tmp_path_factory.mktemp("build")
    for name in ("config", "logs", "cache"):
        (build / name).mkdir()
    return build


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    served = Served(VIBEVOICE_FOLDER=str(folder), VIBEVOICE_MODEL="auto")
    yield served
    served.kill()


def shell(folder: Path, line: str) -> str:
    """What a command of the walk prints, in the working folder."""
    done = subprocess.run(
        line, shell=True, cwd=folder, capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout


def hear(url: str) -> bytes:
    """The audio of a URL, as the walk reads it: with `WebSocketApp`, and a callback for bytes."""
    audio, problems = bytearray(), []
    closed = threading.Event()

    def on_message(ws: websocket.WebSocketApp, message: bytes | str) -> None:
        if isinstance(message, bytes):
            audio.extend(message)

    app = websocket.WebSocketApp(
        url, on_message=on_message, on_error=lambda ws, error: problems.append(error),
        on_close=lambda *about: closed.set(),
    )  # fmt: skip
    thread = threading.Thread(target=app.run_forever)
    thread.start()
    assert closed.wait(60)
    thread.join(10)
    # The package tells a normal close as an error, too.
    assert all("closed normally (code 1000)" in str(problem) for problem in problems)
    return bytes(audio)


def seconds(pcm: bytes) -> float:
    """Of speech, which it has to be: 20 ms frames of 16 kHz."""
    assert len(pcm) % 640 == 0
    wave = np.frombuffer(pcm, "<i2")
    assert np.abs(wave).max() > 3000
    return len(wave) / 16000


def test_it_says_where_it_runs(served: Served) -> None:
    assert b"Uvicorn running on http://127.0.0.1:" in served.shown


def test_empty_volumes_are_filled(served: Served, folder: Path) -> None:
    assert "# LOG_LEVEL=info" in (folder / "config/.env").read_text()
    assert "languages:" in (folder / "config/model.yaml").read_text()
    assert "Uvicorn running on" in (folder / "logs/vibevoice-pro.log").read_text()


@pytest.mark.parametrize(
    "query",
    [
        "text=Hello%20world&voice=en-Grace_woman&cfg=2.0&steps=10",
        "text=Hello%20world&voice=en-Mike_man&cfg=1.6&steps=6",
        "text=Hello%20world&voice=en-Carter_man&cfg=1.8&steps=8",
    ],
)
def test_the_stream(served: Served, query: str) -> None:
    assert 0.5 < seconds(hear(f"ws://localhost:{served.port}/stream?{query}")) < 3


@pytest.mark.skipif(not installed(), reason="the Japanese voices are not installed")
def test_japanese(served: Served) -> None:
    text = quote("おはようございます、これはリアルタイム音声デモです")
    assert (
        2 < seconds(hear(f"ws://localhost:{served.port}/stream?text={text}&voice=jp-Spk0_man")) < 6
    )


def test_fewer_steps(served: Served, folder: Path) -> None:
    url = f"http://localhost:{served.port}/api/config"
    answer = json.loads(shell(folder, f"curl -s -X POST {url} -d '{{\"steps\":5}}'"))
    assert answer["steps"]["value"] == 5
    refused = json.loads(shell(folder, f"curl -s -X POST {url} -d '{{\"steps\":500}}'"))
    assert refused == {
        "error": "steps must be a whole number from 1 to 100; got 500", "field": "steps"
    }  # fmt: skip
    for body, error in WRONG_BODIES.items():
        assert error in json.loads(shell(folder, f"curl -s -X POST {url} -d '{body}'"))["error"]
    foreign = shell(folder, f"curl -s -X POST -H 'Origin: http://evil.example' {url} -d '{{}}'")
    assert "may not use this server" in foreign
    settings = json.loads(shell(folder, f"curl -s {url}"))
    assert settings["steps"]["source"] == "POST /api/config"


def test_less_to_log(served: Served, folder: Path) -> None:
    shell(folder, 'echo "LOG_LEVEL=WARNING" >> config/.env')
    url, end = f"http://localhost:{served.port}/api/config", time.monotonic() + 5
    while json.loads(shell(folder, f"curl -s {url}"))["log_level"]["value"] != "warning":
        assert time.monotonic() < end, "a change is taken within 5 s"
    served.kill()
    served.start()
    assert b"Uvicorn running" not in served.shown, "and at the next start"


def test_a_language_less(served: Served, folder: Path) -> None:
    path = folder / "config/model.yaml"
    whole = path.read_text()
    assert "\n  ja:" in whole
    path.write_text(
        whole.replace("\n  ja:", "\n#  ja:").replace(
            '[ja]"\n    voices: all', '[ja]"\n#    voices: all'
        )
    )
    served.kill()
    served.start()
    voices = json.loads(shell(folder, f"curl -s http://localhost:{served.port}/api/voices"))
    assert {voice["language"] for voice in voices if voice["installed"]} == {"en-US"}
    if installed():
        assert b"kokoro is not loaded: languages leaves it out" in served.shown
    path.write_text(whole.replace("\n  ja:", "\n  jp:"))
    done = subprocess.run(
        [*served.command], env=served.environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "model.yaml, line 12: there is no language 'jp' (did you mean ja?)" in " ".join(
        done.stderr.split()
    )
