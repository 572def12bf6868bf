"""Deepgram's package, and pipecat's Deepgram services, speak through this server."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from tests.clients.conftest import Run
from tests.clients.heard import RATE
from tests.support.hearing import samples, word_errors
from tests.support.serving import Running


def test_deepgram(program: Run, server: Running, tmp_path: Path) -> None:
    told = program("deepgram_speech", server.http, server.ws)
    text = told["text"]
    for name in ("default.mp3", "linear16.wav", "opus.ogg", "mulaw.wav"):
        assert word_errors(tmp_path / name, text) <= 0.05, name
    for name, said in (("streamed", text), ("after", told["other"])):
        wave = samples((tmp_path / f"{name}.pcm").read_bytes())
        assert word_errors(wave, said, RATE) <= 0.05, name
    assert word_errors(telephone(tmp_path / "events.ulaw"), text, 8000) <= 0.05

    assert told["headers"]["dg-model-name"] == "en-Heart_woman"
    assert told["headers"]["dg-char-count"] == "6"
    assert told["kinds"] == ["Metadata", "Warning", "Flushed"], "who speaks is said"
    assert told["seen"] == ["Metadata", "Warning"]
    assert (told["flushed"], told["cleared"], told["after"]) == (0, "Cleared", "Flushed")

    statuses = [status for status, _ in told["refused"]]
    assert statuses == [400, 400, 400]
    for (_, body), said in zip(
        told["refused"], ("en-Heart_woman", "linear16", "en-Heart_woman"), strict=True
    ):
        assert body["err_code"] == "INVALID_QUERY_PARAMETER"
        assert said in body["err_msg"]


def telephone(path: Path) -> np.ndarray:
    """The samples of a µ-law file without a header, at 8 kHz."""
    with av.open(path, format="mulaw", options={"sample_rate": "8000"}) as container:
        parts = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(parts) / 32768.0


def test_pipecat(program: Run, server: Running, tmp_path: Path) -> None:
    told = program("deepgram_pipecat", server.ws, server.http)
    refused = told.pop("refused")["errors"][0]
    assert refused.startswith("Deepgram refused the connection (HTTP 400): voice must be one of")
    for name in ("sentences", "http", "interrupted"):
        assert told[name]["errors"] == []
        wave = samples((tmp_path / f"{name}.pcm").read_bytes())
        assert word_errors(wave, told["text"], RATE) <= 0.05, name
