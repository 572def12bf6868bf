"""OpenAI's package speaks through this server."""

from __future__ import annotations

from pathlib import Path

from tests.clients.conftest import Run
from tests.support.hearing import word_errors
from tests.support.serving import Running


def test_openai(program: Run, server: Running, tmp_path: Path) -> None:
    told = program("openai_speech", f"{server.http}/v1")
    for name in ("whole.mp3", "streamed.wav"):
        assert word_errors(tmp_path / name, told["text"]) <= 0.05
    assert told["request_id"].startswith("req_")
    assert told["refused"]["param"] == "voice"
    assert told["models"] == ["compact (hibari)"]
