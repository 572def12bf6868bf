"""Deepgram's speech interface on the wire; its own package is in tests/clients."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.hearing import decoded, samples
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from vibevoice_pro.config.keys import Key, digest
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.server.protocols.deepgram.messages import ENCODINGS

HELENA = "aura-2-helena-en"
TEXT = "Hello there. This is spoken for a client that knows nothing of us."
RAW = {"encoding": "linear16", "container": "none", "sample_rate": 16000}

Message = dict[str, Any]


def ask(server: Running, text: object = TEXT, **query: object) -> httpx.Response:
    url = f"{server.http}/v1/speak?{urlencode({'model': HELENA, **query}, doseq=True)}"
    return httpx.post(url, json={"text": text}, timeout=60)


def line(server: Running, **query: object) -> connect:
    asked = {"model": HELENA, "encoding": "linear16", "sample_rate": 16000, **query}
    return connect(f"{server.ws}/v1/speak?{urlencode(asked)}")


async def say(ws: ClientConnection, *messages: str | Message) -> None:
    """Send messages; a text is spoken."""
    for message in messages:
        said = {"type": "Speak", "text": message} if isinstance(message, str) else message
        await ws.send(json.dumps(said))


def command(kind: str) -> Message:
    return {"type": kind}


async def heard(ws: ClientConnection, until: str = "") -> list[bytes | Message]:
    """All messages up to one of this type, or until the connection is closed."""
    messages: list[bytes | Message] = []
    try:
        while True:
            got = await asyncio.wait_for(ws.recv(), 30)
            messages.append(got if isinstance(got, bytes) else json.loads(got))
            if not isinstance(got, bytes) and messages[-1]["type"] == until:
                return messages
    except ConnectionClosed:
        assert not until, f"closed before {until}"
        return messages


def audio(messages: list[bytes | Message]) -> bytes:
    return b"".join(m for m in messages if isinstance(m, bytes))


def told(messages: list[bytes | Message]) -> list[str]:
    return [m["type"] for m in messages if not isinstance(m, bytes)]


# --- HTTP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("encoding", "container"), [
    (name, container) for name, encoding in ENCODINGS.items() for container in encoding.containers
])  # fmt: skip
def test_each_format_is_as_long_as_the_speech(
    server: Running, encoding: str, container: str
) -> None:
    rate = ENCODINGS[encoding].rate
    pcm = samples(ask(server, **{**RAW, "sample_rate": rate}).content)
    answer = ask(server, encoding=encoding, container=container)
    assert answer.headers["content-type"].startswith("audio/")
    if container == "none" and encoding in ("linear16", "mulaw", "alaw"):
        assert len(answer.content) == len(pcm) * (2 if encoding == "linear16" else 1)
        return
    ours = decoded(answer.content, rate)
    assert abs(len(ours) - len(pcm)) <= 1152
    assert np.abs(ours[:200]).max() < 0.05, "a click at the start"
    assert np.abs(ours[-200:]).max() < 0.05, "a click at the end"


@pytest.mark.parametrize(("encoding", "rate", "bits"), [
    ("mp3", 48000, 32000), ("mp3", 8000, 160000), ("opus", 16000, 6000), ("opus", 48000, 256000),
    ("aac", 8000, 192000), ("aac", 44100, 16000),
])  # fmt: skip
def test_rates(server: Running, encoding: str, rate: int, bits: int) -> None:
    pcm = samples(ask(server, **{**RAW, "sample_rate": rate}).content)
    answer = ask(server, encoding=encoding, sample_rate=rate, bit_rate=bits)
    assert abs(len(decoded(answer.content, rate)) - len(pcm)) <= 1152


def test_the_default_is_mp3(server: Running) -> None:
    answer = ask(server)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert UUID(answer.headers["dg-request-id"])
    assert UUID(answer.headers["dg-model-uuid"])
    assert answer.headers["dg-model-name"] == "en-Heart_woman"
    assert answer.headers["dg-char-count"] == str(len(TEXT))
    assert answer.headers["x-vibevoice-voice-asked"] == HELENA
    assert "x-vibevoice-ignored" not in answer.headers


def test_it_says_what_it_ignores(server: Running) -> None:
    answer = ask(server, tag=["one", "two"], mip_opt_out="true", priority="low")
    assert answer.headers["x-vibevoice-ignored"] == "priority"


def test_speed(server: Running) -> None:
    slow, fast = (len(ask(server, **RAW, speed=speed).content) for speed in (0.7, 1.5))
    assert slow > 1.8 * fast


@pytest.mark.parametrize(
    ("text", "query", "status", "code", "said"),
    [
        (3, {}, 400, "PAYLOAD_ERROR", '{"text": "Hello."}'),
        ("…", {}, 400, "PAYLOAD_ERROR", "nothing that can be spoken"),
        ("a" * 600_000, {}, 413, "PAYLOAD_TOO_LARGE", "at most"),
        ("Hi.", {"model": "nobody"}, 400, "INVALID_QUERY_PARAMETER", "one of en-Heart_woman"),
        ("Hi.", {"model": "aura-2-lara-de"}, 400, "INVALID_QUERY_PARAMETER", "speaks de"),
        ("Hi.", {"encoding": "g729"}, 400, "INVALID_QUERY_PARAMETER", "linear16, mulaw"),
        ("Hi.", {"container": "ogg"}, 400, "INVALID_QUERY_PARAMETER", "of mp3 must be none"),
        ("Hi.", {"sample_rate": 11025}, 400, "INVALID_QUERY_PARAMETER", "22050"),
        ("Hi.", {"sample_rate": "fast"}, 400, "INVALID_QUERY_PARAMETER", "sample_rate"),
        ("Hi.", {"bit_rate": 1}, 400, "INVALID_QUERY_PARAMETER", "8000 to 160000 bit/s"),
        ("Hi.", {**RAW, "bit_rate": 64000}, 400, "INVALID_QUERY_PARAMETER", "linear16 has none"),
        ("Hi.", {"speed": 2}, 400, "INVALID_QUERY_PARAMETER", "speed"),
        ("Hi.", {"callback": "http://x"}, 400, "INVALID_QUERY_PARAMETER", "callback"),
    ],
)
def test_what_is_wrong_is_said(
    server: Running, text: object, query: Message, status: int, code: str, said: str
) -> None:
    answer = ask(server, text, **query)
    told = answer.json()
    assert (answer.status_code, told["err_code"]) == (status, code)
    assert said in told["err_msg"]
    assert answer.headers["dg-error"].startswith(
        told["err_msg"].encode("ascii", "replace").decode()
    )
    assert UUID(told["request_id"])


def test_a_page_is_not_fetched(server: Running) -> None:
    answer = httpx.post(f"{server.http}/v1/speak", json={"url": "http://x"})
    assert answer.status_code == 400
    assert "fetches no pages" in answer.json()["err_msg"]


# --- WebSockets -----------------------------------------------------------------------------------


async def test_text_in_pieces(server: Running) -> None:
    async with line(server) as ws:
        assert UUID(ws.response.headers["dg-request-id"])
        await say(ws, *(f"{word} " for word in TEXT.split()), command("Flush"))
        messages = await heard(ws, "Flushed")
        first = messages[0]
        assert first["request_id"] == ws.response.headers["dg-request-id"]
        assert first["model_name"] == "en-Heart_woman"
        assert UUID(first["model_uuid"])
        assert told(messages) == ["Metadata", "Warning", "Flushed"]
        assert messages[1]["code"] == "VOICE"
        assert messages[1]["description"] == f"en-Heart_woman speaks for {HELENA}"
        assert messages[-1]["sequence_id"] == 0
        await say(ws, command("Close"))
        messages += await heard(ws)
    assert ws.close_code == 1000
    assert audio(messages) == ask(server, f"{TEXT} ", **RAW).content


@pytest.mark.parametrize("encoding", ["mulaw", "alaw"])
async def test_telephones(server: Running, encoding: str) -> None:
    async with line(server, encoding=encoding, sample_rate=8000) as ws:
        await say(ws, TEXT, command("Close"))
        messages = await heard(ws)
    assert audio(messages) == ask(server, encoding=encoding, container="none").content


async def test_flushes_are_answered_in_order(server: Running) -> None:
    async with line(server, model="en-Heart_woman") as ws:
        for text in ("One two", "Three four", "Five six."):
            await say(ws, text, command("Flush"))
        lengths = []
        for number in range(3):
            messages = await heard(ws, "Flushed")
            assert messages[-1]["sequence_id"] == number
            lengths.append(len(audio(messages)) / 32000)
        assert all(0.4 < length < 2 for length in lengths)
        await say(ws, command("Flush"))
        assert told(await heard(ws, "Flushed")) == ["Flushed"], "there was nothing"


async def test_clear_is_silence_at_once(server: Running) -> None:
    async with line(server, model="en-Heart_woman") as ws:
        await say(ws, f"{TEXT} " * 100, command("Flush"))
        assert told(await heard(ws, "Metadata")) == ["Metadata"]
        await ws.recv()
        await say(ws, command("Clear"))
        messages = await heard(ws, "Cleared")
        assert told(messages) == ["Cleared"], "the flush is not answered"
        assert len(audio(messages)) / 32000 < 60
        await say(ws, "This is new.", command("Flush"))
        messages = await heard(ws, "Flushed")
        assert [m["sequence_id"] for m in messages if not isinstance(m, bytes)] == [1]
        assert 0.5 < len(audio(messages)) / 32000 < 2
        await say(ws, command("Clear"), command("Clear"))
        assert told(await heard(ws, "Cleared") + await heard(ws, "Cleared")) == ["Cleared"] * 2


async def test_close_speaks_all_that_was_written(server: Running) -> None:
    async with line(server) as ws:
        await say(ws, TEXT, command("Close"), "Too late.")
        messages = await heard(ws)
    assert ws.close_code == 1000
    assert audio(messages) == ask(server, **RAW).content
    async with line(server) as ws:
        await say(ws, command("Close"))
        assert audio(await heard(ws)) == b""
    assert ws.close_code == 1000


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("{", "must be JSON objects"),
        (b"{}", "a binary one came"),
        ('{"type": "Stop"}', "type: input should be 'Speak', 'Flush', 'Clear' or 'Close'"),
        ('{"type": "Speak"}', "needs text"),
        (json.dumps({"type": "Speak", "text": "a" * 600_000}), "at most"),
    ],
)
async def test_a_mistake_is_a_warning(server: Running, message: str | bytes, said: str) -> None:
    async with line(server, model="en-Heart_woman") as ws:
        await say(ws, "This goes")
        await ws.send(message)
        warning = (await heard(ws, "Warning"))[-1]
        assert said in warning["description"]
        assert warning["code"] in ("BAD_PARAMETER", "TEXT_TOO_LONG")
        await say(ws, " on.", command("Close"))
        assert audio(await heard(ws)) == ask(server, "This goes on.", **RAW).content


async def test_what_has_no_effect_is_said(server: Running) -> None:
    async with line(server, model="en-Heart_woman", priority="low", tag="one") as ws:
        warning = (await heard(ws, "Warning"))[-1]
    assert warning["description"] == "without effect here: priority"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"model": "nobody"}, "en-Heart_woman"),
        ({"encoding": "mp3"}, "linear16, mulaw or alaw"),
        ({"sample_rate": 11025}, "22050"),
        ({"speed": 9}, "speed"),
    ],
)
async def test_it_is_refused_before_it_opens(
    server: Running, query: Message, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with line(server, **query):
            pass
    answer = refused.value.response
    assert answer.status_code == 400
    assert said in answer.headers["dg-error"]
    assert said in json.loads(answer.body)["err_msg"]
    assert not caplog.records, "that is no fault of the server"


async def test_full(compact: HibariModel) -> None:
    with serving(compact, max_streams=1, lead=0.5) as tiny:
        async with line(tiny) as ws:
            await say(ws, "Hello there. " * 50)
            await heard(ws, "Warning")
            with pytest.raises(InvalidStatus) as refused:
                async with line(tiny):
                    pass
            assert refused.value.response.status_code == 503
            assert int(refused.value.response.headers["retry-after"]) > 0
            full = await asyncio.to_thread(ask, tiny)
            assert (full.status_code, full.json()["err_code"]) == (503, "SERVICE_UNAVAILABLE")
            assert int(full.headers["retry-after"]) > 0
            ws.transport.abort()


async def test_keys(tmp_path: Path) -> None:
    key = Key(name="anna", sha256=digest("secret"))
    (tmp_path / "keys.json").write_text(json.dumps([key.model_dump()]))
    with serving(ToneModel(), keys=str(tmp_path / "keys.json")) as running:
        url = "/v1/speak?model=xx-Tone"
        client = httpx.AsyncClient(base_url=running.http)
        none = await client.post(url, json={"text": "ab"})
        assert (none.status_code, none.json()["err_code"]) == (401, "INVALID_AUTH")
        known = {"Authorization": "Token secret"}
        (await client.post(url, json={"text": "ab"}, headers=known)).raise_for_status()
        await client.aclose()
        async with connect(running.ws + url, additional_headers=known) as ws:
            await heard(ws, "Metadata")
        # As pages do it, which can't send headers.
        async with connect(running.ws + url, subprotocols=["token", "secret"]) as ws:
            assert ws.subprotocol == "token"
            await heard(ws, "Metadata")
        with pytest.raises(InvalidStatus) as refused:
            async with connect(running.ws + url, subprotocols=["token", "wrong"]):
                pass
        assert refused.value.response.status_code == 401
    with serving(ToneModel()) as running:  # without keys any will do
        async with connect(running.ws + url, subprotocols=["token", "any"]) as ws:
            await heard(ws, "Metadata")


async def test_a_client_that_says_nothing(compact: HibariModel) -> None:
    with serving(compact, idle_timeout=0.3) as running:
        async with line(running) as ws:
            await heard(ws)
        assert ws.close_code == 1011
        assert ws.close_reason.startswith("NET-0001: nothing was written")


async def test_nobody_speaks_to_a_client_that_left(compact: HibariModel) -> None:
    with serving(compact, lead=0.5) as running:
        ws = await line(running)
        await say(ws, "A sentence that is not short at all. " * 200)
        await heard(ws, "Warning")
        await ws.recv()
        ws.transport.abort()
        for _ in range(200):
            if not running.service.sessions.speaking:
                break
            await asyncio.sleep(0.05)
        assert not running.service.sessions.speaking
        assert running.service.healthy


async def test_a_model_that_fails_is_told() -> None:
    with serving(ToneModel()) as running:
        async with line(running, model="xx-Tone") as ws:
            await say(ws, "ab!", command("Flush"))
            messages = await heard(ws)
    assert len(audio(messages)) == 1280, "what was made before is sent before"
    assert messages[-1]["type"] == "Error"
    assert messages[-1]["err_code"] == "INTERNAL_SERVER_ERROR"
    assert messages[-1]["description"] == messages[-1]["err_msg"]
    assert ws.close_code == 1011
