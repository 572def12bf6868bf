"""Sessions in a real Redis, or in a file: they survive the process that served them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect

from tests.support.bad_lines import TEXT, over_killed_servers, url
from tests.support.processes import redis_server
from tests.support.serving import Running, serving
from tests.support.tone import CHAR_SAMPLES, ToneModel
from tests.support.wire import ask, hear, lose, next_event, nobody_connected, rest, text
from vibevoice_pro.client import Speech
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.speech.build import build_store
from vibevoice_pro.speech.sessions.file_store import FileStore
from vibevoice_pro.speech.sessions.record import Changes
from vibevoice_pro.speech.sessions.store import Forgotten, Store, Unreachable

CHAR_BYTES = 2 * CHAR_SAMPLES
LONG = " ".join(f"{TEXT} This was number {i}." for i in range(4))


@pytest.fixture(scope="session", params=["redis", "file"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where sessions are saved, as the setting names it."""
    folder = tmp_path_factory.mktemp("store")
    if request.param == "file":
        yield str(folder / "below" / "sessions.db")
        return
    with redis_server(folder) as address:
        yield address


def opened(where: str, ttl: float = 100) -> Store:
    store = build_store(Settings(store=where, session_ttl=ttl))
    assert store is not None
    return store


@pytest.fixture
def pair(store: str, compact: HibariModel) -> Iterator[tuple[Running, Running]]:
    """Two servers with one store."""
    with serving(compact, store=store) as one, serving(compact, store=store) as other:
        yield one, other


async def test_another_server_goes_on_with_a_session(pair: tuple[Running, Running]) -> None:
    one, other = pair
    whole = await ask(one, f"text={quote(LONG)}")
    async with connect(f"{one.ws}/stream", max_queue=None) as ws:
        session = (await next_event(ws, "session"))["session_id"]
        await ws.send(json.dumps({"type": "text", "text": LONG[:150], "seq": 1}))
        await next_event(ws, "text_ack")
        heard = await hear(ws, 40_002)
        second = ask(
            other, f"session_id={session}&offset=40002",
            json.dumps({"type": "text", "text": LONG[150:], "seq": 2}), '{"type":"end","seq":3}',
        )  # fmt: skip
        again = await second
        older = await rest(ws)
    assert heard.pcm[:40_002] + again.pcm == whole.pcm
    assert again.event("session")["seq"] == 1
    assert older.code == 4409, "the first server learns that it has lost the session"


async def test_voices_that_speak_in_turn_go_along(store: str) -> None:
    text = "I would like to know when it leaves. Ich möchte gerne wissen, wann es fährt. Ja."
    german = ToneModel(voice="de-Tone", language="de")
    query = f"language=auto&text={quote(text)}"
    with (
        serving(ToneModel(), german, store=store, lead=0.5) as one,
        serving(ToneModel(), german, store=store) as other,
        serving(ToneModel(), store=store) as without,
    ):
        whole = await ask(other, query)
        marks = [event for event in whole.events if event["type"] == "mark"]
        assert {mark["voice"] for mark in marks} == {"xx-Tone", "de-Tone"}
        switch = next(mark["bytes"][0] for mark in marks if mark["voice"] == "de-Tone")
        for cut in (switch - 2 * CHAR_BYTES, switch + 6 * CHAR_BYTES):
            async with connect(f"{one.ws}/stream?{query}", max_queue=None) as ws:
                heard = await hear(ws, cut + 1)
                id_ = heard.event("session")["session_id"]
                await lose(ws)
            again = await ask(other, f"session_id={id_}&offset={cut}")
            assert heard.pcm[:cut] + again.pcm == whole.pcm
            assert again.event("session")["voices"] == {"en": "xx-Tone", "de": "de-Tone"}
        lost = await ask(without, f"session_id={id_}&offset=0")
        assert lost.code == 4404
        assert "de-Tone, is not on this server" in lost.event("error")["message"]


async def test_its_marks_and_barge_ins_go_along(store: str) -> None:
    with serving(ToneModel(), store=store) as one, serving(ToneModel(), store=store) as other:
        async with connect(f"{one.ws}/stream?patience=0", max_queue=None) as ws:
            session = (await next_event(ws, "session"))["session_id"]
            await ws.send(text("abc def.", end=False)[0])
            await hear(ws, 8 * CHAR_BYTES)
            await ws.send(json.dumps({"type": "cancel", "seq": 1}))
            told = await next_event(ws, "cancelled")
            await ws.send('{"type":"text","text":"ghi jkl.","seq":2}')
            heard = await hear(ws, 4 * CHAR_BYTES)
            saved = [e["seq"] for e in heard.events if e["type"] == "text_ack"]
            while 2 not in saved:  # before, the text would be lost with the line
                saved.append((await next_event(ws, "text_ack"))["seq"])
            await lose(ws)
        answer = await ask(
            other, f"session_id={session}&offset=0",
            json.dumps({"type": "cancel", "seq": 1}), '{"type":"end","seq":3}',
        )  # fmt: skip
    assert [e for e in answer.events if e["type"] == "cancelled"] == [told, told]
    whole = await ask_alone("abc def.") + await ask_alone("ghi jkl.")
    assert answer.pcm == whole
    marks = [e["chars"] for e in answer.events if e["type"] == "mark"]
    assert marks == [[i, i + 1] for i in range(16)]


async def test_a_barge_in_before_it_was_made_again(store: str) -> None:
    """The second server is interrupted while it still makes what the first one had sent."""
    slow = ToneModel()
    with serving(ToneModel(), store=store) as one, serving(slow, store=store) as other:
        async with connect(f"{one.ws}/stream", max_queue=None) as ws:
            session = (await next_event(ws, "session"))["session_id"]
            await ws.send('{"type":"text","text":"abcdef.","seq":1}')
            await hear(ws, 7 * CHAR_BYTES)
            await lose(ws)
        slow.gate = threading.Semaphore(0)
        there = f"{other.ws}/stream?session_id={session}&offset={7 * CHAR_BYTES}"
        async with connect(there, max_queue=None) as ws:
            await ws.send('{"type":"cancel","seq":2}')
            assert (await next_event(ws, "cancelled"))["bytes"] == 7 * CHAR_BYTES
            slow.gate.release(1000)
            await ws.send('{"type":"text","text":"xyz","seq":3}')
            await ws.send('{"type":"end","seq":4}')
            answer = await rest(ws)
    assert answer.pcm == await ask_alone("xyz")
    assert answer.event("end")["bytes"] == 10 * CHAR_BYTES


async def ask_alone(what: str) -> bytes:
    with serving(ToneModel()) as alone:
        return (await ask(alone, f"text={quote(what)}")).pcm


async def test_only_the_owner_gets_it_and_a_goodbye_ends_it(pair: tuple[Running, Running]) -> None:
    one, other = pair
    answer = await ask(other, f"session_id={secrets.token_urlsafe(16)}&offset=0")
    assert answer.code == 4404
    async with connect(f"{one.ws}/stream") as ws:
        session = (await next_event(ws, "session"))["session_id"]
    await nobody_connected(one.http)
    answer = await ask(other, f"session_id={session}&offset=0", '{"type":"end"}')
    assert answer.code == 4404


async def test_offsets_beyond_the_end_are_found_out(pair: tuple[Running, Running]) -> None:
    one, other = pair
    async with connect(f"{one.ws}/stream?text=Hello+there", max_queue=None) as ws:
        heard = await hear(ws, 640)
        await lose(ws)
    session = heard.event("session")["session_id"]
    answer = await ask(other, f"session_id={session}&offset=9999998")
    assert answer.code == 4400
    assert "all there is" in answer.event("error")["message"]
    whole = await ask(one, "text=Hello+there")
    assert (await ask(other, f"session_id={session}&offset=2")).pcm == whole.pcm[2:]


async def test_the_store_itself(store: str) -> None:
    id_ = secrets.token_urlsafe(16)
    mine, theirs = opened(store), opened(store)
    with pytest.raises(Forgotten):
        await mine.save(id_, "me", Changes(b"{}"))
    await mine.save(id_, "me", Changes(b"1", [b"a", b"b"], [b"x"], first=True))
    await mine.save(id_, "me", Changes(b"2", [b"c"], [b"y", b"z"], drop_texts=1))
    assert await theirs.claim(id_, "somebody else") is None
    record = await theirs.claim(id_, "me")
    assert record is not None
    assert (record.state, record.texts, record.chunks) == (b"2", [b"b", b"c"], [b"x", b"y", b"z"])
    await mine.drop(id_)  # it is not mine any more
    assert await theirs.claim(id_, "me") is not None
    await theirs.drop(id_)
    assert await theirs.claim(id_, "me") is None
    await mine.close()
    await theirs.close()


async def test_what_is_no_store(tmp_path: Path) -> None:
    nobody = opened("redis://127.0.0.1:1/0")
    with pytest.raises(Unreachable):
        await nobody.claim("id", "me")
    with pytest.raises(BadParameter, match="store must be like redis://"):
        opened("http://example")
    (tmp_path / "file").write_text("This is no database, but a text that is longer than a header.")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(BadParameter, match=r"store: .* cannot be used"):
            opened(str(path))


async def test_what_has_expired_is_forgotten_by_the_file(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "sessions.db", 1)
    await store.save("old", "me", Changes(b"1", [b"a"], [b"x"], first=True))
    await asyncio.to_thread(lambda: store._db.execute("UPDATE sessions SET expires = 1"))
    assert await store.claim("old", "me") is None
    with pytest.raises(Forgotten):
        await store.save("old", "me", Changes(b"2"))
    store._clean_at = 0
    await store.save("new", "me", Changes(b"1", first=True))
    left = store._db.execute("SELECT id FROM sessions UNION SELECT id FROM entries").fetchall()
    assert left == [("new",)]
    store._db.execute("BEGIN IMMEDIATE")
    other = FileStore(tmp_path / "sessions.db", 1)
    other._db.execute("PRAGMA busy_timeout = 1")
    with pytest.raises(Unreachable, match="locked"):
        await other.save("x", "me", Changes(b"1", first=True))
    store._db.execute("ROLLBACK")
    await store.close()
    with pytest.raises(Unreachable):
        await store.claim("new", "me")


async def test_speech_goes_on_without_the_store(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Redis dies: nobody hears it; when it is back, and empty, sessions are written anew."""
    whole = await ask_alone("abc def. " * 30)
    with contextlib.ExitStack() as redis:
        address = redis.enter_context(redis_server(tmp_path_factory.mktemp("redis")))
        with serving(ToneModel(), store=address) as one:
            async with Speech(url(one.port)) as speech:
                await speech.write("abc def. " * 10)
                redis.close()
                await speech.write("abc def. " * 20)
                await speech.end()
                assert b"".join([pcm async for pcm in speech]) == whole


async def test_text_that_cannot_be_encoded_harms_nobody(store: str) -> None:
    """A lone surrogate is replaced where it enters; its session and all others are saved."""
    with serving(ToneModel(), store=store) as one, serving(ToneModel(), store=store) as other:
        sessions = []
        for word in ("fine", "bad \\ud800", "good"):
            async with connect(f"{one.ws}/stream", max_queue=None) as ws:
                sessions.append((await next_event(ws, "session"))["session_id"])
                await ws.send(f'{{"type":"text","text":"{word} word. ","seq":1}}')
                await next_event(ws, "text_ack")
                await lose(ws)
        for session, word in zip(sessions, ("fine", "bad \ufffd", "good"), strict=True):
            answer = await ask(other, f"session_id={session}&offset=0", '{"type":"end","seq":2}')
            assert answer.pcm == await ask_alone(f"{word} word. ")
        assert one.service.healthy


async def test_a_killed_server_is_replaced(store: str, server: Running) -> None:
    await over_killed_servers(store, server.port, range(4), kills=1)
