"""A WebSocket to a client that has to read what it is sent; for all protocols that have one.

One task always reads, so that an interruption is heard at once; others send. Whichever ends first
ends the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

_REASON_BYTES = 123  # RFC 6455, section 5.5: a control frame holds 125 bytes, 2 are the code
_GOODBYES = (1000, 1001, 1005)  # done, leaving (a page was closed), and without a code
_TOLD_S = 1.0  # for the reader to be told why sending failed


class Goodbye(Exception):
    """The client has closed the connection, and wants no more."""


class Line:
    """One WebSocket, accepted.

    Attributes:
        ended: whether it was closed here.
    """

    def __init__(self, socket: WebSocket, send_timeout: float) -> None:
        """`send_timeout`: seconds for which a client may take nothing of what is sent."""
        self.ended = False
        self._socket = socket
        self._send_timeout = send_timeout
        self._sends = 0  # under way
        self._sent_at = 0.0  # when one began while there was none, or ended

    async def receive(self) -> str | bytes:
        """The next message.

        Raises:
            Goodbye: the client has closed the connection as one does who is done.
            WebSocketDisconnect: it was closed here, or broke.
        """
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            # Only a close frame has a reason; a connection that breaks has none.
            said = not self.ended and message.get("reason") is not None
            if said and message["code"] in _GOODBYES:
                raise Goodbye
            raise WebSocketDisconnect(message.get("code", 1006))
        text, data = message.get("text"), message.get("bytes")
        return text if text is not None else data or b""

    async def send(self, message: str | bytes) -> None:
        """Send a text or a binary message; not at once, if the client does not read.

        Raises:
            WebSocketDisconnect: nobody is there.
        """
        kind = "text" if isinstance(message, str) else "bytes"
        loop = asyncio.get_running_loop()
        if not self._sends:
            self._sent_at = loop.time()
        self._sends += 1
        try:
            await self._socket.send({"type": "websocket.send", kind: message})
        finally:
            self._sends -= 1
            self._sent_at = loop.time()

    async def close(self, code: int, reason: str = "") -> None:
        """Close it, with what fits of a reason; nothing is said to a client that left."""
        self.ended = True
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        shown = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        try:
            with anyio.move_on_after(self._send_timeout):
                await self._socket.close(code, shown)
        except (WebSocketDisconnect, RuntimeError):
            pass  # it left in the meantime

    async def run(
        self, reader: Coroutine[Any, Any, None], *others: Coroutine[Any, Any, None]
    ) -> None:
        """Run these until one of them ends; raises what it raised.

        Raises:
            TimeoutError: the client takes nothing of what is sent.
            WebSocketDisconnect: it has left.
        """
        reading = asyncio.create_task(reader)
        tasks = [reading, *map(asyncio.create_task, others), asyncio.create_task(self._watch())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if any(isinstance(task.exception(), WebSocketDisconnect) for task in done):
                await asyncio.wait([reading], timeout=_TOLD_S)  # it is told why
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        failure = next((r for r in results if isinstance(r, Exception)), None)  # none: cancelled
        # An error refers to the frames that it has come through. Were one of them to refer to the
        # error, both would stay, with the speech, until the garbage collector comes.
        del reading, tasks, results, done
        try:
            if failure is not None:
                raise failure
        finally:
            del failure

    async def _watch(self) -> None:
        """Wait for a client that does not read.

        One look now and then costs less than a timer for each frame.
        """
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._send_timeout / 4)
            if self._sends and loop.time() - self._sent_at > self._send_timeout:
                raise TimeoutError
