"""Cartesia's package, and pipecat's Cartesia services, speak through this server."""

from __future__ import annotations

from pathlib import Path

from tests.clients.conftest import Run
from tests.clients.heard import RATE, check_words
from tests.support.hearing import samples, word_errors
from tests.support.serving import Running


def test_cartesia(program: Run, server: Running, tmp_path: Path) -> None:
    told = program("cartesia_speech", server.http, server.ws)
    text, other = told["text"], told["other"]
    for name in ("whole.wav", "float.wav", "whole.mp3"):
        assert word_errors(tmp_path / name, text) <= 0.05, name
    waves = {name: samples((tmp_path / f"{name}.pcm").read_bytes())
             for name in ("events", "pushed", "old", "one", "two", "after")}  # fmt: skip
    for name, wave in waves.items():
        said = other if name in ("two", "after") else text
        assert word_errors(wave, said, RATE) <= 0.05, name

    assert told["events"] == ["chunk", "done", "timestamps"]
    assert told["event_words"] == told["old_words"] == text.split()
    check_words([(word, start) for word, start, _ in told["words"]], text, waves["pushed"])
    assert all(start < end for _, start, end in told["words"])
    assert told["words"][-1][2] <= len(waves["pushed"]) / RATE
    assert told["after"] == told["done"] == "done"
    assert told["flushed"] == 1

    assert told["voices"] == ["en-Heart_woman"]
    assert told["voice"] == "en-Heart_woman"
    assert (told["error"]["status_code"], told["error"]["error_code"]) == (404, "voice_not_found")
    assert "'nobody'" in told["error"]["message"]
    kinds = [(kind, code) for kind, code, _ in told["refused"]]
    assert kinds == [
        ("NotFoundError", "voice_not_found"), ("BadRequestError", "bad_parameter"),
        ("BadRequestError", "bad_parameter"),
    ]  # fmt: skip
    assert "en-Heart_woman" in told["refused"][0][2]


def test_pipecat(program: Run, server: Running, tmp_path: Path) -> None:
    told = program("cartesia_pipecat", server.ws, server.http)
    assert "voice must be one of en-Heart_woman" in told.pop("refused")["errors"][0]
    for name in ("sentences", "tokens", "http", "interrupted"):
        assert told[name]["errors"] == []
        wave = samples((tmp_path / f"{name}.pcm").read_bytes())
        assert word_errors(wave, told["text"], RATE) <= 0.05, name
        if name in ("sentences", "tokens"):
            check_words(told[name]["words"], told["text"], wave)
