"""ElevenLabs' package, and the ElevenLabs services of pipecat and livekit, speak through this
server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.clients.conftest import Run
from tests.clients.heard import RATE, begins, begins_near, check_words
from tests.support.hearing import decoded, samples, word_errors
from tests.support.serving import Running, serving
from vibevoice_pro.models.hibari.model import HibariModel


def test_elevenlabs(
    program: Run, compact: HibariModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # `convert_realtime` only speaks TLS.
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = {"tls_certificate": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}
    with serving(compact, **tls) as running:
        told = program("elevenlabs_speech", f"https://localhost:{running.port}")
    for name in ("convert.mp3", "stream.opus", "stream.wav", "realtime.mp3"):
        assert word_errors(tmp_path / name, told["text"]) <= 0.05, name

    wave = samples((tmp_path / "timed.pcm").read_bytes())
    assert word_errors(wave, told["text"], RATE) <= 0.05
    assert "".join(told["chars"]) == told["text"]
    assert told["starts"][1:] == told["ends"][:-1], "times join"
    assert told["starts"] == sorted(told["starts"])
    assert abs(told["ends"][-1] - len(wave) / RATE) < 0.001
    assert begins(wave, told["starts"][told["text"].index("Today")])
    assert told["whole"] == "Hello there."

    statuses = [status for status, _ in told["refused"]]
    assert statuses == [404, 400, 1008]
    assert told["refused"][0][1]["detail"]["status"] == "voice_not_found"
    assert "mp3_44100_128" in told["refused"][1][1]["detail"]["message"]
    assert "'nobody'" in str(told["refused"][2][1]), "the message, or the reason of the close"
    assert told["voices"] == told["searched"] == ["en-Heart_woman"]
    assert told["voice"] == "en-Heart_woman"
    assert told["models"] == ["compact (hibari)"]
    assert (told["user"], told["limit"]) == ("anyone", 2**31 - 1)


def test_pipecat(program: Run, server: Running, tmp_path: Path) -> None:
    told = program("elevenlabs_pipecat", server.ws, server.http)
    for name in ("sentences", "tokens", "http", "interrupted"):
        assert told[name]["errors"] == []
        wave = samples((tmp_path / f"{name}.pcm").read_bytes())
        assert word_errors(wave, told["text"], RATE) <= 0.05, name
        if name == "interrupted":  # words are not waited for
            assert " ".join(word for word, _ in told[name]["words"]) in told["text"]
        else:
            check_words(told[name]["words"], told["text"], wave)


def test_livekit(program: Run, server: Running, tmp_path: Path) -> None:
    told: dict[str, Any] = program("elevenlabs_livekit", f"{server.http}/v1")
    assert told["voices"] == ["en-Heart_woman"]
    for name in ("whole", "streamed", "words"):
        assert word_errors(tmp_path / f"{name}.wav", told["text"]) <= 0.05, name
    for name, words in (("streamed", told["words"]), ("words", told["plain"])):
        wave = decoded(tmp_path / f"{name}.wav", RATE)
        assert "".join(word for word, _, _ in words).split() == told["text"].split()
        starts = [start for _, start, _ in words]
        assert starts == sorted(starts)
        for first in ("Today", "It"):
            at = next(start for word, start, _ in words if word.split()[0] == first)
            assert begins_near(wave, at), first
