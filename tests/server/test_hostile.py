"""One listener sends text made to take long; another one is served as if there were no such."""

from __future__ import annotations

import json
from urllib.parse import quote

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.support.serving import Running, serving
from tests.support.wire import HELLO, ask, next_event, within
from vibevoice_pro.bench.hostile_texts import PATTERNS, hostile
from vibevoice_pro.models.hibari.model import HibariModel

CHARS = 500_000  # as many as may wait


@pytest.mark.parametrize("number", range(0, len(PATTERNS), 4), ids=lambda n: ascii(PATTERNS[n]))
async def test_nobody_else_notices(server: Running, number: int) -> None:
    expected = (await ask(server, f"text={quote(HELLO)}")).pcm
    async with connect(f"{server.ws}/stream", max_queue=None, max_size=None) as ws:
        text = {"type": "text", "text": hostile(CHARS, number), "seq": 1}
        await ws.send(json.dumps(text))
        await next_event(ws, "text_ack")
        for _ in range(3):
            answer = await within(ask(server, f"text={quote(HELLO)}"))
            assert answer.pcm == expected
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{server.http}/healthz")).status_code == 200
        await ws.send('{"type":"cancel"}')
        told = await next_event(ws, "cancelled")
        assert told["spoken_chars"] < CHARS, "all that time it was being spoken"


async def test_a_barge_in_frees_the_place_of_what_waits(compact: HibariModel) -> None:
    with serving(compact, max_text=CHARS) as server:
        async with connect(f"{server.ws}/stream", max_queue=None, max_size=None) as ws:
            for number in range(3):
                await ws.send(json.dumps({"type": "text", "text": hostile(CHARS, number)}))
                await ws.send('{"type":"cancel"}')
                await next_event(ws, "cancelled")
            await ws.send(json.dumps({"type": "text", "text": " " * CHARS}))
            await ws.send('{"type":"flush"}')
            await next_event(ws, "drained")
            await ws.send(json.dumps({"type": "text", "text": " " * CHARS}))
            await ws.send('{"type":"end"}')
            await next_event(ws, "end")
