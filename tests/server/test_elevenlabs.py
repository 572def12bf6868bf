"""ElevenLabs' interface on the wire; its own package is in tests/clients."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.hearing import decoded, samples
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from vibevoice_pro.config.keys import Key, digest
from vibevoice_pro.errors import Stopping
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.server.protocols.elevenlabs.alignment import Alignment
from vibevoice_pro.server.protocols.elevenlabs.codes import status_and_code
from vibevoice_pro.server.protocols.elevenlabs.output import OUTPUTS
from vibevoice_pro.speech.events import Mark

RACHEL = "21m00Tcm4TlvDq8ikWAM"
TEXT = "Hello there. This is spoken for a client that knows nothing of us."

Message = dict[str, Any]


def post(server: Running, tail: str = "", **body: object) -> httpx.Response:
    url = f"{server.http}/v1/text-to-speech/{tail if tail.startswith('nobody') else RACHEL + tail}"
    return httpx.post(url, json=body, timeout=60)


def url(server: Running, kind: str, query: str = "output_format=pcm_16000") -> str:
    return f"{server.ws}/v1/text-to-speech/{RACHEL}/{kind}?{query}"


async def say(ws: ClientConnection, *messages: Message) -> None:
    for message in messages:
        await ws.send(json.dumps(message))


async def heard(ws: ClientConnection) -> list[Message]:
    """All messages until the connection is closed."""
    messages = []
    with contextlib.suppress(ConnectionClosed):
        async for message in ws:
            messages.append(json.loads(message))
    return messages


def audio(messages: list[Message]) -> bytes:
    return b"".join(base64.b64decode(m["audio"]) for m in messages if m.get("audio"))


def chars(messages: list[Message]) -> str:
    return "".join("".join(m["alignment"]["chars"]) for m in messages if m.get("alignment"))


# --- times ----------------------------------------------------------------------------------------


def test_times_of_characters_join() -> None:
    alignment = Alignment(rate=500)  # a byte is a millisecond
    alignment.write("Hi, you")
    alignment.add(Mark((0, 3), (100, 400), exact=True))
    first = alignment.until(250)
    assert first is not None
    assert (first.chars, first.starts, first.end) == (["H", "i"], [100, 200], 300)
    assert alignment.until(1000) is None, "it is not known where the comma ends"
    alignment.add(Mark((4, 7), (700, 1000), exact=True))
    second = alignment.until(800)
    assert second is not None
    assert second.chars == [",", " ", "y"]
    assert (second.starts, second.ends) == ([300, 400, 700], [400, 700, 800])
    alignment.write("! ")
    last = alignment.close(1200, 8)
    assert last is not None
    assert (last.chars, last.starts, last.end) == (["o", "u", "!"], [800, 900, 1000], 1200)
    assert alignment.close(1200) is not None, "the space"
    assert alignment.close(1200) is None


# --- HTTP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in OUTPUTS if not n.startswith(("pcm", "ulaw", "alaw"))])
def test_each_format_is_as_long_as_the_speech(server: Running, name: str) -> None:
    rate = OUTPUTS[name].rate
    pcm = samples(post(server, f"/stream?output_format=pcm_{rate}", text=TEXT).content)
    answer = post(server, f"?output_format={name}", text=TEXT)
    assert answer.headers["content-type"] == OUTPUTS[name].format.media_type
    ours = decoded(answer.content, rate)
    assert abs(len(ours) - len(pcm)) <= 1152
    assert np.abs(ours[:200]).max() < 0.05, "a click at the start"
    assert np.abs(ours[-200:]).max() < 0.05, "a click at the end"


@pytest.mark.parametrize("name", ["ulaw_8000", "alaw_8000"])
def test_telephones(server: Running, name: str) -> None:
    pcm = post(server, "?output_format=pcm_8000", text=TEXT).content
    assert len(post(server, f"?output_format={name}", text=TEXT).content) == len(pcm) // 2


def test_it_says_who_speaks_and_what_it_ignores(server: Running) -> None:
    settings = {"stability": 0.5, "style": None, "speed": 4}
    answer = post(
        server, "?enable_logging=false", text="Hi.", model_id="eleven_v3", previous_text="So.",
        voice_settings=settings, apply_text_normalization="off",
    )  # fmt: skip
    headers = answer.headers
    assert headers["x-vibevoice-voice"] == "en-Heart_woman"
    assert headers["x-vibevoice-voice-asked"] == RACHEL
    ignored = "previous_text, apply_text_normalization, voice_settings.stability"
    assert headers["x-vibevoice-ignored"] == ignored
    assert headers["x-vibevoice-speed"] == "2"
    assert headers["request-id"]


@pytest.mark.parametrize(
    ("tail", "body", "status", "code", "said"),
    [
        ("", {}, 400, "invalid_parameters", "text: field required"),
        ("", {"text": "…"}, 400, "invalid_parameters", "nothing that can be spoken"),
        ("nobody", {"text": "Hi."}, 404, "voice_not_found", "en-Heart_woman"),
        ("?output_format=mp3", {"text": "Hi."}, 400, "invalid_parameters", "mp3_44100_128"),
        ("", {"text": "Hi.", "language_code": "xx"}, 404, "voice_not_found", "speaks xx"),
        ("", {"text": "Hi.", "seed": -1}, 400, "invalid_parameters", "seed must be"),
        ("", {"text": "Hi.", "voice_settings": {"speed": 9}}, 400, "invalid_parameters", "4"),
        ("/with-timestamps", {"text": "a" * 10_001}, 400, "max_character_limit_exceeded", "stream"),
    ],
)
def test_what_is_wrong_is_said(
    server: Running, tail: str, body: dict[str, object], status: int, code: str, said: str
) -> None:
    answer = post(server, tail, **body)
    assert answer.status_code == status
    assert answer.json()["detail"]["status"] == code
    assert said in answer.json()["detail"]["message"]


def test_a_balancer_asks_another_server_while_this_one_stops() -> None:
    assert status_and_code(Stopping()) == (503, "system_busy")


async def test_full(compact: HibariModel) -> None:
    with serving(compact, max_streams=1, lead=0.5) as tiny:
        async with connect(url(tiny, "multi-stream-input")) as ws:
            await say(ws, {"text": "Hello there. " * 50, "context_id": "a", "flush": True})
            assert json.loads(await ws.recv())["contextId"] == "a"
            full = await asyncio.to_thread(post, tiny, text="Hello.")
            assert (full.status_code, full.json()["detail"]["status"]) == (429, "system_busy")
            assert int(full.headers["retry-after"]) > 0
            await say(ws, {"text": "Hello.", "context_id": "b"})
            while (told := json.loads(await ws.recv()))["contextId"] == "a":
                pass
            assert (told["error"], told["isFinal"]) == ("system_busy", True)
            assert told["retry_after"] > 0


def test_lists(server: Running) -> None:
    listed = httpx.get(f"{server.http}/v1/voices").json()["voices"]
    assert [voice["voice_id"] for voice in listed] == ["en-Heart_woman"]
    assert listed[0]["labels"] == {"language": "en-US", "gender": "female"}
    page = httpx.get(f"{server.http}/v2/voices?search=nobody").json()
    assert (page["voices"], page["has_more"], page["total_count"]) == ([], False, 0)
    none = httpx.get(f"{server.http}/v1/voices/nobody")
    assert (none.status_code, none.json()["detail"]["status"]) == (404, "voice_not_found")
    ours = httpx.get(f"{server.http}/v1/models", headers={"xi-api-key": "any"}).json()
    openai = httpx.get(f"{server.http}/v1/models").json()
    assert [model["model_id"] for model in ours] == [model["id"] for model in openai["data"]]


def test_an_account_counts_its_characters(tmp_path: Path) -> None:
    key = Key(name="anna", sha256=digest("secret"), characters_per_day=1000)
    (tmp_path / "keys.json").write_text(json.dumps([key.model_dump()]))
    with serving(ToneModel(), keys=str(tmp_path / "keys.json")) as running:
        none = httpx.get(f"{running.http}/v1/user")
        assert (none.status_code, none.json()["detail"]["status"]) == (401, "invalid_api_key")
        with httpx.Client(base_url=running.http, headers={"xi-api-key": "secret"}) as client:
            client.post("/v1/text-to-speech/xx-Tone", json={"text": "Hello."}).raise_for_status()
            account = client.get("/v1/user").json()
            assert account["user_id"] == "anna"
            subscription = account["subscription"]
            assert (subscription["character_count"], subscription["character_limit"]) == (6, 1000)
            over = client.post("/v1/text-to-speech/xx-Tone", json={"text": "a" * 1001})
            assert over.json()["detail"]["status"] == "too_many_concurrent_requests"
            assert client.get("/v1/models").json()[0]["model_id"] == "tone"


# --- WebSockets -----------------------------------------------------------------------------------


async def test_one_text_in_pieces(server: Running) -> None:
    async with connect(url(server, "stream-input")) as ws:
        await say(ws, {"text": " "}, *({"text": f"{word} "} for word in TEXT.split()), {"text": ""})
        messages = await heard(ws)
    assert ws.close_code == 1000
    assert messages[-1] == {"audio": None, "isFinal": True}
    assert chars(messages) == f"{TEXT} "
    assert audio(messages) == post(server, "/stream?output_format=pcm_16000", text=TEXT).content
    sizes = [len(audio([m])) for m in messages if m.get("audio")]
    assert sizes[0] == 640, "the first frame goes alone"
    assert sizes[1] == 6400, "those that follow together"
    alignments = [m["alignment"] for m in messages if m.get("alignment")]
    assert all(a["charStartTimesMs"][0] == 0 for a in alignments[1:]), "each begins anew"
    spans = sum(a["charStartTimesMs"][-1] + a["charDurationsMs"][-1] for a in alignments)
    assert spans == round(len(audio(messages)) / 32), "together they are as long as the audio"


async def test_times_of_the_whole_context(server: Running) -> None:
    query = "output_format=pcm_16000&sync_alignment=true"
    async with connect(url(server, "stream-input", query)) as ws:
        await say(ws, {"text": "Hello there. ", "flush": True}, {"text": "Goodbye."}, {"text": ""})
        messages = await heard(ws)
    starts = [t for m in messages if m.get("alignment") for t in m["alignment"]["charStartTimesMs"]]
    assert starts == sorted(starts)
    assert starts[-1] > 1000


async def test_contexts(server: Running) -> None:
    async with connect(url(server, "multi-stream-input")) as ws:
        for name in ("a", "b"):
            await say(ws, {"text": " ", "context_id": name})
            await say(ws, {"text": f"This is {name}.", "context_id": name, "flush": True})
            await say(ws, {"context_id": name, "close_context": True})
        await say(ws, {"text": ""}, {"text": "", "context_id": "c"}, {"close_socket": True})
        messages = await heard(ws)
    assert ws.close_code == 1000
    for name in ("a", "b"):
        own = [m for m in messages if m["contextId"] == name]
        assert all(m["context_id"] == name for m in own)
        assert chars(own) == f"This is {name}. "
        assert own[-1]["isFinal"] is True
    assert {m["contextId"] for m in messages} == {"a", "b"}, "what keeps alive opens nothing"


async def test_each_phrase_is_spoken_at_once(server: Running) -> None:
    query = "output_format=pcm_16000&auto_mode=true"
    async with connect(url(server, "multi-stream-input", query)) as ws:
        await say(ws, {"text": "Hello", "context_id": "a"})
        messages: list[Message] = []
        while chars(messages) != "Hello ":
            messages.append(json.loads(await asyncio.wait_for(ws.recv(), 10)))


@pytest.mark.parametrize("flushed", [False, True])
async def test_an_interruption_is_silent_at_once(compact: HibariModel, flushed: bool) -> None:
    with serving(compact, lead=0.5) as running:
        async with connect(url(running, "multi-stream-input")) as ws:
            await say(ws, {"text": "A sentence that is not short. " * 50, "context_id": "a"})
            close = {"context_id": "a", "close_context": True}
            if flushed:  # all was written, and the client waits for the end
                await say(ws, {"context_id": "a", "flush": True}, close)
            await ws.recv()
            await say(ws, close)
            while not (told := json.loads(await asyncio.wait_for(ws.recv(), 5))).get("isFinal"):
                assert told["contextId"] == "a"
            assert not running.service.sessions.speaking
            await say(ws, {"text": "Next.", "context_id": "b"}, {"close_socket": True})
            assert {m["contextId"] for m in await heard(ws)} == {"b"}


async def test_marks_are_obeyed_and_not_read_aloud(server: Running) -> None:
    marked, plain = 'Good morning. <break time="1s"/> Good night.', "Good morning. Good night."
    lengths = {}
    for parsing in ("true", "false"):
        async with connect(
            url(server, "stream-input", f"output_format=pcm_16000&enable_ssml_parsing={parsing}")
        ) as ws:
            await say(ws, {"text": (marked if parsing == "true" else plain) + " "}, {"text": ""})
            lengths[parsing] = len(audio(await heard(ws))) / 32000
    assert 0.4 < lengths["true"] - lengths["false"] < 1.1
    answer = await asyncio.to_thread(post, server, "?output_format=pcm_16000", text=marked)
    assert len(answer.content) / 32000 == pytest.approx(lengths["true"], abs=0.05)


async def test_what_is_ignored_is_said(server: Running) -> None:
    query = "output_format=pcm_16000&previous_text=Ho&model_id=eleven_flash_v2_5"
    async with connect(url(server, "stream-input", query)) as ws:
        await say(ws, {"text": "Hi. ", "voice_settings": {"stability": 1}}, {"text": ""})
        warnings = [m["warning"] for m in await heard(ws) if "warning" in m]
    assert "previous_text" in warnings[0]
    assert "voice_settings.stability" in warnings[1]


@pytest.mark.parametrize(
    ("kind", "query", "sent", "error", "said"),
    [
        ("stream-input", "output_format=wav", [], "invalid_parameters", "pcm_16000"),
        ("stream-input", "inactivity_timeout=900", [], "invalid_parameters", "180"),
        ("stream-input", "language_code=xx", [], "voice_not_found", "speaks xx"),
        ("stream-input", "seed=x", [], "invalid_parameters", "seed"),
        ("multi-stream-input", "", ["{"], "invalid_parameters", "JSON"),
        ("multi-stream-input", "", ["[]"], "invalid_parameters", "JSON"),
        ("multi-stream-input", "", [b"\0"], "invalid_parameters", "binary"),
        ("multi-stream-input", "", ['{"text": 7}'], "invalid_parameters", "string"),
        ("multi-stream-input", "", ['{"context_id": "%s"}' % ("x" * 129)],
         "invalid_parameters", "128"),
    ],
)  # fmt: skip
async def test_a_mistake_closes_the_connection(
    server: Running, kind: str, query: str, sent: list[str | bytes], error: str, said: str
) -> None:
    async with connect(url(server, kind, query)) as ws:
        for message in sent:
            await ws.send(message)
        told = (await heard(ws))[-1]
    assert (told["error"], told["code"], ws.close_code) == (error, 1008, 1008)
    assert said in told["message"]


async def test_a_mistake_in_a_context_ends_it_alone(server: Running) -> None:
    async with connect(url(server, "multi-stream-input")) as ws:
        await say(ws, {"text": "This goes on.", "context_id": "a"})
        await say(ws, {"text": "x", "context_id": "b", "voice_settings": {"speed": 1}})
        await say(ws, {"text": "x" * 600_000, "context_id": "b"}, {"close_socket": True})
        messages = await heard(ws)
    wrong = [m for m in messages if m["contextId"] == "b"][-1]
    assert (wrong["error"], wrong["isFinal"]) == ("max_character_limit_exceeded", True)
    assert chars([m for m in messages if m["contextId"] == "a"]) == "This goes on. "


async def test_contexts_are_bounded(server: Running) -> None:
    async with connect(url(server, "multi-stream-input")) as ws:
        for i in range(11):
            await say(ws, {"text": "Well", "context_id": str(i)})
        told = {"contextId": ""}
        while told["contextId"] != "10":
            told = json.loads(await asyncio.wait_for(ws.recv(), 10))
        assert "10 contexts at once" in told["message"]


async def test_a_client_that_says_nothing(server: Running) -> None:
    async with connect(url(server, "multi-stream-input", "inactivity_timeout=0.2")) as ws:
        assert await asyncio.wait_for(heard(ws), 10) == []
    assert ws.close_code == 1000
    async with connect(url(server, "multi-stream-input", "inactivity_timeout=0.2")) as ws:
        await say(ws, {"text": "Well", "context_id": "a"})
        told = (await asyncio.wait_for(heard(ws), 20))[-1]
    assert (told["error"], ws.close_code) == ("input_timeout_exceeded", 1008)


async def test_nobody_speaks_to_a_client_that_left(compact: HibariModel) -> None:
    with serving(compact, lead=0.5) as running:
        ws = await connect(url(running, "multi-stream-input"))
        await say(ws, {"text": "A sentence that is not short at all. " * 200, "context_id": "a"})
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
        where = f"{running.ws}/v1/text-to-speech/xx-Tone/stream-input?output_format=pcm_16000"
        async with connect(where) as ws:
            await say(ws, {"text": "ab!"}, {"text": ""})
            messages = await heard(ws)
    told = messages[-1]
    assert len(audio(messages)) == 1280, "what was made before is sent before"
    assert (told["error"], ws.close_code) == ("internal_server_error", 1008)
