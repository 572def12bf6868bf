"""OpenAI's speech interface; its own package is in tests/clients."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.support.hearing import decoded, samples
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from vibevoice_pro.audio.formats import FORMATS
from vibevoice_pro.models.hibari.model import HibariModel

TEXT = "Hello there. This is spoken for a client that knows nothing of us."
RATE = 24_000


def ask(server: Running, **body: object) -> httpx.Response:
    return httpx.post(f"{server.http}/v1/audio/speech", json={"model": "tts-1", **body}, timeout=60)


def spoken(server: Running, **more: object) -> bytes:
    return ask(server, voice="alloy", input=TEXT, **more).raise_for_status().content


def test_pcm_is_what_the_package_expects(server: Running) -> None:
    wave = samples(spoken(server, response_format="pcm"))
    assert 2 < len(wave) / RATE < 8
    assert np.abs(wave).max() > 0.1


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav"])
def test_each_format_is_as_long_as_the_speech(server: Running, name: str) -> None:
    pcm = samples(spoken(server, response_format="pcm"))
    answer = ask(server, voice="alloy", input=TEXT, response_format=name)
    assert answer.headers["content-type"] == FORMATS[name].media_type
    ours = decoded(answer.content, RATE)
    frame = {"mp3": 576, "aac": 1024, "opus": 480}.get(name, 1)
    assert abs(len(ours) - len(pcm)) <= frame
    # The same sound: the loudness over time is that of the samples.
    assert np.corrcoef(*(envelope(wave, len(pcm)) for wave in (ours, pcm)))[0, 1] > 0.97
    quiet = np.abs(pcm).max() / 20
    assert np.abs(ours[:200]).max() < quiet, "a click at the start"
    assert np.abs(ours[-200:]).max() < quiet, "a click at the end"


def envelope(wave: np.ndarray, length: int) -> np.ndarray:
    """Loudness in each 20 ms."""
    own = np.zeros(length)
    own[: min(length, len(wave))] = wave[:length]
    blocks = own[: length // 480 * 480].reshape(-1, 480)
    return np.sqrt((blocks**2).mean(axis=1))


def test_one_header_in_a_wav(server: Running) -> None:
    data = spoken(server, response_format="wav")
    assert data.startswith(b"RIFF")
    assert data.count(b"RIFF") == data.count(b"WAVEfmt ") == 1


def test_server_sent_events(server: Running) -> None:
    with httpx.stream("POST", f"{server.http}/v1/audio/speech", json={
        "model": "gpt-4o-mini-tts", "voice": {"id": "nova"}, "input": TEXT,
        "response_format": "pcm", "stream_format": "sse",
    }) as answer:  # fmt: skip
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert audio == ask(server, voice="nova", input=TEXT, response_format="pcm").content
    usage = events[-1]["usage"]
    assert events[-1]["type"] == "speech.audio.done"
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_it_says_who_speaks_and_what_it_ignores(server: Running) -> None:
    answer = httpx.post(f"{server.http}/v1/audio/speech", json={
        "model": "tts-1", "voice": "alloy", "input": "Hello.", "speed": 4, "instructions": "Sing.",
        "lang_code": "a",
    })  # fmt: skip
    assert answer.status_code == 200
    headers = answer.headers
    assert headers["x-vibevoice-voice"] == "en-Heart_woman"
    assert headers["x-vibevoice-voice-asked"] == "alloy"
    assert headers["x-vibevoice-ignored"] == "lang_code, instructions"
    assert headers["x-vibevoice-speed"] == "2"
    assert headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        ({"voice": "alloy"}, "input", "input"),
        ({"input": "Hi.", "voice": "nobody"}, "voice", "nobody"),
        ({"input": "Hi.", "response_format": "ogg"}, "response_format", "mp3"),
        ({"input": "Hi.", "speed": 9}, "speed", "4"),
        ({"input": "Hi.", "voice": 7}, "voice", "string"),
        ({"input": "…"}, "input", "nothing that can be spoken"),
        ({"input": "Hi.", "steps": 1000}, "steps", "1 to 100"),
        ({"input": "Hi.", "cfg": False}, "cfg", "number"),
        ({"input": "Hi.", "lexicon": {"a": ""}}, "lexicon", "1 to 200"),
    ],
)
def test_what_is_wrong_is_said(
    server: Running, body: dict[str, object], param: str, said: str
) -> None:
    answer = ask(server, **body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert said in error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"[" * 50_000])
def test_no_object(server: Running, body: bytes) -> None:
    answer = httpx.post(f"{server.http}/v1/audio/speech", content=body)
    assert answer.status_code == 400
    assert "JSON object" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("path", "status"), [("/v1/nothing", 404), ("/v1/audio/speech", 405)])
def test_where_nothing_is(server: Running, path: str, status: int) -> None:
    answer = httpx.get(server.http + path)
    assert answer.status_code == status
    assert path in answer.json()["error"]["message"]
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)


def test_refusals_tell_when_to_come_again() -> None:
    with serving(ToneModel(), max_streams=1, max_text=100) as tiny:
        tiny.service.draining = True
        full = ask(tiny, input="Hello.")
        assert full.status_code == 503
        assert int(full.headers["retry-after"]) > 0
        tiny.service.draining = False
        long = ask(tiny, input="a" * 101)
        assert (long.status_code, long.json()["error"]["param"]) == (413, "input")


def test_models_and_voices(server: Running) -> None:
    listed = httpx.get(f"{server.http}/v1/models").json()
    assert [model["id"] for model in listed["data"]] == ["compact (hibari)"]
    voices = httpx.get(f"{server.http}/v1/audio/voices").json()["voices"]
    names = [voice["id"] for voice in voices]
    assert names[:2] == ["en-Heart_woman", "alloy"]
    assert len(names) == 1 + 13, "no names of others"
    assert httpx.get(f"{server.http}/v1/audio/models").json()["models"]


async def test_nobody_speaks_to_a_client_that_left(compact: HibariModel, tmp_path: Path) -> None:
    with serving(compact) as running:
        async with httpx.AsyncClient() as client:
            body = {"model": "tts-1", "input": "A sentence that is not short at all. " * 2000}
            async with client.stream(
                "POST", f"{running.http}/v1/audio/speech", json=body
            ) as answer:
                async for _ in answer.aiter_bytes():
                    break
        for _ in range(200):
            if not running.service.sessions.speaking:
                break
            await asyncio.sleep(0.05)
        assert not running.service.sessions.speaking
        assert running.service.healthy
