"""Vapi's custom voice, asked as its documentation shows it.

https://docs.vapi.ai/customization/custom-voices/custom-tts
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.support.hearing import samples, word_errors
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from vibevoice_pro.config.keys import Key, digest, new_secret, write_keys
from vibevoice_pro.server.protocols.vapi import route

TEXT = "Thank you for calling. Your table is reserved for four people at seven this evening."


def request(text: object = TEXT, rate: object = 24_000, **more: object) -> dict[str, Any]:
    return {
        "message": {
            "type": "voice-request",
            "text": text,
            "sampleRate": rate,
            "timestamp": 1_677_123_456_789,
            "call": {"id": "call-123", "orgId": "org-456"},
            "assistant": {"id": "assistant-789", "name": "Front desk"},
            **more,
        }
    }


def ask(server: Running, body: object = None, query: str = "", **headers: str) -> httpx.Response:
    body = request() if body is None else body
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    return httpx.post(f"{server.http}/vapi{query}", content=content, headers=headers, timeout=60)


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 24_000])
def test_it_speaks_at_the_rate_that_is_asked_for(server: Running, rate: int) -> None:
    answer = ask(server, request(rate=rate))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-vibevoice-voice"] == "en-Heart_woman"
    wave = samples(answer.content)
    assert word_errors(wave, TEXT, rate) <= 0.05
    quiet = np.abs(wave).max() / 20
    assert np.abs(wave[:100]).max() < quiet, "a click, or a header"
    assert np.abs(wave[-100:]).max() < quiet, "a click at the end"


def test_it_is_sent_while_it_is_made(server: Running) -> None:
    body = request("A sentence that is not short at all. " * 200)
    with httpx.stream("POST", f"{server.http}/vapi", json=body, timeout=60) as answer:
        assert "content-length" not in answer.headers
        parts = answer.iter_bytes()  # kept: httpx closes the connection with it
        assert len(next(parts)) > 0
        assert server.service.sessions.speaking
    for _ in range(200):  # it has left: nobody speaks to nobody
        if not server.service.sessions.speaking:
            break
        time.sleep(0.05)
    assert not server.service.sessions.speaking


def test_the_voice_is_in_the_address(server: Running) -> None:
    answer = ask(server, query="?voice=alloy&speed=1.5")
    assert answer.headers["x-vibevoice-voice"] == "en-Heart_woman"
    assert answer.headers["x-vibevoice-voice-asked"] == "alloy"
    assert len(answer.content) < 0.8 * len(ask(server).content)


@pytest.mark.parametrize(
    ("body", "query", "field", "said"),
    [
        ({}, "", "message", "required"),
        ({"message": 7}, "", "message", "message"),
        ({"message": {"type": "status-update"}}, "", "message.type", "voice-request"),
        ({"message": {"type": "voice-request"}}, "", "message.text", "required"),
        (request(7), "", "message.text", "string"),
        (request(""), "", "message.text", "nothing that can be spoken"),
        (request("…"), "", "message.text", "nothing that can be spoken"),
        (request(rate="fast"), "", "message.sampleRate", "integer"),
        (request(rate=11_025), "", "message.sampleRate", "8000"),
        (request(), "?voice=nobody", "voice", "nobody"),
        (request(), "?speed=9", "speed", "0.5 to 2"),
        (request(), "?speed=fast", "speed", "number"),
        (request(), "?colour=red", "colour", "not permitted"),
    ],
)
def test_what_is_wrong_is_said(
    server: Running, body: object, query: str, field: str, said: str
) -> None:
    answer = ask(server, body, query)
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert said in answer.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"[" * 50_000, b"\xff\xfe\x00"])
def test_no_object(server: Running, body: bytes) -> None:
    answer = ask(server, body)
    assert answer.status_code == 400
    assert "JSON object like" in answer.json()["error"]


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "_BODY_BYTES", 2000)
    with serving(ToneModel(), max_text=100) as running:
        answer = ask(running, request("One two three. " * 10))
        assert (answer.status_code, answer.json()["field"]) == (413, "message.text")
        answer = ask(running, request("Hi.", more="x" * 3000))
        assert answer.status_code == 400
        assert "2,000 bytes" in answer.json()["error"]
        assert ask(running, request("One.")).status_code == 200


def test_a_server_that_stops_says_so() -> None:
    with serving(ToneModel()) as running:
        running.service.draining = True
        answer = ask(running, request("One."))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_the_secret_is_an_api_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    secret = new_secret()
    write_keys(path, [Key(name="phone", sha256=digest(secret), requests_per_minute=2)])
    with serving(ToneModel(), keys=str(path)) as running:
        assert ask(running).status_code == 401
        assert ask(running, **{"X-VAPI-SECRET": "wrong"}).status_code == 401
        for _ in range(2):
            assert ask(running, **{"X-VAPI-SECRET": secret}).status_code == 200
        answer = ask(running, **{"X-VAPI-SECRET": secret})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
