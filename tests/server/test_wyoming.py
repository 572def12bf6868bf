"""Wyoming on the wire; its own package is in tests/clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.processes import Served, free_port
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.server.protocols.wyoming import discovery, messages
from vibevoice_pro.server.protocols.wyoming import server as wyoming_server

TEXT = "Hello there. This is spoken in a house."
LONGER = "There is somebody at the front door of the house. It is the postman with a parcel."


@pytest.fixture(scope="module")
def home(compact: HibariModel) -> Iterator[Running]:
    with serving(compact, wyoming_port=free_port()) as running:
        yield running


class Peer:
    """Somebody who speaks Wyoming, by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, kind: str, **data: object) -> None:
        """Send an event, all of it in its first line."""
        self.writer.write(json.dumps({"type": kind, "data": data}).encode() + b"\n")
        await self.writer.drain()

    async def hear(self) -> tuple[str, dict[str, Any], bytes]:
        """The next event."""
        header = json.loads(await self.reader.readuntil(b"\n"))
        data = json.loads(await self.reader.readexactly(header.get("data_length", 0)) or b"{}")
        return header["type"], data, await self.reader.readexactly(header.get("payload_length", 0))

    async def hear_until(self, kind: str) -> list[tuple[str, dict[str, Any], bytes]]:
        heard = [await self.hear()]
        while heard[-1][0] != kind:
            heard.append(await self.hear())
        return heard


@contextlib.asynccontextmanager
async def connected(server: Running | int) -> AsyncIterator[Peer]:
    """Connected to a server, or to a port."""
    port = server if isinstance(server, int) else server.service.settings.wyoming_port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()


async def refused(server: Running, *raw: bytes) -> dict[str, Any]:
    """What is said to somebody who sends this; the connection ends with it."""
    async with connected(server) as peer:
        peer.writer.writelines(raw)
        kind, data, _ = (await peer.hear_until("error"))[-1]
        assert kind == "error"
        assert await peer.reader.read() == b""
        return data


def line(kind: str, **data: object) -> bytes:
    return json.dumps({"type": kind, "data": data}).encode() + b"\n"


async def test_it_tells_what_it_is(home: Running) -> None:
    async with connected(home) as peer:
        await peer.say("describe")
        kind, info, _ = await peer.hear()
        assert kind == "info"
        (program,) = info["tts"]
        assert program["supports_synthesize_streaming"] is True
        voices = {voice["name"]: voice["languages"] for voice in program["voices"]}
        assert voices["en-Heart_woman"] == ["en-US"]
        assert program["voices"][0]["description"].startswith("en-Heart_woman, ")
        assert set(voices) == set(home.service.catalog.entries)
        await peer.say("ping", text="there?")
        assert await peer.hear() == ("pong", {"text": "there?"}, b"")


async def test_a_whole_text(home: Running) -> None:
    async with connected(home) as peer:
        await peer.say("synthesize", text=TEXT, voice={"name": "en-Heart_woman"})
        heard = await peer.hear_until("audio-stop")
        kinds = [kind for kind, _, _ in heard]
        assert kinds[0] == "audio-start"
        assert set(kinds[1:-1]) == {"audio-chunk"}
        format_ = {"rate": 24_000, "width": 2, "channels": 1}
        assert heard[0][1] == {**format_, "timestamp": 0}
        assert {len(pcm) for _, _, pcm in heard[1:-1]} == {960}
        times = [data["timestamp"] for _, data, _ in heard[1:]]
        assert times == [*range(0, 20 * len(times), 20)]
        # The next one on the same connection: the same voice, chosen by its language.
        await peer.say("synthesize", text=TEXT, voice={"language": "en"})
        assert await peer.hear_until("audio-stop") == heard


async def test_a_stream_sounds_as_the_whole(home: Running) -> None:
    async with connected(home) as peer:
        await peer.say("synthesize", text=LONGER)
        whole = b"".join(pcm for _, _, pcm in await peer.hear_until("audio-stop"))
        await peer.say("synthesize-start")
        for piece in (LONGER[:9], LONGER[9:70]):
            await peer.say("synthesize-chunk", text=piece)
        # Spoken while more is to come.
        assert (await peer.hear())[0] == "audio-start"
        await peer.say("synthesize-chunk", text=LONGER[70:])
        await peer.say("synthesize", text=LONGER)  # once more, for servers that cannot stream
        await peer.say("ping")
        await peer.say("synthesize-stop")
        heard = await peer.hear_until("synthesize-stopped")
        kinds = [kind for kind, _, _ in heard]
        assert kinds.count("audio-stop") == kinds.count("pong") == 1
        assert kinds[-2] == "audio-stop"
        assert b"".join(pcm for _, _, pcm in heard) == whole


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ([b"GET / HTTP/1.1\r\n"], "line of JSON"),
        ([b"\n"], "line of JSON"),
        ([b"[" * 50_000 + b"\n"], "line of JSON"),
        ([b"a" * 70_000], "65,536 bytes"),
        ([b'{"type": "synthesize", "data_length": 9000000000}\n'], "data_length"),
        ([b'{"type": "synthesize", "data_length": -1}\n'], "data_length"),
        ([b'{"type": "synthesize", "data_length": true}\n'], "data_length"),
        ([b'{"type": "audio-chunk", "payload_length": 2000000}\n'], "1,048,576"),
        ([b'{"type": "synthesize", "data_length": 2}\n[]'], "line of JSON"),
        ([b'{"type": "synthesize", "data": 7}\n'], "data must be"),
        ([b'{"type": 7}\n'], "line of JSON"),
        ([line("synthesize")], "needs text"),
        ([line("synthesize", text=7)], "text: input should be a valid string"),
        ([line("synthesize", text="…")], "nothing that can be spoken"),
        ([line("synthesize", text="Hi.", voice={"name": "nobody"})], "en-Heart_woman"),
        ([line("synthesize", text="Hi.", voice={"language": "xx"})], "language must be"),
        (
            [line("synthesize", text="Hi.", text_format="html")],
            "text_format: input should be 'text' or 'ssml'",
        ),
        (
            [line("synthesize", text="Hi.", voice={"name": "en-Heart_woman", "speaker": "2"})],
            "one speaker",
        ),
        ([line("synthesize-chunk", text="Hi.")], "without synthesize-start"),
        ([line("synthesize-stop")], "without synthesize-start"),
        ([line("synthesize-start"), line("synthesize-start")], "before the last"),
        ([line("synthesize-start"), line("synthesize-stop")], "nothing that can be spoken"),
    ],
)
async def test_what_is_wrong_is_said(home: Running, sent: list[bytes], said: str) -> None:
    told = await refused(home, *sent)
    assert said in told["text"]
    assert told["code"] == "bad_parameter"
    # The next one is not touched.
    async with connected(home) as peer:
        await peer.say("ping")
        assert (await peer.hear())[0] == "pong"


async def test_an_error_arrives_though_more_was_sent(home: Running) -> None:
    rest = [line("synthesize-chunk", text="More text. " * 1000)] * 20
    told = await refused(home, line("synthesize-start", voice={"name": "nobody"}), *rest)
    assert "nobody" in told["text"]


async def test_what_is_not_known_is_ignored(home: Running) -> None:
    async with connected(home) as peer:
        await peer.say("select-program", name="VibeVoice Pro")
        peer.writer.write(b'{"type": "audio-chunk", "payload_length": 4}\n\0\0\0\0')
        await peer.say("ping")
        assert (await peer.hear())[0] == "pong"


async def test_nobody_speaks_to_a_client_that_left(home: Running) -> None:
    text = "A sentence that is not short at all. " * 1000
    for kinds in (["synthesize"], ["synthesize-start", "synthesize-chunk"]):
        async with connected(home) as peer:
            for kind in kinds:
                await peer.say(kind, **({} if kind.endswith("start") else {"text": text}))
            await peer.hear_until("audio-chunk")
        for _ in range(200):
            if not home.service.sessions.speaking:
                break
            await asyncio.sleep(0.05)
        assert not home.service.sessions.speaking
        assert home.service.healthy


async def test_a_client_that_sends_nothing_is_let_go() -> None:
    with serving(ToneModel(), wyoming_port=free_port(), idle_timeout=0.3) as running:
        async with connected(running) as peer:
            assert await asyncio.wait_for(peer.reader.read(), 10) == b""
        async with connected(running) as peer:  # it does not end its text
            await peer.say("synthesize-start")
            assert (await asyncio.wait_for(peer.hear(), 10))[1]["code"] == "idle"


async def test_an_event_that_does_not_end(monkeypatch: pytest.MonkeyPatch, home: Running) -> None:
    monkeypatch.setattr(messages, "EVENT_S", 0.2)
    assert "did not come within" in (await refused(home, b'{"type": "desc'))["text"]


async def test_too_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming_server, "CLIENTS", 1)
    with serving(ToneModel(), wyoming_port=free_port()) as running:
        async with connected(running) as first:
            await first.say("ping")
            await first.hear()
            async with connected(running) as second:
                assert (await second.hear())[1]["code"] == "full"
            await first.say("ping")
            assert (await first.hear())[0] == "pong"


async def test_a_server_that_stops_takes_nobody_new() -> None:
    with serving(ToneModel(), wyoming_port=free_port()) as running:
        running.service.draining = True
        assert (await refused(running, line("synthesize", text="Hi.")))["code"] == "stopping"


async def test_who_listens_hears_the_end() -> None:
    port = free_port()
    served = Served("--model", "compact", "--lead", "0.5", "--wyoming-port", str(port))
    async with connected(port) as peer:
        await peer.say("synthesize", text=LONGER)
        whole = await peer.hear_until("audio-stop")
        await peer.say("synthesize-start")
        await peer.say("synthesize-chunk", text=LONGER)
        await peer.say("synthesize-stop")
        heard = await peer.hear_until("audio-chunk")
        served.process.send_signal(signal.SIGTERM)
        heard += await peer.hear_until("synthesize-stopped")
        assert heard[:-1] == whole
        assert await peer.reader.read() == b""
    assert served.process.wait(20) in {0, -signal.SIGTERM}


async def test_a_full_server_says_so() -> None:
    with serving(ToneModel(), wyoming_port=free_port(), max_streams=1) as running:
        async with connected(running) as first:
            await first.say("synthesize-start")
            await first.say("synthesize-chunk", text="One two. ")
            await first.hear_until("audio-chunk")
            told = await refused(running, line("synthesize", text="One two."))
            assert told["code"] == "full"
            assert "try again in" in told["text"]
            await first.say("synthesize-stop")
            await first.hear_until("synthesize-stopped")


async def test_a_model_that_fails_in_the_midst() -> None:
    with serving(ToneModel(), wyoming_port=free_port()) as running:
        told = await refused(running, line("synthesize", text="One two. Three!"))
        assert told["code"] == "internal"


async def test_the_server_stops_in_the_midst() -> None:
    with serving(ToneModel(), wyoming_port=free_port()) as running:
        peer = connected(running)
        there = await peer.__aenter__()
        await there.say("synthesize-start")
        await there.say("ping")
        await there.hear()
    with contextlib.suppress(ConnectionError):
        assert await there.reader.read() == b""
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", running.service.settings.wyoming_port)


async def test_it_is_found_in_the_network(home: Running) -> None:
    zeroconf = pytest.importorskip("zeroconf", reason="pip install 'vibevoice-pro[wyoming]'")
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

    found: asyncio.Queue[str] = asyncio.Queue()

    def changed(zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:
        found.put_nowait(name)

    seeker = AsyncZeroconf(interfaces=["127.0.0.1"])
    browser = AsyncServiceBrowser(seeker.zeroconf, discovery.SERVICE, handlers=[changed])
    try:
        while True:
            name = await asyncio.wait_for(found.get(), 20)
            info = AsyncServiceInfo(discovery.SERVICE, name)
            if (
                await info.async_request(seeker.zeroconf, 3000)
                and info.port == home.service.settings.wyoming_port
            ):
                break
    finally:
        await browser.async_cancel()
        await seeker.async_close()
    assert name.startswith("VibeVoice Pro ")
    assert info.parsed_addresses(zeroconf.IPVersion.V4Only) == ["127.0.0.1"]


async def test_without_the_package_it_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "zeroconf", None)
    announcement = discovery.Announcement("127.0.0.1", 10200)
    with caplog.at_level(logging.INFO):
        await announcement.start()
    await announcement.stop()
    assert "vibevoice-pro[wyoming]" in caplog.messages[0]
    assert len(caplog.messages) == 1


def test_a_reader_takes_events_as_the_package_writes_them() -> None:
    async def read(data: bytes) -> messages.Event | None:
        reader = asyncio.StreamReader(limit=messages.HEADER_BYTES)
        reader.feed_data(data)
        reader.feed_eof()
        return await messages.read_event(reader, 1000)

    event = messages.Event("audio-chunk", {"rate": 8000, "é": "ü"}, b"\n\0\1")
    assert asyncio.run(read(event.encoded())) == event
    assert asyncio.run(read(b"")) is None
    assert asyncio.run(read(event.encoded()[:-1])) is None
    with pytest.raises(BadParameter, match="data_length"):
        asyncio.run(read(messages.Event("x", {"text": "a" * 2000}).encoded()))
