"""Speech over lines that break and servers that die: every byte must come all the same."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

from tests.support.processes import Served
from tests.support.proxy import Proxy, mishaps
from tests.support.tone import CHAR_SAMPLES
from tests.support.wire import HELLO
from vibevoice_pro.client import Retry, speak

HASTY = Retry(first=0.01, longest=0.1, give_up=20.0, silence=1.0)
CHAR_BYTES = 2 * CHAR_SAMPLES
TEXT = f"{HELLO} It goes on for a while, so that there is something to lose. And so it ends."


def url(port: int) -> str:
    return f"ws://127.0.0.1:{port}/stream"


async def listen(*args: Any, **params: Any) -> bytes:
    return b"".join([pcm async for pcm in speak(*args, **params)])


async def over_a_bad_line(port: int, seeds: range, rate: int, at_once: int = 20) -> int:
    """Speak over lines that break at random; all must hear what an unbroken line brings.

    Returns the connections that it took.
    """
    places = asyncio.Semaphore(at_once)

    async def one(seed: int) -> int:
        rng = random.Random(seed)
        text = " ".join(rng.sample(TEXT.split(". "), 3)) + f". This was number {seed % 10}."
        async with places:
            whole = await listen(text, url(port), patience=0, rate=rate)
        words = text.split(" ")

        async def tokens() -> AsyncIterator[str]:
            for i, word in enumerate(words):
                yield word if i == 0 else f" {word}"
                await asyncio.sleep(0)  # the line has its turn

        async with places:
            line = stack.enter_context(Proxy(port))
            line.faults = mishaps(seed, 6)
            heard = await listen(tokens(), url(line.port), retry=HASTY, patience=0, rate=rate)
            assert heard == whole, f"seed {seed}"
            return line.accepted

    with contextlib.ExitStack() as stack:
        connections = sum(await asyncio.gather(*map(one, seeds)))
    assert connections > len(seeds), "no line was bad"
    return connections


class _Progress:
    """How many bytes were heard, by all listeners and by each of them."""

    def __init__(self) -> None:
        self.total = 0
        self.each: dict[int, int] = {}
        self._changed = asyncio.Condition()

    async def add(self, number: int, count: int) -> None:
        self.total += count
        self.each[number] = self.each.get(number, 0) + count
        async with self._changed:
            self._changed.notify_all()

    async def reach(self, total: float = 0, number: int = 0, count: float = 0) -> None:
        """Wait until all have heard `total` bytes, and listener `number` has heard `count`."""
        async with self._changed:
            while self.total < total or self.each.get(number, 0) < count:
                await self._changed.wait()


async def over_killed_servers(
    redis: str, quiet: int, seeds: range, kills: int, at_once: int = 20
) -> int:
    """Speak while servers are killed in turn; all must hear what the one at `quiet` brings.

    Each kill comes when so much more of all speech was heard, and the writers write on only when
    they were heard.

    Returns how many were killed while somebody listened.
    """
    servers = [Served(VIBEVOICE_STORE=redis, VIBEVOICE_LEAD="3") for _ in range(2)]
    texts = {seed: f"This is number {seed}. {TEXT} {TEXT}" for seed in seeds}
    whole: dict[int, bytes] = {}
    places = asyncio.Semaphore(at_once)
    for seed, what in texts.items():
        whole[seed] = await listen(what, url(quiet), patience=0)
    progress = _Progress()
    alive = killed = 0

    async def one(seed: int) -> None:
        words = texts[seed].split(" ")

        async def tokens() -> AsyncIterator[str]:
            for i, word in enumerate(words):
                await progress.reach(number=seed, count=4 * i // len(words) * 25_000)
                yield word if i == 0 else f" {word}"

        heard = b""
        async with places:
            async for pcm in speak(tokens(), url(line.port), retry=HASTY, patience=0):
                heard += pcm
                await progress.add(seed, len(pcm))
        assert heard == whole[seed], f"number {seed}"

    async def kill() -> None:
        nonlocal alive, killed
        share = sum(map(len, whole.values())) / (kills + 1)
        for number in range(1, kills + 1):
            await progress.reach(total=number * share)
            dead, alive = alive, 1 - alive
            servers[dead].kill()
            killed += 1
            await asyncio.to_thread(servers[dead].start)

    killing = asyncio.create_task(kill())
    try:
        with Proxy(lambda: servers[alive].port) as line:
            await asyncio.gather(*map(one, seeds))
        assert killed
        return killed
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
        for server in servers:
            server.kill()
