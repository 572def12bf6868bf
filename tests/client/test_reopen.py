"""Servers that were killed and know nothing any more: the client reopens its session."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.support.bad_lines import CHAR_BYTES, HASTY, TEXT, listen, url
from tests.support.processes import Served
from tests.support.proxy import Fault, Proxy
from tests.support.replaced import Replaced, replaced
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel, tone
from vibevoice_pro.client import Refused, Retry, Speech
from vibevoice_pro.client.transcript import Transcript
from vibevoice_pro.models.hibari.model import HibariModel

SECOND = 32_000  # bytes
LONG = f"{TEXT} {TEXT}"


async def take(speech: Speech, size: int) -> bytes:
    """Listen to `size` bytes, on the boundary of a message."""
    heard = b""
    async for pcm in speech:
        heard += pcm
        if len(heard) >= size:
            break
    assert len(heard) == size
    return heard


async def rest(speech: Speech) -> bytes:
    return b"".join([pcm async for pcm in speech])


async def tones(text: str) -> bytes:
    with serving(ToneModel()) as alone:
        return await listen(text, url(alone.port))


# --- servers in this process ----------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 3, 8, 9])
async def test_text_and_flushes_are_written_again(steps: int) -> None:
    """Whatever was heard when the server was replaced, and again in the middle of reopening."""
    whole = await tones("ab cd.ef gh.")
    with replaced(tone(steps), tone(steps + 2), ToneModel()) as chain:
        events: list[Mapping[str, Any]] = []
        async with Speech(chain.line.ws, retry=HASTY, on_event=events.append) as speech:
            for piece in ("a", "b c", "d."):
                await speech.write(piece)
            await speech.flush()
            await speech.write("ef g")
            await speech.flush()
            await speech.write("h.")
            await speech.end()
            heard = await take(speech, steps * CHAR_BYTES)
            chain.replace()
            heard += await take(speech, 2 * CHAR_BYTES)
            chain.replace()
            heard += await rest(speech)
        assert heard == whole
        assert said(chain, 2) == ["ab cd.ef gh."]
    assert [e["offset"] for e in events if e["type"] == "session"] == [
        0, steps * CHAR_BYTES, (steps + 2) * CHAR_BYTES
    ]  # fmt: skip


def said(chain: Replaced, server: int) -> list[str]:
    """The texts that a server was given, each for a turn of its own."""
    return [utterance.text for utterance in chain.models[server].opened]


async def test_writing_continues_where_it_was() -> None:
    """Messages that are not confirmed yet, and those written afterwards, follow in order."""
    whole = await tones("ab cd. ef gh. ij.")
    with replaced(tone(4), ToneModel()) as chain:
        broken = asyncio.Event()

        def note(event: Mapping[str, Any]) -> None:
            if event["type"] == "reconnecting":
                broken.set()

        async with Speech(chain.line.ws, retry=HASTY, on_event=note) as speech:
            await speech.write("ab cd.")
            heard = await take(speech, 4 * CHAR_BYTES)
            chain.line.refusing = True
            chain.replace()
            await broken.wait()
            await speech.write(" ef")
            chain.line.refusing = False
            heard += await take(speech, 2 * CHAR_BYTES)
            await speech.write(" gh. ij.")
            await speech.end()
            heard += await rest(speech)
        assert heard == whole


async def test_text_in_the_url() -> None:
    whole = await tones("ab cd. ef.")
    with replaced(tone(4), ToneModel()) as chain:
        async with Speech(chain.line.ws, retry=HASTY, text="ab cd. ef.") as speech:
            heard = await take(speech, 4 * CHAR_BYTES)
            chain.replace()
            assert heard + await rest(speech) == whole


@pytest.mark.parametrize("params", [{}, {"text": "ab cd. ef."}])
async def test_a_first_connection_that_breaks_before_its_answer(params: dict[str, str]) -> None:
    """The server has begun the session; its client does not know."""
    whole = await tones("ab cd. ef.")
    with serving(ToneModel()) as alone, Proxy(alone.port) as line:
        line.faults = iter([Fault(1)])
        async with Speech(line.ws, retry=HASTY, **params) as speech:
            if not params:
                await speech.write("ab cd. ef.")
                await speech.end()
            assert await rest(speech) == whole
        assert line.accepted == 2


async def test_after_a_barge_in_only_what_followed_is_written() -> None:
    with replaced(tone(6), ToneModel()) as chain:
        async with Speech(chain.line.ws, retry=HASTY) as speech:
            await speech.write("abcdefgh.")
            await take(speech, 6 * CHAR_BYTES)
            told = await speech.cancel(3 * CHAR_BYTES)
            assert (told.bytes, told.spoken_chars) == (6 * CHAR_BYTES, 3)
            chain.models[0].gate.release(2)  # one step was for what is not wanted any more
            await speech.write("uvwxyz.")
            heard = await take(speech, CHAR_BYTES)
            chain.replace()
            heard += await take(speech, 6 * CHAR_BYTES)
            assert heard == await tones("uvwxyz.")
            assert said(chain, 1) == ["uvwxyz."]
            told = await speech.cancel(11 * CHAR_BYTES)
            assert told.bytes == 13 * CHAR_BYTES
            assert told.spoken_chars == 9 + 5, "characters count from the session's beginning"
            await speech.write("abc.")
            await speech.end()
            assert await rest(speech) == await tones("abc.")


async def test_a_barge_in_that_the_old_server_never_heard_of() -> None:
    """It is answered by the new one; what was heard before, only the client knows."""
    with replaced(tone(6), tone(6)) as chain:
        broken = asyncio.Event()

        def note(event: Mapping[str, Any]) -> None:
            if event["type"] == "reconnecting":
                broken.set()

        async with Speech(chain.line.ws, retry=HASTY, on_event=note) as speech:
            await speech.write("abcdefgh.")
            await take(speech, 6 * CHAR_BYTES)
            chain.line.refusing = True
            chain.replace()
            await broken.wait()
            cancel = asyncio.create_task(speech.cancel(4 * CHAR_BYTES))
            await asyncio.wait([cancel], timeout=0)
            await speech.write("uvw.")
            await speech.end()
            chain.line.refusing = False
            told = await cancel
            assert (told.bytes, told.spoken_chars) == (6 * CHAR_BYTES, 4)
            chain.models[1].gate.release(9)
            assert await rest(speech) == await tones("uvw.")


async def test_an_older_answer_is_not_taken_for_that_to_a_new_barge_in() -> None:
    """After a loss, the server repeats its last answer; it cannot know that it has arrived."""
    with serving(ToneModel()) as alone, Proxy(alone.port) as line:
        broken = asyncio.Event()

        def note(event: Mapping[str, Any]) -> None:
            if event["type"] == "reconnecting":
                broken.set()

        async with Speech(line.ws, retry=HASTY, on_event=note) as speech:
            await speech.write("abcd.")
            await take(speech, 5 * CHAR_BYTES)
            assert (await speech.cancel()).bytes == 5 * CHAR_BYTES
            line.refusing = True
            line.cut()
            await broken.wait()
            await speech.write("efgh.")
            cancel = asyncio.create_task(speech.cancel())
            await asyncio.wait([cancel], timeout=0)
            await speech.write("uvw.")
            await speech.end()
            line.refusing = False
            told = await cancel
            assert told.bytes >= 5 * CHAR_BYTES
            assert await rest(speech) == await tones("uvw.")


async def test_a_cut_by_patience_is_made_again(compact: HibariModel, server: Running) -> None:
    first, second = "Hello there, this is what", " was said before anybody came to think of it."
    cuts: asyncio.Queue[int] = asyncio.Queue()

    def note(event: Mapping[str, Any]) -> None:
        if event["type"] == "cut":
            cuts.put_nowait(event["chars"])

    with replaced(compact, compact) as chain:
        async with Speech(chain.line.ws, retry=HASTY, on_event=note, patience=0.05) as speech:
            await speech.write(first)
            place = await cuts.get()
            assert 0 < place <= len(first)
            await speech.write(second)
            await speech.end()
            heard = b""
            async for pcm in speech:
                heard += pcm
                if len(heard) == SECOND:
                    chain.replace()
    async with Speech(server.ws, patience=0) as speech:
        await speech.write(first[:place])
        await speech.flush()
        await speech.write(first[place:] + second)
        await speech.end()
        assert heard == await rest(speech)


async def test_a_text_that_was_too_long_to_keep() -> None:
    with replaced(tone(6), ToneModel()) as chain:
        async with Speech(chain.line.ws, retry=HASTY) as speech:
            speech._transcript = Transcript(limit=8)
            await speech.write("abcdefgh.")
            await take(speech, 6 * CHAR_BYTES)
            chain.replace()
            with pytest.raises(Refused, match="there is no session") as refused:
                await rest(speech)
            assert refused.value.code == 4404


# --- servers that say what they should not --------------------------------------------------------

Script = Callable[[ServerConnection], Awaitable[None]]
SESSION = {
    "type": "session", "session_id": "x", "sample_rate": 16000, "frame_bytes": 640, "voice": "v",
    "offset": 0, "seq": 0,
}  # fmt: skip


@contextlib.asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[str]:
    """A server that plays one script for each connection."""
    left = iter(scripts)

    async def play(socket: ServerConnection) -> None:
        await next(left)(socket)

    async with serve(play, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
    assert [*left] == [], "fewer connections than expected"


async def lose(socket: ServerConnection) -> None:
    await socket.send(json.dumps(SESSION))
    socket.transport.abort()


def close(close_code: int, **event: object) -> Script:
    async def script(socket: ServerConnection) -> None:
        if event:
            await socket.send(json.dumps({"type": "error", **event}))
        await socket.close(close_code, "the close frame's words")

    return script


async def done(socket: ServerConnection) -> None:
    await socket.send(json.dumps(SESSION))
    await socket.send('{"type":"end","bytes":0,"reason":"empty"}')


async def test_a_session_that_cannot_even_be_reopened() -> None:
    gone = close(4404, code="no_session", message="there is no session 'x'")
    async with scripted(lose, gone, gone) as address, Speech(address, retry=HASTY) as speech:
        with pytest.raises(Refused, match="there is no session 'x'"):
            await rest(speech)


async def test_a_session_that_never_was_ours() -> None:
    async with scripted(close(4404, code="no_session", message="no")) as address:
        with pytest.raises(Refused) as refused:
            async with Speech(address, retry=HASTY):
                pass
    assert refused.value.code == 4404


async def test_waits_as_long_as_the_server_says() -> None:
    full = close(
        1013, code="full", message="no room; try again in 99 s", retry_after=0.5, field="voice"
    )
    events: list[Mapping[str, Any]] = []
    async with scripted(lose, full, close(1012), done) as address:
        patient = Retry(first=0.01, longest=0.01)
        async with Speech(address, retry=patient, on_event=events.append) as speech:
            assert await rest(speech) == b""
    waits = [e["wait"] for e in events if e["type"] == "reconnecting"]
    assert 0.005 <= waits[0] <= 0.01
    assert 0.5 <= waits[1] <= 0.75, "as data, not from the words"
    assert 0.005 <= waits[2] <= 0.01, "only where it was said"


async def test_does_not_wait_longer_than_it_would_try() -> None:
    full = close(1013, code="full", message="no room", retry_after=30, field="voice")
    retry = Retry(first=0.01, give_up=20)
    async with scripted(lose, full) as address, Speech(address, retry=retry) as speech:
        with pytest.raises(Refused, match="no room") as refused:
            await rest(speech)
    told = refused.value
    assert (told.code, told.field, told.reason, told.retry_after) == (1013, "voice", "no room", 30)


async def test_a_close_frame_alone_has_words_too() -> None:
    async with scripted(close(4409)) as address:
        with pytest.raises(Refused, match="the close frame's words") as refused:
            async with Speech(address):
                pass
    assert (refused.value.code, refused.value.field) == (4409, "")


# --- servers that are killed ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A server that is never more than a second ahead, so that there is something to lose."""
    served = Served(VIBEVOICE_LEAD="1")
    try:
        yield served
    finally:
        served.kill()


@pytest.fixture
def mortal(served: Served) -> Iterator[Proxy]:
    with Proxy(lambda: served.port) as line:
        yield line


async def killed(served: Served, speech: Speech, at: int) -> bytes:
    """Listen to the end; when byte `at` has come, the server is killed and started again."""
    heard, alive = b"", True
    async for pcm in speech:
        heard += pcm
        if alive and speech.received >= at:
            alive = False
            served.kill()
            await asyncio.to_thread(served.start)
    assert not alive
    return heard


async def test_killed_while_it_speaks_a_whole_text(
    served: Served, mortal: Proxy, server: Running
) -> None:
    async with Speech(mortal.ws, retry=HASTY, seed=7, rate=24000, text=LONG) as speech:
        heard = await killed(served, speech, 3 * SECOND)
    assert heard == await listen(LONG, server.ws, seed=7, rate=24000)


async def test_killed_while_it_is_written_to(
    served: Served, mortal: Proxy, server: Running
) -> None:
    async def write(speech: Speech) -> None:
        for i, word in enumerate(LONG.split(" ")):
            await speech.write(f" {word}" if i else word)
            if i in (3, 17):
                await speech.flush()
        await speech.end()

    async with Speech(server.ws, patience=0) as speech:
        await write(speech)
        whole = await rest(speech)
    async with Speech(mortal.ws, retry=HASTY, patience=0) as speech:
        writer = asyncio.create_task(write(speech))
        assert await killed(served, speech, 2 * SECOND) == whole
        await writer


async def test_killed_after_a_barge_in(served: Served, mortal: Proxy, server: Running) -> None:
    async with Speech(mortal.ws, retry=HASTY, patience=0) as speech:
        await speech.write(LONG)
        await take(speech, SECOND)
        told = await speech.cancel()
        assert 0 < told.spoken_chars < len(LONG)
        await speech.write(TEXT)
        await speech.end()
        assert await killed(served, speech, told.bytes + SECOND) == await listen(TEXT, server.ws)
