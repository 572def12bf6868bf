"""A client of `/stream` for tests: opens, writes, collects, breaks the line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.serving import Running

HELLO = "Hello there, this is a test of the streaming server."


@dataclass
class Answer:
    """All that came over one connection."""

    frames: list[bytes] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    code: int | None = None
    reason: str = ""

    @property
    def pcm(self) -> bytes:
        return b"".join(self.frames)

    def event(self, kind: str) -> dict[str, Any]:
        found = [e for e in self.events if e["type"] == kind]
        assert len(found) == 1, (kind, self.events)
        return found[0]


async def rest(ws: ClientConnection, answer: Answer | None = None) -> Answer:
    """Collect until the server closes."""
    answer = answer or Answer()
    try:
        async for message in ws:
            if isinstance(message, str):
                answer.events.append(json.loads(message))
            else:
                answer.frames.append(message)
    except ConnectionClosed:
        pass
    answer.code, answer.reason = ws.close_code, ws.close_reason or ""
    return answer


async def ask(server: Running, query: str = "", *messages: str | bytes) -> Answer:
    """Open `/stream?query`, send messages (JSON text or binary), collect everything."""
    async with connect(f"{server.ws}/stream?{query}", max_queue=None, max_size=None) as ws:
        try:
            for message in messages:
                await ws.send(message)
        except ConnectionClosed:
            pass
        return await rest(ws)


async def within(asked: Awaitable[Answer], seconds: float = 30) -> Answer:
    """The answer, if it comes in time."""
    return await asyncio.wait_for(asked, seconds)


def text(*parts: str, end: bool = True) -> list[str]:
    """Messages that carry a text in parts."""
    messages = [json.dumps({"type": "text", "text": p}) for p in parts]
    return [*messages, '{"type":"end"}'] if end else messages


async def ask_until_admitted(server: Running) -> Answer:
    """Ask again until a place that was given up is free."""
    for _ in range(500):
        answer = await ask(server, "text=Hello+there")
        if answer.code != 1013:
            return answer
        await asyncio.sleep(0.01)
    return answer


async def hear(ws: ClientConnection, least: int, answer: Answer | None = None) -> Answer:
    """Collect until `least` bytes of audio have come on this connection."""
    answer = answer or Answer()
    while len(answer.pcm) < least:
        message = await asyncio.wait_for(ws.recv(), 10)
        if isinstance(message, str):
            answer.events.append(json.loads(message))
        else:
            answer.frames.append(message)
    return answer


async def next_event(ws: ClientConnection, kind: str) -> dict:
    """Drop what comes until an event of this kind."""
    while True:
        message = await asyncio.wait_for(ws.recv(), 10)
        if isinstance(message, str) and json.loads(message)["type"] == kind:
            return json.loads(message)


async def nobody_connected(http_url: str) -> dict[str, Any]:
    """Wait until the server has noticed that everybody left; returns its status then."""
    return await _none_left(http_url, "connections")


async def no_session_waits(http_url: str) -> dict[str, Any]:
    """Wait until the server has given up all sessions without a connection."""
    return await _none_left(http_url, "sessions_waiting")


async def _none_left(http_url: str, of: str) -> dict[str, Any]:
    async with httpx.AsyncClient() as http:
        for _ in range(1000):
            status = (await http.get(f"{http_url}/api/status")).json()
            if not status[of]:
                return dict(status)
            await asyncio.sleep(0.01)
    raise AssertionError(f"there are still {of}")


async def lose(ws: ClientConnection) -> None:
    """The connection breaks without a goodbye."""
    ws.transport.abort()
    await ws.wait_closed()
