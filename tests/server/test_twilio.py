"""Twilio Media Streams, with the messages that Twilio's documentation prints.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.hearing import decoded, word_errors
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from vibevoice_pro.audio.formats import FORMATS
from vibevoice_pro.config.keys import Key, digest, new_secret, write_keys
from vibevoice_pro.server import flushes
from vibevoice_pro.server.protocols.twilio import connection

SID = "MZ18ad3ab5a668481ce02b83e7395059f0"
CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
START: dict[str, Any] = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "AC0123456789abcdef0123456789abcdef",
        "streamSid": SID,
        "callSid": "CA0123456789abcdef0123456789abcdef",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"FirstName": "Jane", "LastName": "Doe"},
    },
    "streamSid": SID,
}
MEDIA = {
    "event": "media",
    "sequenceNumber": "3",
    "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": "no+JhoaJjpzS"},
    "streamSid": SID,
}
DTMF = {
    "event": "dtmf",
    "streamSid": SID,
    "sequenceNumber": "5",
    "dtmf": {"track": "inbound_track", "digit": "1"},
}
STOP = {
    "event": "stop",
    "sequenceNumber": "5",
    "streamSid": SID,
    "stop": {"accountSid": START["start"]["accountSid"], "callSid": START["start"]["callSid"]},
}

PARAGRAPH = (
    "Your appointment is on Monday at three o'clock in the afternoon. "
    "If you want to change it, please stay on the line, and somebody will be with you soon."
)


def tone_model() -> ToneModel:
    return ToneModel(rate=8000)  # nothing is held back to be resampled


@pytest.fixture(scope="module")
def tone() -> Iterator[Running]:
    with serving(tone_model()) as running:
        yield running


class Call:
    """Twilio's side of a call: it plays what it is sent as fast as it comes."""

    def __init__(self, ws: ClientConnection) -> None:
        self.ws = ws

    async def say(self, message: dict[str, Any]) -> None:
        await self.ws.send(json.dumps(message))

    async def start(self, **parameters: str) -> None:
        await self.say(CONNECTED)
        start = {**START["start"]}
        start["customParameters"] = {**start["customParameters"], **parameters}
        await self.say({**START, "start": start})

    async def speak(self, text: str = "", mark: str | None = None) -> None:
        await self.say({"event": "speak", "text": text, **({"mark": mark} if mark else {})})

    async def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.ws.recv(), 20))
        assert message["streamSid"] == SID
        return message

    async def hear_until(self, mark: str) -> list[dict[str, Any]]:
        heard = [await self.hear()]
        while heard[-1].get("mark") != {"name": mark}:
            heard.append(await self.hear())
        return heard

    async def played(self, name: str) -> None:
        """What was sent before a mark has been heard."""
        await self.say(
            {"event": "mark", "sequenceNumber": "4", "streamSid": SID, "mark": {"name": name}}
        )

    async def closed(self) -> tuple[int | None, str | None]:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.wait_for(self.ws.recv(), 20)
        return self.ws.close_code, self.ws.close_reason


@contextlib.asynccontextmanager
async def calling(server: Running) -> AsyncIterator[Call]:
    async with connect(f"{server.ws}/twilio") as ws:
        yield Call(ws)


def frames(heard: list[dict[str, Any]]) -> list[bytes]:
    return [base64.b64decode(m["media"]["payload"]) for m in heard if m["event"] == "media"]


def wave(heard: list[dict[str, Any]]) -> np.ndarray:
    """Samples at 8 kHz, decoded by FFmpeg."""
    return _decoded(b"".join(frames(heard)))


def _decoded(ulaw: bytes) -> np.ndarray:
    header = b".snd" + b"".join(n.to_bytes(4, "big") for n in (24, len(ulaw), 1, 8000, 1))
    return decoded(header + ulaw, 8000)  # a Sun .au file


async def test_a_text_in_the_stream_element(server: Running) -> None:
    async with calling(server) as call:
        await call.start(text=PARAGRAPH, voice="en-Heart_woman")
        heard = await call.hear_until("end")
        assert {len(frame) for frame in frames(heard)} == {160}, "20 ms each"
        assert {message["event"] for message in heard[:-1]} == {"media"}
        await call.say(MEDIA)  # the caller says something
        await call.played("end")
        assert await call.closed() == (1000, "")
    sound = wave(heard)
    assert word_errors(sound, PARAGRAPH, 8000) <= 0.05
    assert np.abs(sound[:80]).max() < 0.02, "a click at the start"
    assert np.abs(sound[-80:]).max() < 0.02, "a click at the end"


async def test_turns_that_a_program_relays(server: Running) -> None:
    said = ("Good morning, you are speaking with the front desk. ", "How can I help you today?")
    async with calling(server) as call:
        await call.start()
        await call.speak(said[0])
        await call.speak(said[1], mark="first turn")
        first = await call.hear_until("first turn")
        for message in (MEDIA, DTMF, CONNECTED):
            await call.say(message)
        await call.played("first turn")
        await call.speak("Thank you. Goodbye.", mark="second turn")
        second = await call.hear_until("second turn")
        await call.speak(mark="nothing more")  # all has been heard: it comes back now
        assert [m["event"] for m in await call.hear_until("nothing more")] == ["mark"]
        await call.say(STOP)
        assert (await call.closed())[0] == 1000
    assert word_errors(wave(first), "".join(said), 8000) <= 0.05
    assert word_errors(wave(second), "Thank you. Goodbye.", 8000) <= 0.05
    assert not server.service.sessions.speaking


async def test_it_is_the_same_sound_as_everywhere(server: Running) -> None:
    async with calling(server) as call:
        await call.start(text=PARAGRAPH)
        sound = wave(await call.hear_until("end"))
    async with connect(f"{server.ws}/stream?rate=8000&text={quote(PARAGRAPH)}") as ws:
        pcm = b"".join([m async for m in ws if isinstance(m, bytes)])
    encoder = FORMATS["ulaw"].encoder(8000)
    ours = _decoded(encoder.add(pcm) + encoder.end())
    assert np.array_equal(sound, ours)


async def test_a_caller_who_interrupts() -> None:
    with serving(tone_model(), lead=0.5) as running:
        async with calling(running) as call:
            await call.start()
            await call.speak("One two three. " * 20, mark="never heard")
            await call.hear()
            await call.say({"event": "clear", "streamSid": SID})
            heard = [await call.hear()]
            while heard[-1]["event"] != "clear":
                heard.append(await call.hear())
            assert heard[-2]["mark"] == {"name": "never heard"}, "as Twilio's own clear does it"
            await call.speak("Yes.", mark="answer")
            # Nothing of what was forgotten comes after it.
            assert len(frames(await call.hear_until("answer"))) == len("Yes.")


async def test_an_interruption_of_nothing_or_of_a_whole_text() -> None:
    with serving(tone_model(), lead=0.5) as running:
        async with calling(running) as call:
            await call.start()
            for _ in range(2):
                await call.say({"event": "clear", "streamSid": SID})
                assert (await call.hear())["event"] == "clear"
            await call.speak("Yes.", mark="answer")
            assert len(frames(await call.hear_until("answer"))) == len("Yes.")
        async with calling(running) as call:
            await call.start(text="One two three. " * 20)
            await call.hear()
            await call.say({"event": "clear", "streamSid": SID})
            assert len(frames(await call.hear_until("end"))) < 100
            await call.played("end")
            assert await call.closed() == (1000, "")


async def test_each_mark_comes_after_its_own_text(tone: Running) -> None:
    texts = ("One. ", "Two three. ", "…", "Four. ")
    async with calling(tone) as call:
        await call.start()
        for number, text in enumerate(texts):
            await call.speak(text, mark=str(number))
        heard = await call.hear_until("3")
        assert [m["mark"]["name"] for m in heard if m["event"] == "mark"] == ["0", "1", "2", "3"]
        before, at = [], 0
        for message in heard:
            at += message["event"] == "media"
            if message["event"] == "mark":
                before.append(at)
    assert before[0] < before[1] <= before[2] < before[3]


@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [
        (["hello"], 1008, "JSON objects like"),
        ([b"\xff\x00"], 1008, "a binary one came"),
        (["[" * 50_000], 1008, "JSON objects"),
        (["7"], 1008, "JSON objects"),
        (['{"event": 7}'], 1008, "JSON objects"),
        ([CONNECTED, MEDIA], 1008, "begins with connected and start; got media"),
        ([{"event": "start"}], 1008, "start: field required"),
        ([{"event": "start", "start": {"streamSid": ""}}], 1008, "start.streamSid"),
        (
            [{"event": "start", "start": {"streamSid": SID, "mediaFormat": {"sampleRate": 16000}}}],
            1008,
            "mediaFormat must be audio/x-mulaw, 8000 Hz",
        ),
        (
            [{"event": "start", "start": {"streamSid": SID, "customParameters": {"speed": "x"}}}],
            1008,
            "speed",
        ),
        (
            [{"event": "start", "start": {"streamSid": SID, "customParameters": {"speed": "9"}}}],
            1008,
            "speed must be a number from 0.5 to 2",
        ),
        (
            [{"event": "start", "start": {"streamSid": SID, "customParameters": {"voice": "you"}}}],
            1008,
            "you",
        ),
        (
            [{"event": "start", "start": {"streamSid": SID, "customParameters": {"text": ""}}}],
            1008,
            "nothing that can be spoken",
        ),
        ([START, {"event": "speak", "text": 7}], 1008, "text"),
        ([START, {"event": "speak", "mark": "m" * 300}], 1008, "mark"),
        ([START, {"event": "mark"}], 1008, "mark"),
        ([START, "nonsense"], 1008, "JSON objects"),
    ],
)
async def test_what_is_wrong_is_said(tone: Running, sent: list[Any], code: int, said: str) -> None:
    async with calling(tone) as call:
        for message in sent:
            raw = message if isinstance(message, str | bytes) else json.dumps(message)
            await call.ws.send(raw)
        closed = await call.closed()
    assert closed[0] == code
    assert said in (closed[1] or "")
    # The next one is not touched.
    async with calling(tone) as call:
        await call.start(text="Hi.")
        await call.hear_until("end")


async def test_text_after_the_whole_text(tone: Running) -> None:
    async with calling(tone) as call:
        await call.start(text="One. ")
        await call.speak("Two. ")
        code, said = await call.closed()
    assert code == 1008
    assert "after the end of the text" in (said or "")


async def test_more_text_than_may_wait() -> None:
    with serving(tone_model(), max_text=100, lead=0.5) as running:
        async with calling(running) as call:
            await call.start()
            await call.speak("One two three. " * 20)
            assert (await call.closed())[0] == 1009


async def test_more_marks_than_may_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flushes, "MOST", 3)
    with serving(tone_model(), lead=0.5) as running:
        async with calling(running) as call:
            await call.start()
            for number in range(5):
                await call.speak("One two three. " * 5, mark=str(number))
            code, said = await call.closed()
    assert code == 1008
    assert "at most 3 flushes may wait" in (said or "")


async def test_a_call_that_does_not_begin(monkeypatch: pytest.MonkeyPatch, tone: Running) -> None:
    monkeypatch.setattr(connection, "START_S", 0.2)
    async with calling(tone) as call:
        await call.say(CONNECTED)
        assert await call.closed() == (1008, "no start came within 0.2 s")


async def test_a_call_in_which_nothing_is_said() -> None:
    with serving(tone_model(), idle_timeout=0.3) as running:
        async with calling(running) as call:
            await call.start()
            code, said = await call.closed()
    assert code == 1008
    assert "nothing was written or spoken" in (said or "")


async def test_a_last_mark_that_never_returns(
    monkeypatch: pytest.MonkeyPatch, tone: Running
) -> None:
    monkeypatch.setattr(connection, "_SLACK_S", 0.2)
    async with calling(tone) as call:
        await call.start(text="Hi.")
        await call.hear_until("end")
        assert await call.closed() == (1000, "")


async def test_nobody_speaks_to_a_caller_who_hung_up(server: Running) -> None:
    for last in (STOP, None):
        async with calling(server) as call:
            await call.start()
            await call.speak("A sentence that is not short at all. " * 1000)
            await call.hear()
            if last:
                await call.say(last)
                await call.closed()
            else:
                call.ws.transport.abort()
        for _ in range(200):
            if not server.service.sessions.speaking:
                break
            await asyncio.sleep(0.05)
        assert not server.service.sessions.speaking
        assert server.service.healthy


async def test_a_full_server_says_so() -> None:
    with serving(tone_model(), max_streams=1) as running:
        async with calling(running) as first, calling(running) as second:
            await first.start()
            await first.speak("One. ")
            await first.hear()
            await second.start(text="Two.")
            assert (await second.closed())[0] == 1013
            running.service.draining = True
            async with calling(running) as third:
                await third.start(text="Three.")
                assert (await third.closed())[0] == 1012


async def test_a_model_that_fails_in_the_midst(tone: Running) -> None:
    async with calling(tone) as call:
        await call.start(text="One two. Three!")
        assert (await call.closed())[0] == 1011


async def test_the_key_comes_in_a_header_or_with_the_call(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    secret = new_secret()
    write_keys(path, [Key(name="phone", sha256=digest(secret), streams=1)])
    with serving(tone_model(), keys=str(path)) as running:
        async with calling(running) as call:
            await call.start(text="Hi.")
            assert await call.closed() == (1008, "this server needs an API key")
        async with calling(running) as call:
            await call.start(text="Hi.", api_key="wrong")
            assert await call.closed() == (1008, "there is no such API key")
        async with calling(running) as call:
            await call.start(text="Hi.", api_key=secret)
            await call.hear_until("end")
        headers = {"Authorization": f"Bearer {secret}"}
        async with connect(f"{running.ws}/twilio", additional_headers=headers) as ws:
            call = Call(ws)
            await call.start(text="Hi.")
            await call.hear_until("end")
        # It does not open other doors.
        async with httpx.AsyncClient(base_url=running.http) as other:
            assert (await other.get("/api/voices")).status_code == 401
        with pytest.raises(InvalidStatus, match="401"):
            await connect(f"{running.ws}/twilio?api_key=wrong")
