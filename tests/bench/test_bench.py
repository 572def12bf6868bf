"""The bench tells underruns and first sounds from what really came."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from vibevoice_pro.bench.figures import percentile, spread
from vibevoice_pro.bench.hostile import measure
from vibevoice_pro.bench.server import Heard, listen, reach
from vibevoice_pro.bench.texts import OPENINGS, passage
from vibevoice_pro.errors import SpeechError

SILENCE = bytes(640)
LOUD = np.full(320, 8000, "<i2").tobytes()


def heard(*script: bytes | float) -> Heard:
    """What a listener notes of frames that come at once, with waits in seconds between them."""
    note, now = Heard(), 0.1
    for item in script:
        if isinstance(item, float):
            now += item
        else:
            note.hear(item, now)
    return note


def test_a_steady_stream_has_no_underrun() -> None:
    note = heard(*[SILENCE] * 5, *[LOUD] * 45)
    assert (note.frames, note.underruns) == (50, 0)
    assert note.ttfa == 0.1
    assert note.audible == pytest.approx(0.2), "five frames of silence are played before"


def test_a_gap_longer_than_what_was_sent_is_an_underrun() -> None:
    note = heard(LOUD, LOUD, 0.5, LOUD, LOUD, 0.3, LOUD)
    assert note.underruns == 2, "each gap once, not once for every frame after it"
    assert note.late == pytest.approx(0.26), "0.5 s, less the cushion and two frames"


def test_a_gap_within_the_cushion_is_none() -> None:
    assert heard(LOUD, 0.1, LOUD, 0.05, LOUD).underruns == 0


async def test_what_a_server_sends_is_noted() -> None:
    async def handle(socket: ServerConnection) -> None:
        for frame in (SILENCE, LOUD):
            await socket.send(frame)
        await socket.send('{"type":"error","code":"internal","message":"that is all"}')

    async with serve(handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        note = await listen(f"ws://127.0.0.1:{port}", 60.0)
    assert (note.frames, note.error) == (2, "internal: that is all")
    assert note.ttfa is not None
    assert note.audible is not None
    assert note.ttfa <= note.finished


async def test_a_server_that_refuses_all_is_reported_by_hostile_too() -> None:
    """Nobody waits for attackers who are not let in."""

    def answer(connection: ServerConnection, request: Request) -> Response:
        healthy = request.path == "/healthz"
        return connection.respond(HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE, "")

    async with serve(lambda socket: socket.close(), "127.0.0.1", 0, process_request=answer) as one:
        port = next(iter(one.sockets)).getsockname()[1]
        report = await measure(f"ws://127.0.0.1:{port}", attackers=12, chars=10, sentences=1)
    assert (report["failed"], report["hostile_texts"]) == (3, 0), "one alone, and one each round"
    assert report["moved_ms"] == {"p50": None, "p95": None, "p99": None}


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (b"HTTP/1.1 503 Busy\r\n\r\n", "not as a VibeVoice Pro server that is well: HTTP 503"),
        (b"HTTP/1.1 404 None\r\n\r\n", "not as a VibeVoice Pro server that is well: HTTP 404"),
        (b"220 mail.example ESMTP\r\n", "no server answers at ws://127.0.0.1:"),
        (b"", "no server answers at ws://127.0.0.1:"),
    ],
)
async def test_what_is_no_server_of_ours(status: bytes, message: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(status)
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SpeechError, match=message):
            await asyncio.to_thread(reach, f"ws://127.0.0.1:{port}")


def test_percentiles() -> None:
    assert spread([1.0, 2.0, 3.0, 4.0]) == {"p50": 2.5, "p95": 3.9, "p99": 4.0}
    assert percentile([], 50) is None
    assert percentile([7.0], 99) == 7.0


def test_texts_of_any_length_begin_alike() -> None:
    for start in range(len(OPENINGS)):
        short, long = passage(20, start), passage(5000, start)
        assert long.startswith(short)
        assert len(short) <= 25
        assert 4800 < len(long) <= 5000
    assert passage(200, 1, opening=False) != passage(200, 1)
