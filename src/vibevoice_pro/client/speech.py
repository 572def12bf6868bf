"""One session with a server, over as many connections as it takes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from vibevoice_pro.client.address import URL, stream_url
from vibevoice_pro.client.errors import Lost, Refused

_AGAIN = {1001, 1012, 1013}
"""Close codes after which a session can be gone on with; and where there was none at all."""

_BROKEN = (TimeoutError, ConnectionResetError, InvalidMessage)
"""How a first connection fails that a second attempt may help, unlike with a wrong address."""

_UNCONFIRMED = 64  # messages on their way at most, before a writer has to wait
_ACK_BYTES = 32_000  # how often what was taken is acknowledged


@dataclass(frozen=True)
class Retry:
    """How a lost connection is taken up again.

    Attributes:
        first, longest: seconds before the first and between later attempts, doubled each time and
            shortened at random, so that not all clients come back together.
        give_up: seconds after which the session counts as lost; servers keep it for 120 s.
        silence: seconds without an answer to a ping after which a connection is dead.
    """

    first: float = 0.25
    longest: float = 5.0
    give_up: float = 120.0
    silence: float = 5.0

    def wait(self, attempt: int) -> float:
        """Seconds before the attempt with this number, from 0 on."""
        return min(self.longest, self.first * 2.0**attempt) * random.uniform(0.5, 1.0)


@dataclass(frozen=True)
class Interruption:
    """What became of a barge-in.

    Attributes:
        bytes: of audio that the server had sent.
        spoken_chars: of all text written in this session, what had been spoken in what was heard.
    """

    bytes: int
    spoken_chars: int


class Speech:
    """Text in, PCM out, for one listener: an asynchronous context manager and iterator.

        async with Speech(voice="en-Heart_woman") as speech:
            await speech.write("Hello ")
            await speech.write("there.")
            await speech.end()
            async for pcm in speech:    # s16le, mono
                ...

    A connection that breaks is taken up again where it was, text included: nothing is heard or
    spoken twice or left out. Writing and listening may go on in different tasks.
    """

    def __init__(
        self, url: str = URL, *, retry: Retry = Retry(),
        on_event: Callable[[Mapping[str, Any]], None] = lambda event: None, **params: object,
    ) -> None:  # fmt: skip
        """`params` go into the URL: voice, rate, speed, seed, steps, cfg, …

        `on_event` gets every message of the server beside the audio (docs/protocol.md), and
        `{"type":"reconnecting","attempt","wait"}` when the connection broke.
        """
        self._url = stream_url(url)
        self._params = {k: v for k, v in params.items() if v is not None}
        self._retry = retry
        self._on_event = on_event
        # An id of its own, so that a connection that breaks before its answer can be repeated.
        self._session = str(self._params.pop("session_id", secrets.token_urlsafe(16)))
        self._answered = False
        self._seq = 0
        self._outbox: deque[dict[str, Any]] = deque()  # what is not confirmed yet
        self._received = 0  # bytes
        self._pcm: deque[bytes] = deque()  # received and not taken
        self._held: deque[tuple[int, bytes]] | None = None  # while a cancel awaits its answer
        self._cancelled = 0  # bytes before which nothing is to be heard any more
        self._interruption: asyncio.Future[Interruption] | None = None
        self._taken = self._acknowledged = 0
        self._changed = asyncio.Condition()
        self._to_send = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._over = False
        self._error: Exception | None = None

    # --- writing -----------------------------------------------------------------------------

    async def write(self, text: str) -> None:
        """Add text, in any portions; waits while much of it is not confirmed by the server.

        Raises:
            Refused, Lost: the speech cannot go on.
        """
        if text:
            await self._send({"type": "text", "text": text})

    async def flush(self) -> None:
        """Speak everything written so far; a `drained` event tells when it has been sent."""
        await self._send({"type": "flush"})

    async def end(self) -> None:
        """No more text: the iteration ends when all of it has been heard."""
        await self._send({"type": "end"})

    async def cancel(self, played: int | None = None) -> Interruption:
        """Barge-in: silence at once, all text is forgotten; write on to speak afresh.

        `played`: bytes of all audio taken here that have been played; by default all of it.
        """
        if self._interruption is not None:
            return await asyncio.shield(self._interruption)
        self._interruption = asyncio.get_running_loop().create_future()
        self._pcm.clear()
        self._held = deque()
        played = self._taken if played is None else played
        await self._send({"type": "cancel", "bytes": played}, urgent=True)
        return await asyncio.shield(self._interruption)

    async def _send(self, message: dict[str, Any], urgent: bool = False) -> None:
        async with self._changed:
            while not urgent and len(self._outbox) >= _UNCONFIRMED and not self._over:
                await self._changed.wait()
        if self._over:
            raise self._error or Lost("the speech is over")
        self._seq += 1
        self._outbox.append({**message, "seq": self._seq})
        self._to_send.set()

    # --- hearing -----------------------------------------------------------------------------

    @property
    def session_id(self) -> str:
        """The name of this speech on the server."""
        return self._session

    @property
    def received(self) -> int:
        """Bytes of audio received so far."""
        return self._received

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            async with self._changed:
                while not self._pcm and not self._over:
                    await self._changed.wait()
            if not self._pcm:
                if self._error is not None:
                    raise self._error
                return
            pcm = self._pcm.popleft()
            self._taken += len(pcm)
            if self._taken - self._acknowledged >= _ACK_BYTES:
                self._to_send.set()
            yield pcm

    # --- connections -------------------------------------------------------------------------

    async def __aenter__(self) -> Speech:
        self._task = asyncio.create_task(self._run())
        async with self._changed:
            while not self._answered and not self._over:
                await self._changed.wait()
        if self._error is not None:
            raise self._error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._go_on()
        except Exception as error:  # whoever writes or listens is told
            self._error = error
        finally:
            self._over = True
            if self._interruption is not None and not self._interruption.done():
                self._interruption.set_exception(self._error or Lost("the speech is over"))
                self._interruption.exception()  # it is no fault if nobody asks
            await self._tell_all()

    async def _go_on(self) -> None:
        """Connect, and connect again, until all has been spoken."""
        loop = asyncio.get_running_loop()
        attempt, lost_at = 0, 0.0
        while True:
            before = self._received
            try:
                async with connect(
                    self._address(), max_size=None, compression=None, close_timeout=1,
                    open_timeout=2 * self._retry.silence,
                    ping_interval=self._retry.silence, ping_timeout=self._retry.silence,
                ) as socket:  # fmt: skip
                    await self._talk(socket)
                return
            except ConnectionClosed as error:
                wait = self._wait_after(error)
            except (OSError, InvalidHandshake) as error:
                if not lost_at and not isinstance(error, _BROKEN):
                    raise Lost(f"{self._url} cannot be reached: {error}") from error
                wait = None
            if self._received > before or not lost_at:
                attempt, lost_at = 0, loop.time()
            if loop.time() - lost_at > self._retry.give_up:
                raise Lost(f"{self._url} could not be reached for {self._retry.give_up:g} s")
            wait = self._retry.wait(attempt) if wait is None else wait
            attempt += 1
            self._on_event({"type": "reconnecting", "attempt": attempt, "wait": wait})
            await asyncio.sleep(wait)

    def _wait_after(self, error: ConnectionClosed) -> float | None:
        """Seconds that the server asks for, None: none; raises `Refused` if it will not go on."""
        if error.rcvd is None:  # nobody said why
            return None
        code, reason = error.rcvd.code, error.rcvd.reason
        if code not in _AGAIN or not self._answered:
            raise Refused(code, reason) from error
        asked = re.search(r"try again in (\d+) s", reason)
        return float(asked[1]) if asked else None

    def _address(self) -> str:
        more = {"offset": self._received} if self._answered else self._params
        return f"{self._url}?{urlencode({'session_id': self._session, **more})}"

    async def _talk(self, socket: ClientConnection) -> None:
        """Serve one connection; returns when the server has said the end."""
        sent = 0
        known = not self._answered  # a new session: everything can be sent at once

        async def write() -> None:
            nonlocal sent
            await acknowledge()  # the server then keeps what is not, and waits for who is slow
            while True:
                self._to_send.clear()
                for message in list(self._outbox):
                    if known and message["seq"] > sent:
                        sent = message["seq"]
                        await socket.send(json.dumps(message))
                if self._taken - self._acknowledged >= _ACK_BYTES:
                    await acknowledge()
                await self._to_send.wait()

        async def acknowledge() -> None:
            self._acknowledged = self._taken
            await socket.send(json.dumps({"type": "ack", "bytes": self._acknowledged}))

        writer = asyncio.create_task(write())
        try:
            async for message in socket:
                if isinstance(message, bytes):
                    await self._hear(message)
                    continue
                event = json.loads(message)
                if event["type"] == "session":
                    known = True
                    self._to_send.set()
                if await self._understand(event):
                    return
            raise ConnectionClosed(None, None)  # it closed properly, but without an end
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                await writer

    async def _hear(self, pcm: bytes) -> None:
        place = self._received
        self._received += len(pcm)
        if self._held is None:
            self._keep(place, pcm)
        else:
            self._held.append((place, pcm))
        await self._tell_all()

    def _keep(self, place: int, pcm: bytes) -> None:
        if heard := pcm[max(0, self._cancelled - place) :]:
            self._pcm.append(heard)

    async def _understand(self, event: Mapping[str, Any]) -> bool:
        """Take note of an event; returns whether it was the last."""
        kind = event["type"]
        if kind == "session":
            self._answered = True
        if kind in {"session", "text_ack"}:
            while self._outbox and self._outbox[0]["seq"] <= event["seq"]:
                self._outbox.popleft()
        if "spoken_chars" in event:
            self._interrupted(Interruption(event["bytes"], event["spoken_chars"]))
        await self._tell_all()
        self._on_event(event)
        return bool(kind == "end")

    def _interrupted(self, interruption: Interruption) -> None:
        """What was sent before a cancel is not to be heard; what came after it is."""
        if self._held is None or self._interruption is None:
            return
        self._cancelled = self._taken = interruption.bytes
        for place, pcm in self._held:
            self._keep(place, pcm)
        self._held = None
        self._interruption.set_result(interruption)
        self._interruption = None

    async def _tell_all(self) -> None:
        async with self._changed:
            self._changed.notify_all()
