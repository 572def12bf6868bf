"""A bad line: a TCP proxy that cuts, stalls, halves and comes late, as its seed will have it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

CHUNK = 4096


@dataclass(frozen=True)
class Mishap:
    """What happens to one connection.

    Attributes:
        kind: `none`: nothing; `cut`: both ends break; `half`: the client's end breaks, and the
            server is not told for a while; `stall`: nothing passes any more; `late`: what the
            server sends is held back, and passes when the client has perhaps come back already.
        down, up: bytes from the server, and from the client, after which it happens.
        seconds: that the server is not told, or that what was held back takes.
    """

    kind: str = "none"
    down: int = 0
    up: int = 1 << 40
    seconds: float = 0.0


def mishaps(seed: int, how_many: int) -> Callable[[int], Mishap]:
    """For each connection of a session what happens to it; after `how_many`, nothing."""
    rng = random.Random(seed)

    def draw() -> Mishap:
        return Mishap(
            rng.choice(["cut", "cut", "half", "stall", "late"]),
            down=int(rng.lognormvariate(10, 1.5)),
            up=rng.choice([1 << 40, rng.randrange(250, 2000)]),
            seconds=rng.uniform(0.05, 1.0),
        )

    planned = [draw() for _ in range(how_many)]
    return lambda connection: planned[connection] if connection < how_many else Mishap()


class Line:
    """Connections to a port, and what happens to them."""

    def __init__(self, target: Callable[[], int], plan: Callable[[int], Mishap]) -> None:
        """`target`: the port that the next connection goes to."""
        self._target = target
        self._plan = plan
        self.connections = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def laid(self) -> AsyncIterator[Line]:
        """The line, for as long as the context lasts."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        mishap = self._plan(self.connections)
        self.connections += 1
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target())
        except OSError:
            writer.transport.abort()
            return
        try:
            await self._carry(mishap, (reader, writer), (there, back))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            back.transport.abort()
            self._tasks.discard(task)

    @staticmethod
    async def _carry(
        mishap: Mishap,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        happened = asyncio.Event()
        held = bytearray()

        async def pass_on(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int, hold: bool
        ) -> None:
            passed = 0
            while data := await reader.read(CHUNK):
                if mishap.kind != "none":
                    allowed = 0 if happened.is_set() else max(0, limit - passed)
                    if hold:
                        held.extend(data[allowed:])
                    if len(data) > allowed:
                        happened.set()
                    data = data[:allowed]
                passed += len(data)
                writer.write(data)
                await writer.drain()

        ways = [
            asyncio.create_task(pass_on(server[0], client[1], mishap.down, True)),
            asyncio.create_task(pass_on(client[0], server[1], mishap.up, False)),
        ]
        event = asyncio.create_task(happened.wait())
        try:
            await asyncio.wait([*ways, event], return_when=asyncio.FIRST_COMPLETED)
            if not happened.is_set():  # one end has closed: let the other have what is on its way
                await asyncio.wait(ways, timeout=0.5)
                return
            if mishap.kind == "half":
                client[1].transport.abort()
                await asyncio.sleep(mishap.seconds)
            elif mishap.kind == "late":
                await asyncio.sleep(mishap.seconds)
                client[1].write(bytes(held))
                await client[1].drain()
            elif mishap.kind == "stall":
                await asyncio.wait([ways[1]], timeout=30)  # until the client gives it up
        finally:
            for task in (*ways, event):
                task.cancel()
            await asyncio.gather(*ways, event, return_exceptions=True)
