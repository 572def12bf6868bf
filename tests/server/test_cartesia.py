"""Cartesia's interface on the wire; its own package is in tests/clients."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.support.hearing import decoded, samples
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from vibevoice_pro.config.keys import Key, digest
from vibevoice_pro.models.hibari.model import HibariModel

TESSA = "6ccbfb76-1fc6-48f7-b71d-91ac6298247b"
TEXT = "Hello there. This is spoken for a client that knows nothing of us."
PCM = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 16000}
RATES = (8000, 16000, 22050, 24000, 44100, 48000)

Message = dict[str, Any]


def ask(server: Running, path: str = "bytes", **body: object) -> httpx.Response:
    asked = {"model_id": "sonic-3", "transcript": TEXT, "voice": {"mode": "id", "id": TESSA}}
    asked |= {"output_format": PCM, **body}
    said = {name: value for name, value in asked.items() if value is not None}
    return httpx.post(f"{server.http}/tts/{path}", json=said, timeout=60)


def pcm_of(server: Running, text: str = TEXT, rate: int = 16000) -> bytes:
    return ask(server, transcript=text, output_format={**PCM, "sample_rate": rate}).content


def line(server: Running) -> connect:
    return connect(f"{server.ws}/tts/websocket?cartesia_version=2026-03-01")


async def say(ws: ClientConnection, *messages: Message) -> None:
    """Send messages as clients do, which repeat everything in each."""
    asked = {"model_id": "sonic-3", "voice": {"mode": "id", "id": TESSA}, "output_format": PCM}
    for message in messages:
        await ws.send(json.dumps(message if "cancel" in message else {**asked, **message}))


async def heard(ws: ClientConnection, *names: str) -> list[Message]:
    """All messages until the contexts of these names have ended."""
    messages, left = [], {*names}
    while left:
        message = json.loads(await asyncio.wait_for(ws.recv(), 30))
        messages.append(message)
        if message["done"]:
            left.discard(message["context_id"])
    return messages


def audio(messages: list[Message]) -> bytes:
    return b"".join(base64.b64decode(m["data"]) for m in messages if m["type"] == "chunk")


def kinds(messages: list[Message]) -> list[str]:
    """Of the messages, with repetitions left out."""
    found = [message["type"] for message in messages]
    return [kind for i, kind in enumerate(found) if i == 0 or kind != found[i - 1]]


def words(messages: list[Message]) -> list[tuple[str, float, float]]:
    found: list[tuple[str, float, float]] = []
    for message in messages:
        if message["type"] == "timestamps":
            times = message["word_timestamps"]
            found += zip(times["words"], times["start"], times["end"], strict=True)
    return found


# --- HTTP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES)
def test_raw_audio_is_as_long_as_the_speech(server: Running, rate: int) -> None:
    sizes = {"pcm_s16le": 2, "pcm_f32le": 4, "pcm_mulaw": 1, "pcm_alaw": 1}
    answers = {
        encoding: ask(server, output_format={**PCM, "encoding": encoding, "sample_rate": rate})
        for encoding in sizes
    }
    pcm = samples(answers["pcm_s16le"].content)
    assert 2 < len(pcm) / rate < 8
    for encoding, size in sizes.items():
        assert len(answers[encoding].content) == size * len(pcm), encoding
    floats = np.frombuffer(answers["pcm_f32le"].content, "<f4")
    assert np.abs(floats - pcm).max() < 1e-4


@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f32le", "pcm_mulaw", "pcm_alaw"])
def test_wav(server: Running, encoding: str) -> None:
    pcm = samples(pcm_of(server, rate=44100))
    wanted = {"container": "wav", "encoding": encoding, "sample_rate": 44100}
    answer = ask(server, output_format=wanted)
    assert answer.headers["content-type"] == "audio/wav"
    ours = decoded(answer.content, 44100)
    assert len(ours) == len(pcm)
    assert np.abs(ours - pcm).max() < (0.04 if encoding[4:] in ("mulaw", "alaw") else 1e-4)


@pytest.mark.parametrize(("rate", "bits"), [(44100, 128000), (22050, 32000), (8000, 192000)])
def test_mp3(server: Running, rate: int, bits: int) -> None:
    pcm = samples(pcm_of(server, rate=rate))
    answer = ask(server, output_format={"container": "mp3", "sample_rate": rate, "bit_rate": bits})
    assert answer.headers["content-type"] == "audio/mpeg"
    ours = decoded(answer.content, rate)
    assert abs(len(ours) - len(pcm)) <= 1152
    assert np.abs(ours[:200]).max() < 0.05, "a click at the start"
    assert np.abs(ours[-200:]).max() < 0.05, "a click at the end"


def test_it_says_who_speaks_and_what_it_ignores(server: Running) -> None:
    answer = ask(
        server, language="en", save=False, add_phoneme_timestamps=True, normalization="auto",
        pronunciation_dict_id="mine", generation_config={"speed": 1.2, "emotion": "calm"},
    )  # fmt: skip
    headers = answer.headers
    assert headers["x-vibevoice-voice"] == "en-Heart_woman"
    assert headers["x-vibevoice-voice-asked"] == TESSA
    ignored = "add_phoneme_timestamps, pronunciation_dict_id, generation_config.emotion"
    assert headers["x-vibevoice-ignored"] == ignored


def test_speed(server: Running) -> None:
    slow, fast = (ask(server, speed=speed).content for speed in ("slow", "fast"))
    assert len(slow) > 1.2 * len(fast)
    assert ask(server, generation_config={"speed": 1.25}).content == fast


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        ({"transcript": None}, 400, "bad_parameter", "transcript: field required"),
        ({"transcript": "…"}, 400, "bad_parameter", "nothing that can be spoken"),
        ({"voice": "nobody"}, 404, "voice_not_found", "en-Heart_woman"),
        ({"voice": "0d5c1f1b-91ac-4c64-b679-ae501e7d6091"}, 404, "voice_not_found", "one of"),
        ({"voice": {"mode": "embedding"}}, 400, "bad_parameter", "voice.mode"),
        ({"language": "xx"}, 404, "voice_not_found", "speaks xx"),
        ({"language": "en", "locale": "en-GB"}, 400, "bad_parameter", "not both"),
        ({"output_format": None}, 400, "bad_parameter", '{"container": "wav"'),
        ({"output_format": {**PCM, "encoding": None}}, 400, "bad_parameter", "needs encoding"),
        ({"output_format": {**PCM, "sample_rate": 1}}, 400, "bad_parameter", "22050"),
        ({"generation_config": {"speed": 9}}, 400, "bad_parameter", "0.5 to 2"),
        ({"transcript": "a" * 600_000}, 413, "text_too_long", "at most"),
    ],
)
def test_what_is_wrong_is_said(
    server: Running, body: dict[str, object], status: int, code: str, said: str
) -> None:
    for path in ("bytes", "sse"):
        answer = ask(server, path, **body)
        told = answer.json()
        assert (answer.status_code, told["error_code"]) == (status, code)
        assert said in told["message"].replace("raw", "wav")
        assert told["title"]
        assert UUID(told["request_id"])


def test_events(server: Running) -> None:
    answer = ask(server, "sse", add_timestamps=True, context_id="a")
    assert answer.headers["content-type"].startswith("text/event-stream")
    messages = [json.loads(data) for data in re.findall(r"^data: (.*)$", answer.text, re.M)]
    assert audio(messages) == pcm_of(server)
    assert {m["context_id"] for m in messages} == {"a"}
    assert [word for word, _, _ in words(messages)] == TEXT.split()
    assert messages[-1]["type"] == "done"
    names = re.findall(r"^event: (.*)$", answer.text, re.M)
    assert names == [m["type"] for m in messages]
    wav = ask(server, "sse", output_format={**PCM, "container": "wav"})
    assert (wav.status_code, wav.json()["param"]) == (400, "output_format")


def test_voices(server: Running) -> None:
    page = httpx.get(f"{server.http}/voices?limit=100").json()
    assert ([voice["id"] for voice in page["data"]], page["has_more"]) == (
        ["en-Heart_woman"], False
    )  # fmt: skip
    voice = page["data"][0]
    assert (voice["language"], voice["gender"]) == ("en", "feminine")
    for query in ("q=nobody", "gender=masculine", "is_owner=true", "starting_after=en-Heart_woman"):
        assert httpx.get(f"{server.http}/voices?{query}").json()["data"] == [], query
    assert httpx.get(f"{server.http}/voices?q=heart").json()["data"] == [voice]
    wrong = httpx.get(f"{server.http}/voices?limit=0")
    assert (wrong.status_code, wrong.json()["param"]) == (400, "limit")
    assert httpx.get(f"{server.http}/voices/{TESSA}").json() == voice
    none = httpx.get(f"{server.http}/voices/nobody")
    assert (none.status_code, none.json()["error_code"]) == (404, "voice_not_found")


def test_pages_of_voices() -> None:
    with serving(*(ToneModel(voice=f"xx-{name}") for name in "ABC")) as running:
        pages, after = [], ""
        while True:
            query = f"limit=2{after}"
            page = httpx.get(f"{running.http}/voices?{query}").json()
            pages.append([voice["id"] for voice in page["data"]])
            if not page["has_more"]:
                break
            after = f"&starting_after={pages[-1][-1]}"
        assert pages == [["xx-A", "xx-B"], ["xx-C"]]
        before = httpx.get(f"{running.http}/voices?limit=1&ending_before=xx-C").json()
        assert ([voice["id"] for voice in before["data"]], before["has_more"]) == (["xx-B"], True)


# --- WebSockets -----------------------------------------------------------------------------------


async def test_one_message(server: Running) -> None:
    async with line(server) as ws:
        await say(ws, {"context_id": "a", "transcript": TEXT, "add_timestamps": True})
        messages = await heard(ws, "a")
    assert audio(messages) == pcm_of(server)
    assert {m["context_id"] for m in messages} == {"a"}
    assert messages[-1]["type"] == "done"
    assert [m["done"] for m in messages] == [False] * (len(messages) - 1) + [True]
    chunks = [m for m in messages if m["type"] == "chunk"]
    assert all(m["status_code"] == 206 and m["step_time"] >= 0 for m in chunks)
    assert len(base64.b64decode(chunks[0]["data"])) == 640, "the first frame goes alone"
    assert messages[0]["voice"] == "en-Heart_woman"
    assert messages[0]["voice_asked"] == TESSA
    said = words(messages)
    assert [word for word, _, _ in said] == TEXT.split()
    starts = [start for _, start, _ in said]
    assert starts == sorted(starts)
    assert all(start < end for _, start, end in said)
    assert said[-1][2] <= len(audio(messages)) / 32000


async def test_text_in_pieces_is_one_text(server: Running) -> None:
    async with line(server) as ws:
        pieces = [
            {"context_id": "a", "transcript": f"{word} ", "continue": True} for word in TEXT.split()
        ]
        await say(ws, *pieces, {"context_id": "a", "transcript": "", "continue": False})
        messages = await heard(ws, "a")
    assert kinds(messages) == ["chunk", "done"]
    assert audio(messages) == pcm_of(server, f"{TEXT} ")


@pytest.mark.parametrize("encoding", ["pcm_f32le", "pcm_mulaw", "pcm_alaw"])
async def test_encodings(server: Running, encoding: str) -> None:
    wanted = {"container": "raw", "encoding": encoding, "sample_rate": 22050}
    async with line(server) as ws:
        await say(ws, {"context_id": "a", "transcript": TEXT, "output_format": wanted})
        messages = await heard(ws, "a")
    assert audio(messages) == ask(server, output_format=wanted).content


async def test_flushes_are_answered_in_order(server: Running) -> None:
    parts = ("One two", "Three four", "Five six.")
    async with line(server) as ws:
        for part in parts:
            await say(ws, {"context_id": "a", "transcript": part, "continue": True, "flush": True})
        await say(ws, {"context_id": "a", "transcript": "", "add_timestamps": True})
        messages = await heard(ws, "a")
    assert kinds(messages) == ["chunk", "flush_done"] * 3 + ["done"]
    answered = [m["flush_id"] for m in messages if m["type"] == "flush_done"]
    assert answered == [1, 2, 3]
    chunks = [m for m in messages if m["type"] == "chunk"]
    for number, part in enumerate(parts, 1):
        length = len(audio([m for m in chunks if m["flush_id"] == number]))
        assert 0.4 < length / 32000 < 2, part
    assert {m["flush_id"] for m in chunks} == {1, 2, 3}


async def test_no_buffering_speaks_each_message_at_once(server: Running) -> None:
    async with line(server) as ws:
        await say(
            ws, {"context_id": "a", "transcript": "Half a", "continue": True,
                 "max_buffer_delay_ms": 0}
        )  # fmt: skip
        messages = []
        while not messages or messages[-1]["type"] != "flush_done":
            messages.append(json.loads(await asyncio.wait_for(ws.recv(), 30)))
        assert audio(messages)
        await say(ws, {"context_id": "a", "transcript": "", "continue": False})
        assert len(audio(await heard(ws, "a"))) / 32000 < 0.1, "what the filter of the rate held"


async def test_a_writer_who_hesitates(server: Running) -> None:
    async with line(server) as ws:
        await say(
            ws, {"context_id": "a", "transcript": "Half a sentence ", "continue": True,
                 "max_buffer_delay_ms": 100}
        )  # fmt: skip
        first = json.loads(await asyncio.wait_for(ws.recv(), 30))
        assert first["type"] == "chunk"


async def test_contexts_speak_beside_each_other(server: Running) -> None:
    texts = {"a": "This is the first.", "b": "And here a second one speaks."}
    async with line(server) as ws:
        await say(ws, *({"context_id": n, "transcript": text} for n, text in texts.items()))
        messages = await heard(ws, *texts)
    for name, text in texts.items():
        mine = [m for m in messages if m["context_id"] == name]
        assert audio(mine) == pcm_of(server, text)


async def test_a_text_without_a_context(server: Running) -> None:
    async with line(server) as ws:
        await say(ws, {"transcript": "Hello."})
        first = json.loads(await ws.recv())
        assert UUID(first["context_id"])
        await heard(ws, first["context_id"])


async def test_cancel_is_silence_at_once(server: Running) -> None:
    async with line(server) as ws:
        await say(ws, {"context_id": "a", "transcript": f"{TEXT} " * 100, "continue": True})
        await ws.recv()
        await say(ws, {"context_id": "a", "cancel": True}, {"context_id": "b", "transcript": "Hi."})
        messages = await heard(ws, "b")
        names = [m["context_id"] for m in messages]
        assert names == sorted(names), "nothing of the first after the second begins"
        assert not any(m["done"] for m in messages if m["context_id"] == "a")
        assert len(audio([m for m in messages if m["context_id"] == "a"])) / 32000 < 60
        # Its id may be used again, and a cancel of nothing is nothing.
        await say(ws, {"context_id": "x", "cancel": True}, {"context_id": "a", "transcript": "Hi."})
        assert audio(await heard(ws, "a")) == pcm_of(server, "Hi.")


async def test_an_end_that_comes_again_is_answered(server: Running) -> None:
    async with line(server) as ws:
        await say(ws, {"context_id": "a", "transcript": "Hi."})
        await heard(ws, "a")
        await say(ws, {"context_id": "a", "transcript": "", "continue": False})
        assert kinds(await heard(ws, "a")) == ["done"]
        await say(ws, {"context_id": "b", "transcript": "…"})
        assert kinds(await heard(ws, "b")) == ["done"], "nothing that can be spoken"


async def test_what_has_no_effect_is_said(server: Running) -> None:
    async with line(server) as ws:
        message = {"context_id": "a", "transcript": "Hi.", "add_phoneme_timestamps": True}
        await say(ws, {**message, "generation_config": {"emotion": "calm"}})
        first = (await heard(ws, "a"))[0]
    assert first["warnings"] == [
        "add_phoneme_timestamps has no effect here", "generation_config.emotion has no effect here"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "status", "code", "said"),
    [
        ("{", 400, "bad_parameter", "must be JSON objects"),
        (b"{}", 400, "bad_parameter", "a binary one came"),
        ({"context_id": ""}, 400, "bad_parameter", "1 to 256 characters"),
        ({"cancel": True}, 400, "bad_parameter", "context_id must be"),
        ({"context_id": "b", "transcript": 3}, 400, "bad_parameter", "transcript: "),
        ({"context_id": "b", "transcript": "Hi.", "voice": "nobody"}, 404, "voice_not_found", "en"),
        ({"context_id": "b", "transcript": "Hi.", "output_format": {**PCM, "container": "wav"}},
         400, "bad_parameter", '{"container": "raw"'),
        ({"context_id": "b", "transcript": "a" * 600_000}, 413, "text_too_long", "at most"),
        ({"context_id": "b", "transcript": "Hi.", "max_buffer_delay_ms": 9999},
         400, "bad_parameter", "max_buffer_delay_ms"),
    ],
)  # fmt: skip
async def test_a_mistake_ends_its_context_alone(
    server: Running, message: Message | str | bytes, status: int, code: str, said: str
) -> None:
    async with line(server) as ws:
        await say(ws, {"context_id": "a", "transcript": "This goes", "continue": True})
        if isinstance(message, dict):
            await say(ws, message)
        else:
            await ws.send(message)
        while (told := json.loads(await asyncio.wait_for(ws.recv(), 10)))["type"] != "error":
            pass
        name = message.get("context_id") or None if isinstance(message, dict) else None
        assert (told["context_id"], told["done"]) == (name, True)
        assert (told["status_code"], told["error_code"]) == (status, code)
        assert said in told["message"]
        assert told["title"]
        assert told["request_id"]
        await say(ws, {"context_id": "a", "transcript": " on.", "continue": False})
        assert audio(await heard(ws, "a")) == pcm_of(server, "This goes on.")


async def test_a_context_stays_what_it_was(server: Running) -> None:
    other = {**PCM, "sample_rate": 8000}
    async with line(server) as ws:
        await say(ws, {"context_id": "a", "transcript": "One", "continue": True})
        await say(ws, {"context_id": "a", "transcript": "two", "output_format": other})
        told = (await heard(ws, "a"))[-1]
        assert (told["type"], told["param"]) == ("error", "output_format")
        await say(
            ws, {"context_id": "b", "transcript": "One " * 50},
            {"context_id": "b", "transcript": "more"},
        )  # fmt: skip
        told = (await heard(ws, "b"))[-1]
        assert (told["type"], told["param"]) == ("error", "context_id")


async def test_contexts_are_bounded(server: Running) -> None:
    async with line(server) as ws:
        for i in range(21):
            await say(ws, {"context_id": str(i), "transcript": "Well", "continue": True})
        told = (await heard(ws, "20"))[-1]
        assert "20 contexts at once" in told["message"]


async def test_full(compact: HibariModel) -> None:
    with serving(compact, max_streams=1, lead=0.5) as tiny:
        async with line(tiny) as ws:
            await say(ws, {"context_id": "a", "transcript": "Hello there. " * 50})
            await ws.recv()
            full = await asyncio.to_thread(ask, tiny)
            assert (full.status_code, full.json()["error_code"]) == (503, "full")
            assert int(full.headers["retry-after"]) > 0
            await say(ws, {"context_id": "b", "transcript": "Hello."})
            told = (await heard(ws, "b"))[-1]
            assert (told["status_code"], told["error_code"]) == (503, "full")
            assert told["retry_after"] > 0


async def test_keys(tmp_path: Path) -> None:
    key = Key(name="anna", sha256=digest("secret"))
    (tmp_path / "keys.json").write_text(json.dumps([key.model_dump()]))
    with serving(ToneModel(), keys=str(tmp_path / "keys.json")) as running:
        none = await asyncio.to_thread(ask, running, voice="xx-Tone")
        assert (none.status_code, none.json()["error_code"]) == (401, "invalid_api_key")
        for query in ("api_key", "access_token"):
            async with connect(f"{running.ws}/tts/websocket?{query}=secret") as ws:
                await ws.ping()
        for known in ({"X-API-Key": "secret"}, {"Authorization": "Bearer secret"}):
            async with connect(f"{running.ws}/tts/websocket", additional_headers=known) as ws:
                await ws.ping()
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"{running.ws}/tts/websocket?api_key=wrong"):
                pass
        assert refused.value.response.status_code == 401


async def test_a_client_that_says_nothing(compact: HibariModel) -> None:
    with serving(compact, idle_timeout=0.3) as running:
        async with line(running) as ws:
            await asyncio.wait_for(ws.wait_closed(), 10)
        assert ws.close_code == 1000, "its clients connect again"
        async with line(running) as ws:
            await say(ws, {"context_id": "a", "transcript": "Well", "continue": True})
            told = (await heard(ws, "a"))[-1]
            assert (told["status_code"], told["error_code"]) == (408, "idle")
            await asyncio.wait_for(ws.wait_closed(), 10)


async def test_nobody_speaks_to_a_client_that_left(compact: HibariModel) -> None:
    with serving(compact, lead=0.5) as running:
        ws = await connect(f"{running.ws}/tts/websocket")
        long = "A sentence that is not short at all. " * 200
        await say(ws, {"context_id": "a", "transcript": long})
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
        async with line(running) as ws:
            await say(ws, {"context_id": "a", "transcript": "ab!", "voice": "xx-Tone"})
            messages = await heard(ws, "a")
            assert len(audio(messages)) == 1280, "what was made before is sent before"
            assert (messages[-1]["type"], messages[-1]["status_code"]) == ("error", 500)
            await say(ws, {"context_id": "b", "transcript": "ab", "voice": "xx-Tone"})
            assert kinds(await heard(ws, "b")) == ["chunk", "done"]
        events = ask(running, "sse", transcript="ab!", voice="xx-Tone").text
        assert events.split("event: ")[-1].startswith("error\n")
