"""A TCP proxy on a bad line: it breaks connections at the byte, each time in the same way.

with Proxy(server.port, only=b"GET /stream") as proxy:
    proxy.faults = cuts(seed=1, least=5_000, most=50_000)
    ...  # connect to proxy.port
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, TypeVar

T = TypeVar("T")

_CHUNK = 4096


@dataclass(frozen=True)
class Fault:
    """What befalls one connection.

    Attributes:
        after: bytes from server to client that pass before; 0: it never reaches the server.
        kind: `cut` ends both sides without a goodbye; `half` ends the client's, the server's only
            later; `late` holds back what the server sends, and lets it through later, when the
            client has perhaps come back already, then ends both; `stall` lets nothing through any
            more, in either direction, but ends nothing.
        up: bytes from client to server after which it happens, if that is earlier.
        seconds: how much later.
    """

    after: int
    kind: Literal["cut", "half", "late", "stall"] = "cut"
    up: int | None = None
    seconds: float = 0.0


def cuts(seed: int, least: int, most: int) -> Iterator[Fault]:
    """One cut after another, each at a place drawn between two numbers of bytes."""
    places = random.Random(seed)
    return (Fault(places.randint(least, most)) for _ in itertools.count())


def mishaps(seed: int, how_many: int) -> Iterator[Fault]:
    """So many faults of all kinds, most of them early, some in the middle of a text on its way."""
    rng = random.Random(seed)
    for _ in range(how_many):
        yield Fault(
            1 + int(rng.lognormvariate(10, 1.5)),
            rng.choice(["cut", "cut", "half", "stall", "late"]),
            rng.choice([None, rng.randrange(250, 2000)]),
            rng.uniform(0.05, 1.0),
        )


class Proxy:
    """Listens on a free port of this machine, on a thread of its own, and leads to `target` there.

    Attributes:
        faults: each connection takes the next; when there are no more, connections are left alone.
        refusing: whether every connection is cut at once; it takes no fault then.
        accepted: connections so far, refused ones included.
        port: where it listens.
    """

    def __init__(self, target: int | Callable[[], int], only: bytes = b"") -> None:
        """`target`: a port, or what tells the port of the next connection.

        `only`: connections that begin otherwise pass untouched, and are not counted."""
        self.faults: Iterator[Fault] = iter(())
        self.refusing = False
        self.accepted = 0
        self._target = target if callable(target) else lambda: target
        self._only = only
        self._open: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Cut all connections now, from any thread; returns when it is done."""
        self._run(self._cut())

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, sock=self._socket))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _stop(self) -> None:
        self._server.close()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _cut(self) -> None:
        for pair in self._open:
            for side in pair:
                side.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            first = await reader.read(_CHUNK)
            fault: Fault | None = None
            if first.startswith(self._only):
                self.accepted += 1
                fault = Fault(0) if self.refusing else next(self.faults, None)
            if fault != Fault(0):
                await self._pass_on(first, reader, client, fault)
        client.transport.abort()

    async def _pass_on(
        self, first: bytes, reader: asyncio.StreamReader, client: asyncio.StreamWriter,
        fault: Fault | None,
    ) -> None:  # fmt: skip
        answers, server = await asyncio.open_connection("127.0.0.1", self._target())
        self._open.add((client, server))
        server.write(first)
        ways = [
            asyncio.create_task(_copy(reader, server, fault.up if fault else None)),
            asyncio.create_task(_copy(answers, client, fault.after if fault else None)),
        ]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if fault and any(way.result() for way in done):
                await _break(fault, ways, answers, client)
        finally:
            for way in ways:
                way.cancel()
            self._open.discard((client, server))
            server.transport.abort()


async def _break(
    fault: Fault, ways: list[asyncio.Task[bool]], answers: asyncio.StreamReader,
    client: asyncio.StreamWriter,
) -> None:  # fmt: skip
    """Let a fault happen; when this returns, both sides are ended."""
    for way in ways:
        way.cancel()
    await asyncio.gather(*ways, return_exceptions=True)
    if fault.kind == "half":
        client.transport.abort()
        await asyncio.sleep(fault.seconds)
    elif fault.kind == "late":
        await asyncio.sleep(fault.seconds)
        client.write(await asyncio.wait_for(answers.read(_CHUNK), 5))
        await client.drain()
    elif fault.kind == "stall":
        await asyncio.get_running_loop().create_future()  # until the proxy stops


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, most: int | None) -> bool:
    """Pass bytes on until they end, or `most` have passed; returns whether it was that."""
    sink.transport.set_write_buffer_limits(0)  # so that `drain` waits until all is handed over
    with contextlib.suppress(ConnectionError):
        while most is None or most > 0:
            data = await source.read(_CHUNK if most is None else min(_CHUNK, most))
            if not data:
                return False
            sink.write(data)
            await sink.drain()
            if most is not None:
                most -= len(data)
        return True
    return False
