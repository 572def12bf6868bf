"""What others notice while some send texts made to take long: the time to their first frame.

Short sentences are spoken one after the other on a running server; first alone, then while
attackers write. An attacker opens a session, sends its text in one message and takes what comes
until it has been served for a while or is refused, then comes again with another text.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from typing import Any
from urllib.parse import quote

import anyio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from vibevoice_pro.bench.hostile_texts import hostile
from vibevoice_pro.bench.report import environment, spread
from vibevoice_pro.bench.server import listen, reach
from vibevoice_pro.bench.texts import OPENINGS
from vibevoice_pro.client.address import stream_url

_PAUSE_S = 0.25  # between two sentences
_HEARD_S = 0.5  # of each
_ATTACK_S = 5.0  # of one text, then comes the next
_REFUSED_S = 0.5  # before an attacker who was refused comes again


class _Attackers:
    """`count` clients at once that send hostile texts until they are stopped."""

    def __init__(self, url: str, count: int, chars: int) -> None:
        self._url = stream_url(url)
        self._chars = chars
        self._numbers = itertools.count()
        self._count = count
        self._waiting = count  # whose first text has not been taken yet
        self._all_in = asyncio.Event()
        self.texts = 0

    async def __aenter__(self) -> _Attackers:
        self._tasks = [asyncio.create_task(self._attack()) for _ in range(self._count)]
        await self._all_in.wait()
        return self

    async def __aexit__(self, *reason: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _attack(self) -> None:
        first = True
        while True:
            message = {"type": "text", "text": hostile(self._chars, next(self._numbers)), "seq": 1}
            with contextlib.suppress(OSError, ConnectionClosed), anyio.move_on_after(_ATTACK_S):
                async with connect(
                    self._url, max_size=None, compression=None, proxy=None
                ) as socket:  # fmt: skip
                    await socket.send(json.dumps(message))
                    self.texts += 1
                    async for answer in socket:
                        if first and isinstance(answer, str) and '"text_ack"' in answer:
                            first = False
                            self._came_in()
            if first:
                first = False
                self._came_in()
            await asyncio.sleep(_REFUSED_S)

    def _came_in(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._all_in.set()


async def _sentences(url: str, count: int) -> tuple[list[float], int]:
    """Milliseconds to the first frame of each of `count` sentences, and how many failed."""
    times, failed = [], 0
    for i in range(count):
        heard = await listen(
            f"{stream_url(url)}?text={quote(OPENINGS[i % len(OPENINGS)])}", _HEARD_S
        )
        if heard.ttfa is None:
            failed += 1
        else:
            times.append(heard.ttfa * 1e3)
        await asyncio.sleep(_PAUSE_S)
    return times, failed


async def measure(url: str, attackers: int, chars: int, sentences: int) -> dict[str, Any]:
    """First frames alone and under attack; returns the report.

    Raises:
        ValueError: `url` is none.
        OSError: nobody answers there.
    """
    reach(url)
    await _sentences(url, 5)  # a server just started is slower
    alone, failed_alone = await _sentences(url, sentences)
    async with _Attackers(url, attackers, chars) as attack:
        attacked, failed = await _sentences(url, sentences)
    return {
        "environment": environment(),
        "attackers": attackers,
        "chars": chars,
        "hostile_texts": attack.texts,
        "alone_ms": spread(alone),
        "attacked_ms": spread(attacked),
        "moved_ms": {name: _moved(alone, attacked, name) for name in spread(alone)},
        "failed": failed_alone + failed,
    }


def _moved(before: list[float], after: list[float], name: str) -> float | None:
    """How much a percentile of `spread` has grown."""
    values = spread(before)[name], spread(after)[name]
    if values[0] is None or values[1] is None:
        return None
    return round(values[1] - values[0], 1)
