"""What a listener leaves behind is freed at once, not only when the garbage collector comes.

That comes rarely where there are many objects, as in a server that has loaded models; texts and
audio of hundreds of listeners would wait for it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.support.serving import serving
from tests.support.tone import ToneModel
from tests.support.wire import lose, next_event, rest, text
from vibevoice_pro.server.websocket import FreedWebSocket


@pytest.fixture(autouse=True)
def _no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def says_goodbye(ws: ClientConnection) -> None:
    await ws.close()


async def hears_the_end(ws: ClientConnection) -> None:
    await ws.send('{"type":"end"}')
    assert (await rest(ws)).code == 1000


async def interrupts(ws: ClientConnection) -> None:
    await ws.send('{"type":"cancel"}')
    await next_event(ws, "cancelled")
    await lose(ws)


async def makes_a_mistake(ws: ClientConnection) -> None:
    await ws.send('{"type":"shout"}')
    assert (await rest(ws)).code == 4400


async def writes_too_much(ws: ClientConnection) -> None:
    await ws.send(text("word " * 200_000)[0])
    assert (await rest(ws)).code == 1009


async def brings_the_model_to_fail(ws: ClientConnection) -> None:
    await ws.send(text("ab! ")[0])
    await ws.send('{"type":"flush"}')
    assert (await rest(ws)).code == 1011


LEAVE = (lose, says_goodbye, hears_the_end, interrupts, makes_a_mistake, writes_too_much,
         brings_the_model_to_fail)  # fmt: skip


@pytest.mark.parametrize("leave", LEAVE, ids=lambda leave: leave.__name__)
async def test_a_listener_who(leave: Callable[[ClientConnection], Awaitable[None]]) -> None:
    freed, closed = threading.Event(), threading.Event()
    with serving(ToneModel(), session_ttl=0) as one:
        async with connect(f"{one.ws}/stream", max_queue=None) as ws:
            id_ = (await next_event(ws, "session"))["session_id"]
            session = weakref.ref(await one.service.sessions.find(id_, ""), lambda _: freed.set())
            await ws.send(json.dumps({"type": "text", "text": "abc. ", "seq": 1}))
            await next_event(ws, "text_ack")
            (found,) = (each for each in gc.get_objects() if type(each) is FreedWebSocket)
            protocol = weakref.ref(found, lambda _: closed.set())
            del found
            assert session() is not None
            assert protocol() is not None
            await leave(ws)
        assert await asyncio.to_thread(freed.wait, 10), "the session"
        assert await asyncio.to_thread(closed.wait, 10), "the connection"
