"""What others notice while some send texts made to take long: the time to their first frame.

Short sentences are spoken one after the other on a running server; first alone, then while
attackers write. An attacker opens a session, sends its text in one message and listens, as anybody
may; when all was spoken, or it is refused, it comes again. In each round each attacker has another
pattern.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from vibevoice_pro.bench.figures import environment, spread
from vibevoice_pro.bench.hostile_texts import PATTERNS, hostile
from vibevoice_pro.bench.server import listen, reach
from vibevoice_pro.bench.texts import OPENINGS
from vibevoice_pro.client.address import stream_url
from vibevoice_pro.client.key import authorization

_PAUSE_S = 0.25  # between two sentences
_HEARD_S = 0.5  # of each
_AGAIN_S = 0.5  # before an attacker comes again


class _Attackers:
    """Clients that each send a hostile text, again and again until they are stopped.

    Attributes:
        texts: how many were sent so far.
    """

    def __init__(self, url: str, texts: Sequence[str]) -> None:
        self._url = stream_url(url)
        self._texts = texts
        self._absent = len(texts)  # attackers whose first text was not taken yet
        self._all_came = asyncio.Event()
        self.texts = 0

    async def __aenter__(self) -> _Attackers:
        self._tasks = [asyncio.create_task(self._attack(text)) for text in self._texts]
        await self._all_came.wait()
        return self

    async def __aexit__(self, *reason: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _attack(self, text: str) -> None:
        message = json.dumps({"type": "text", "text": text, "seq": 1})
        came = False
        while True:
            with contextlib.suppress(OSError, WebSocketException):
                async with connect(
                    self._url, max_size=None, compression=None, proxy=None,
                    additional_headers=authorization(),
                ) as socket:  # fmt: skip
                    await socket.send(message)
                    await socket.send('{"type":"end","seq":2}')
                    self.texts += 1
                    async for answer in socket:
                        if not came and isinstance(answer, str) and '"text_ack"' in answer:
                            came = True
                            self._came()
            if not came:  # refused
                came = True
                self._came()
            await asyncio.sleep(_AGAIN_S)

    def _came(self) -> None:
        self._absent -= 1
        if not self._absent:
            self._all_came.set()


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
    """First frames alone, and in each round of attack; returns the report.

    Args:
        url: address of the server.
        attackers: clients at once that send hostile texts.
        chars: characters of each text.
        sentences: of the others, alone and in each round.

    Raises:
        BadParameter, SpeechError: see `reach`.
    """
    await asyncio.to_thread(reach, url)
    await _sentences(url, 5)  # a server just started is slower
    alone, failed_alone = await _sentences(url, sentences)
    attacked: list[float] = []
    failed = texts = 0
    for start in range(0, len(PATTERNS), attackers):
        async with _Attackers(url, [hostile(chars, start + i) for i in range(attackers)]) as attack:
            times, failures = await _sentences(url, sentences)
        attacked += times
        failed += failures
        texts += attack.texts
    return {
        "environment": environment(),
        "attackers": attackers,
        "chars": chars,
        "hostile_texts": texts,
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
