"""Sessions over a real socket: resume, takeover, numbered text, barge-in, bad offsets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.serving import Running, serving
from tests.support.tone import CHAR_SAMPLES, ToneModel
from tests.support.wire import (
    HELLO,
    ask,
    ask_until_admitted,
    hear,
    lose,
    next_event,
    no_session_waits,
    nobody_connected,
    rest,
    text,
)
from vibevoice_pro.models.hibari.model import HibariModel

LONG = f"{HELLO} It goes on for a while, so that there is something to lose. And so it ends."
CHAR_BYTES = CHAR_SAMPLES * 2


@pytest.fixture
def tones() -> Iterator[Running]:
    with serving(ToneModel()) as running:
        yield running


@pytest.mark.parametrize("cut", [0, 640, 641 - 1 + 2, 6402, 31_998, 64_000])
async def test_goes_on_from_the_exact_byte(server: Running, cut: int) -> None:
    whole = await ask(server, f"text={quote(LONG)}")
    async with connect(f"{server.ws}/stream?text={quote(LONG)}", max_queue=None) as ws:
        heard = await hear(ws, cut + 1)
        session = heard.event("session")["session_id"]
        await lose(ws)
    rest_of_it = await ask(server, f"session_id={session}&offset={cut}")
    assert heard.pcm[:cut] + rest_of_it.pcm == whole.pcm
    sizes = [len(f) for f in rest_of_it.frames]
    assert sizes[0] == 640 - cut % 640
    assert set(sizes[1:]) == {640}
    assert rest_of_it.event("session")["offset"] == cut
    assert rest_of_it.event("end") == {"type": "end", "bytes": len(whole.pcm), "reason": "done"}
    assert rest_of_it.code == 1000


async def test_marks_come_again_for_what_is_heard_again(server: Running) -> None:
    whole = await ask(server, f"text={quote(LONG)}&session_id={(id_ := secrets.token_urlsafe(16))}")
    marks = [e for e in whole.events if e["type"] == "mark"]
    assert len(marks) > 2
    assert all(mark["exact"] for mark in marks)
    for before, after in pairwise(marks):
        assert before["chars"][1] <= after["chars"][0]
        assert before["bytes"][1] <= after["bytes"][0]
    middle = sum(marks[1]["bytes"]) // 4 * 2
    again = await ask(server, f"session_id={id_}&offset={middle}")
    assert [e for e in again.events if e["type"] == "mark"] == marks[1:]
    assert again.pcm == whole.pcm[middle:]


async def test_the_newer_connection_wins_at_once(server: Running) -> None:
    whole = await ask(server, f"text={quote(LONG)}")
    async with connect(f"{server.ws}/stream?text={quote(LONG)}", max_queue=None) as first:
        heard = await hear(first, 6400)
        session = heard.event("session")["session_id"]
        second = await ask(server, f"session_id={session}&offset=6400")
        older = await rest(first)
    assert heard.pcm[:6400] + second.pcm == whole.pcm
    assert older.code in {1000, 4409}  # it may have heard all before it was taken over


async def test_the_older_is_told_who_took_over(tones: Running) -> None:
    async with connect(f"{tones.ws}/stream", max_queue=None) as first:
        session = (await next_event(first, "session"))["session_id"]
        async with connect(f"{tones.ws}/stream?session_id={session}&offset=0") as second:
            older = await rest(first)
            assert older.code == 4409
            assert older.event("error")["code"] == "taken_over"
            for message in text("abc."):
                await second.send(message)
            assert len((await rest(second)).pcm) == 4 * CHAR_BYTES


async def test_numbered_text_is_taken_once(tones: Running) -> None:
    def numbered(seq: int, piece: str) -> str:
        return json.dumps({"type": "text", "text": piece, "seq": seq})

    async with connect(f"{tones.ws}/stream", max_queue=None) as ws:
        session = (await next_event(ws, "session"))["session_id"]
        await ws.send(numbered(1, "ab "))
        assert (await next_event(ws, "text_ack"))["seq"] == 1
        await ws.send(numbered(2, "cd "))
        assert (await next_event(ws, "text_ack"))["seq"] == 2
        await lose(ws)
    async with connect(f"{tones.ws}/stream?session_id={session}&offset=0") as ws:
        assert (await next_event(ws, "session"))["seq"] == 2
        await ws.send(numbered(2, "cd "))  # a repeat, as its answer was lost
        assert (await next_event(ws, "text_ack"))["seq"] == 2
        await ws.send(numbered(1, "ab "))  # backwards: a repeat too
        assert (await next_event(ws, "text_ack"))["seq"] == 2
        await ws.send(numbered(3, "ef"))
        await ws.send('{"type":"end","seq":4}')
        answer = await rest(ws)
    assert answer.pcm == (await ask(tones, f"text={quote('ab cd ef')}")).pcm


async def test_a_gap_in_the_numbers_loses_nothing(tones: Running) -> None:
    async with connect(f"{tones.ws}/stream", max_queue=None) as ws:
        session = (await next_event(ws, "session"))["session_id"]
        await ws.send('{"type":"text","text":"ab ","seq":1}')
        await ws.send('{"type":"text","text":"gh","seq":4}')
        answer = await rest(ws)
        assert answer.code == 4400
        assert "seq 4 came after 1: send 2 first" in answer.event("error")["message"]
    again = await ask(
        tones, f"session_id={session}&offset=0",
        '{"type":"text","text":"cd","seq":2}', '{"type":"end","seq":3}',
    )  # fmt: skip
    assert again.pcm == (await ask(tones, f"text={quote('ab cd')}")).pcm


async def test_barge_in_tells_what_was_heard(tones: Running) -> None:
    async with connect(f"{tones.ws}/stream", max_queue=None) as ws:
        await ws.send(text("abcdefgh.", end=False)[0])
        await hear(ws, 9 * CHAR_BYTES)
        await ws.send(json.dumps({"type": "cancel", "bytes": 3 * CHAR_BYTES + 2}))
        event = await next_event(ws, "cancelled")
        assert event == {"type": "cancelled", "bytes": 9 * CHAR_BYTES, "spoken_chars": 3}
        await ws.send(text("ijk.", end=False)[0])
        await hear(ws, 4 * CHAR_BYTES)
        await ws.send('{"type":"cancel"}')
        event = await next_event(ws, "cancelled")
        assert event == {"type": "cancelled", "bytes": 13 * CHAR_BYTES, "spoken_chars": 13}
        await ws.send(json.dumps({"type": "cancel", "bytes": 14 * CHAR_BYTES}))
        assert "bytes must be at most" in (await rest(ws)).event("error")["message"]


async def test_a_barge_in_into_what_was_acknowledged(tones: Running) -> None:
    """What has arrived need not have been played."""
    for played in (0, 2, 7):
        async with connect(f"{tones.ws}/stream", max_queue=None) as ws:
            await ws.send(text("abcdefghij.", end=False)[0])
            await hear(ws, 11 * CHAR_BYTES)
            await ws.send(json.dumps({"type": "ack", "bytes": 9 * CHAR_BYTES}))
            await ws.send(json.dumps({"type": "cancel", "bytes": played * CHAR_BYTES}))
            assert (await next_event(ws, "cancelled"))["spoken_chars"] == played


async def test_resume_after_a_barge_in(server: Running) -> None:
    fresh = await ask(server, "text=This+is+the+second+one.")
    async with connect(f"{server.ws}/stream", max_queue=None) as ws:
        session = (await next_event(ws, "session"))["session_id"]
        await ws.send(text(LONG, end=False)[0])
        await hear(ws, 6400)
        await ws.send('{"type":"cancel"}')
        sent = (await next_event(ws, "cancelled"))["bytes"]
        for message in text("This is the second one."):
            await ws.send(message)
        heard = await hear(ws, 6400)
        await lose(ws)
    lost = f"session_id={session}&offset={sent}"
    async with connect(f"{server.ws}/stream?{lost}", max_queue=None) as ws:
        assert (await next_event(ws, "cancelled"))["bytes"] == sent, "it may not have arrived"
        await lose(ws)
    again = await ask(server, f"session_id={session}&offset={sent + 3200}")
    assert "cancelled" not in [e["type"] for e in again.events]
    assert heard.pcm[:3200] + again.pcm == fresh.pcm


async def test_a_flush_is_answered_when_all_was_sent(tones: Running) -> None:
    async with connect(f"{tones.ws}/stream", max_queue=None) as ws:
        session = (await next_event(ws, "session"))["session_id"]
        for turn in (1, 2):
            await ws.send(text("abc", end=False)[0])
            await ws.send('{"type":"flush"}')
            event = await next_event(ws, "drained")
            assert event == {"type": "drained", "bytes": turn * 3 * CHAR_BYTES, "chars": turn * 3}
        await lose(ws)
    async with connect(f"{tones.ws}/stream?session_id={session}&offset=0", max_queue=None) as ws:
        assert await next_event(ws, "drained") == event, "told again, as it may have been lost"


async def test_what_was_acknowledged_is_not_kept(tones: Running) -> None:
    async with connect(f"{tones.ws}/stream?text=abcdef", max_queue=None) as ws:
        heard = await hear(ws, 6 * CHAR_BYTES)
        session = heard.event("session")["session_id"]
    async with connect(f"{tones.ws}/stream?session_id={session}&offset=0") as ws:
        pass  # it ended, but nobody knows whether the last bytes arrived
    id_ = secrets.token_urlsafe(16)
    async with connect(f"{tones.ws}/stream?session_id={id_}", max_queue=None) as ws:
        await ws.send(text("abcdef.", end=False)[0])
        await hear(ws, 7 * CHAR_BYTES)
        await ws.send(json.dumps({"type": "ack", "bytes": 2 * CHAR_BYTES}))
        await ws.send('{"type":"flush","seq":1}')
        await next_event(ws, "text_ack")
        await lose(ws)
    gone = await ask(tones, f"session_id={id_}&offset={CHAR_BYTES}")
    assert gone.code == 4410
    assert f"before {2 * CHAR_BYTES} are not kept" in gone.event("error")["message"]
    again = await ask(tones, f"session_id={id_}&offset={2 * CHAR_BYTES}", '{"type":"end"}')
    assert len(again.pcm) == 5 * CHAR_BYTES


async def test_a_full_replay_pauses_rather_than_drops(tones: Running) -> None:
    whole = await ask(tones, f"text={'a' * 200}")
    with serving(ToneModel(), replay_seconds=1.0) as small:
        async with connect(f"{small.ws}/stream?text={'a' * 200}", max_queue=None) as ws:
            await ws.send('{"type":"ack","bytes":0}')
            heard = await hear(ws, 32_000)
            for _ in range(100):  # nothing more comes while nothing is acknowledged
                await asyncio.wait_for(await ws.ping(), 10)
            early = len((await hear(ws, 0, heard)).pcm)
            with contextlib.suppress(ConnectionClosed):  # after the last frame
                while True:
                    await ws.send(json.dumps({"type": "ack", "bytes": len(heard.pcm)}))
                    await hear(ws, len(heard.pcm) + 640, heard)
            await rest(ws, heard)
        assert early <= 64_000
        assert heard.pcm == whole.pcm


async def test_bad_offsets_and_ids(tones: Running) -> None:
    id_ = secrets.token_urlsafe(16)
    async with connect(f"{tones.ws}/stream?session_id={id_}", max_queue=None) as ws:
        await ws.send(text("abcdef.", end=False)[0])
        await hear(ws, 7 * CHAR_BYTES)
        await lose(ws)
    sent = 7 * CHAR_BYTES
    guess = secrets.token_urlsafe(16)
    for query, code, said in [
        (f"session_id={guess}&offset=0", 4404, "there is no session"),
        (f"session_id={id_[:-1]}&offset=0", 4404, "there is no session"),
        ("session_id=short", 4400, "session_id must be 22 to 128"),
        (f"session_id={id_}&offset=-2", 4400, "offset must be a whole number from 0"),
        (f"session_id={id_}&offset=x", 4400, "offset must be a whole number from 0"),
        (f"session_id={id_}&offset=3", 4400, "offset must be even"),
        (f"session_id={id_}&offset={sent + 2}", 4400, f"offset must be at most {sent}"),
        (f"session_id={id_}&offset=0&rate=8000", 4400, "rate of a session stays what it was"),
        (f"session_id={id_}&offset=0&seed=7", 4400, "seed of a session stays what it was"),
        (f"session_id={id_}&offset=0&text=more", 4400, "the session has its text already"),
    ]:
        answer = await ask(tones, query)
        assert (answer.code, said in answer.event("error")["message"]) == (code, True), query
    # Nothing of that was the rightful owner's loss.
    again = await ask(tones, f"session_id={id_}&offset=0", '{"type":"end"}')
    assert again.pcm == (await ask(tones, "text=abcdef.")).pcm


async def test_an_ack_beyond_what_was_sent(tones: Running) -> None:
    id_ = secrets.token_urlsafe(16)
    answer = await ask(
        tones, f"session_id={id_}", *text("abc.", end=False), '{"type":"ack","bytes":999999}'
    )
    assert answer.code == 4400
    assert "bytes must be at most" in answer.event("error")["message"]
    again = await ask(tones, f"session_id={id_}&offset=0", '{"type":"end"}')
    assert len(again.pcm) == 4 * CHAR_BYTES


async def test_a_goodbye_ends_the_session_and_time_does_too() -> None:
    with serving(ToneModel(), session_ttl=0.05) as hasty:
        async with connect(f"{hasty.ws}/stream") as ws:
            session = (await next_event(ws, "session"))["session_id"]
        await nobody_connected(hasty.http)
        answer = await ask(hasty, f"session_id={session}&offset=0")
        assert answer.code == 4404
        async with connect(f"{hasty.ws}/stream") as ws:
            session = (await next_event(ws, "session"))["session_id"]
            await lose(ws)
        await no_session_waits(hasty.http)
        answer = await ask(hasty, f"session_id={session}&offset=0")
        assert answer.code == 4404
        assert "given up 0.05 s after its connection was lost" in answer.event("error")["message"]


async def test_leaving_in_mid_speech_is_a_goodbye(compact: HibariModel) -> None:
    with serving(compact) as fresh:
        there = f"{fresh.ws}/stream?text={quote(LONG * 20)}"
        for _ in range(10):
            async with connect(there, max_queue=None) as ws:
                while isinstance(await ws.recv(), str):
                    pass
        status = await nobody_connected(fresh.http)
    assert (status["streams"], status["sessions_waiting"]) == (0, 0)


async def test_a_lost_session_makes_room_and_comes_back(compact: HibariModel) -> None:
    """Its place goes to somebody else; then it is made anew, with the same samples."""
    with serving(compact, max_streams=1, lead=0.5) as small:
        whole = await ask(small, f"text={quote(LONG)}")
        async with connect(f"{small.ws}/stream?text={quote(LONG)}", max_queue=None) as ws:
            heard = await hear(ws, 32_000)
            session = heard.event("session")["session_id"]
            await lose(ws)
        assert (await ask_until_admitted(small)).code == 1000
        again = await ask(small, f"session_id={session}&offset=32000")
        assert heard.pcm[:32_000] + again.pcm == whole.pcm
        marks = [e for e in [*heard.events, *again.events] if e["type"] == "mark"]
        unique = {tuple(m["chars"]): m for m in marks}
        assert [*unique.values()] == [e for e in whole.events if e["type"] == "mark"]
