"""Longer proofs, run by `make prove`: ten minutes and an hour without a gap, memory flat."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator

import psutil
import pytest
from websockets.asyncio.client import connect

from tests.support.processes import Served
from vibevoice_pro.bench.texts import passage

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1200)]

FRAME_S = 0.02


@pytest.fixture
def served() -> Iterator[Served]:
    """A server in a process of its own, so that its memory is its own."""
    server = Served()
    yield server
    server.kill()


async def test_ten_minutes(served: Served) -> None:
    await speak_for(served, 600)


@pytest.mark.timeout(4500)
async def test_one_hour(served: Served) -> None:
    await speak_for(served, 3600)


async def speak_for(served: Served, seconds: int) -> None:
    """A writer sends word by word, in one session; a listener plays in real time."""
    process = psutil.Process(served.process.pid)
    words = re.findall(r"\S+\s*", passage(20 * seconds))
    memory: list[int] = []
    frames = late = marks = 0
    clock = cpu = 0.0
    began = time.monotonic()
    first = 0.0
    async with connect(f"ws://127.0.0.1:{served.port}/stream?patience=0", max_queue=None) as ws:

        async def write() -> None:
            for word in words:
                await ws.send(json.dumps({"type": "text", "text": word}))
                await asyncio.sleep(0.05)  # the pace of a language model: 20 words a second
            await ws.send('{"type":"end"}')

        writer = asyncio.create_task(write())
        async for message in ws:
            if isinstance(message, str):
                end = json.loads(message)
                marks += end["type"] == "mark"
                continue
            now = time.monotonic()
            first = first or now - began
            clock = clock or now + 0.2
            late += now > clock
            clock = max(clock, now) + FRAME_S
            frames += 1
            if frames % 500 == 0:
                memory.append(process.memory_info().rss)
                await ws.send(json.dumps({"type": "ack", "bytes": frames * 640}))
            if frames * FRAME_S == 60:
                cpu = sum(process.cpu_times()[:2])
        await writer
    took = time.monotonic() - began
    assert end == {"type": "end", "bytes": frames * 640, "reason": "done"}
    assert frames * FRAME_S > seconds
    assert late == 0
    after_a_minute = memory[6:]
    growth = max(after_a_minute) - after_a_minute[0]
    share = (sum(process.cpu_times()[:2]) - cpu) / (took - 60)
    print(
        f"{frames * FRAME_S:.1f} s of speech in one session, first frame {first * 1e3:.0f} ms, "
        f"{late} late, {marks} marks, memory {after_a_minute[0] / 1e6:.0f} MB, "
        f"{growth / 1e6:+.1f} MB after the first minute, {share:.1%} of a core"
    )
    assert growth < 20e6
