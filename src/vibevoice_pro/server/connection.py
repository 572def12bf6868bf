"""One listener on `WS /stream`: JSON messages in, 20 ms frames out.

Two tasks: the reader always reads, so that a cancel is heard at once; the writer sends what the
stream has. Whichever ends first ends the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Mapping
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from vibevoice_pro.audio.frames import Framer
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.stream import Stream, StreamConfig
from vibevoice_pro.errors import BadParameter, Full, SpeechError, TextTooLong
from vibevoice_pro.server.params import StreamRequest, parse_stream
from vibevoice_pro.settings import Settings

log = logging.getLogger(__name__)

_BURST = 50  # frames sent before other connections get a turn
_MESSAGES = ("text", "flush", "end", "cancel", "ack")
_REASON_BYTES = 123  # RFC 6455, section 5.5: a control frame holds 125 bytes, 2 are the code


class Idle(SpeechError):
    """Nothing was written and nothing spoken for too long."""

    code = "idle"


def close_code(error: SpeechError) -> int:
    """WebSocket close code for an error (see docs/protocol.md)."""
    if isinstance(error, Full):
        return 1013
    if isinstance(error, TextTooLong):
        return 1009
    if isinstance(error, Idle):
        return 4408
    return 1011 if error.code == SpeechError.code else 4400


def short_reason(text: str) -> str:
    """`text` cut to what fits into a close frame."""
    return text.encode()[:_REASON_BYTES].decode(errors="ignore")


class Connection:
    """Serve one WebSocket from accept to close."""

    def __init__(self, socket: WebSocket, engine: Engine, settings: Settings) -> None:
        self._socket = socket
        self._engine = engine
        self._settings = settings
        self._events = True
        self._output = asyncio.Event()
        self._sent = 0  # bytes of audio
        self._cancels = 0
        self._complete = False  # the text is: `text` in the URL, or `end` was sent
        self._spoke = asyncio.get_running_loop().time()

    async def serve(self) -> None:
        """Run the connection; returns when it is closed."""
        await self._socket.accept()
        self._events = self._socket.query_params.get("events") != "0"
        stream: Stream | None = None
        try:
            request = parse_stream(self._socket.query_params, self._engine.model, self._settings)
            stream = self._open(request)
            await self._run(stream, request)
        except (WebSocketDisconnect, TimeoutError):
            pass  # the listener left, or stopped reading: nobody to tell
        except SpeechError as error:
            await self._refuse(error)
        finally:
            if stream is not None:
                stream.close()

    def _open(self, request: StreamRequest) -> Stream:
        loop = asyncio.get_running_loop()
        config = StreamConfig(
            voice=request.voice,
            options=request.options,
            rate=request.rate,
            lead=self._settings.lead,
            patience=request.patience,
            max_text=self._settings.max_text,
        )

        def output() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has closed in the meantime
                loop.call_soon_threadsafe(self._output.set)

        stream = self._engine.open(config, output)
        if request.text is not None:  # before any answer is sent: the engine can begin
            stream.feed(request.text)
            stream.finish()
            self._complete = True
        return stream

    async def _run(self, stream: Stream, request: StreamRequest) -> None:
        framer = Framer(request.rate)
        await self._tell(
            type="session",
            session_id=secrets.token_urlsafe(16),
            sample_rate=request.rate,
            frame_bytes=framer.size,
            voice=request.voice,
        )
        tasks = [
            asyncio.create_task(self._read(stream, framer)),
            asyncio.create_task(self._write(stream, framer)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for task, result in zip(tasks, results, strict=True):
            if task in done and isinstance(result, BaseException):
                raise result

    # --- reading -----------------------------------------------------------------------------

    async def _read(self, stream: Stream, framer: Framer) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1006))
            self._spoke = asyncio.get_running_loop().time()
            if await self._obey(self._parse(message), stream, framer):
                return

    @staticmethod
    def _parse(message: Mapping[str, Any]) -> dict[str, Any]:
        """A client's message, checked as far as that goes without the stream."""
        text = message.get("text")
        if text is None:
            raise BadParameter("messages must be JSON text; a binary one came")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadParameter(f"messages must be JSON; {text[:40]!r} is not") from error
        if not isinstance(data, dict) or data.get("type") not in _MESSAGES:
            raise BadParameter(
                f'messages must be objects with "type" one of {", ".join(_MESSAGES)}; '
                f"got {text[:60]!r}"
            )
        if data["type"] == "text" and not isinstance(data.get("text"), str):
            raise BadParameter('a message of type "text" needs "text", a string')
        return data

    async def _obey(self, message: dict[str, Any], stream: Stream, framer: Framer) -> bool:
        """Do what a message says; returns whether the connection is thereby over."""
        kind = message["type"]
        if kind == "cancel":
            stream.cancel()
            framer.drop()
            self._cancels += 1
            if self._complete:
                await self._finish("cancelled")
                return True
            await self._tell(type="cancelled", bytes=self._sent)
        elif kind != "ack":  # ack frees nothing yet: nothing is kept for a resume
            if self._complete:
                raise BadParameter(
                    f'"{kind}" came after the end of the text; open a new connection for more'
                )
            if kind == "text":
                stream.feed(message["text"])
            elif kind == "flush":
                stream.flush()
            else:
                stream.finish()
                self._complete = True
        return False

    # --- writing -----------------------------------------------------------------------------

    async def _write(self, stream: Stream, framer: Framer) -> None:
        burst = framer.size * _BURST
        while True:
            pcm = stream.take(burst)
            frames = framer.push(pcm)
            if stream.ended:
                frames += framer.finish()
            # anyio's timeouts: asyncio.wait_for loses a cancel now and then before Python 3.12.
            with anyio.fail_after(self._settings.send_timeout):
                await self._send(frames)
            unread = stream.take_unread()
            if unread:
                await self._tell(
                    type="warning",
                    code="unread_text",
                    message=f"the voice cannot read {', '.join(sorted(unread))}; it was left out",
                )
            if stream.ended:
                await self._finish("done" if self._sent else "empty")
                return
            if pcm:
                self._spoke = asyncio.get_running_loop().time()
                await asyncio.sleep(0)
            else:
                await self._wait()

    async def _wait(self) -> None:
        """Wait for audio; raises `Idle` when neither side has anything to say for long."""
        loop = asyncio.get_running_loop()
        while not self._output.is_set():
            rest = self._spoke + self._settings.idle_timeout - loop.time()
            if rest <= 0:
                raise Idle(f"nothing was written or spoken for {self._settings.idle_timeout:g} s")
            with anyio.move_on_after(rest):
                await self._output.wait()
        self._output.clear()

    async def _send(self, frames: list[bytes]) -> None:
        cancels = self._cancels
        for frame in frames:
            if self._cancels != cancels:
                return
            self._sent += len(frame)
            await self._socket.send({"type": "websocket.send", "bytes": frame})

    async def _tell(self, **event: object) -> None:
        if self._events:
            await self._socket.send_text(json.dumps(event))

    async def _finish(self, reason: str) -> None:
        await self._tell(type="end", bytes=self._sent, reason=reason)
        await self._socket.close(1000, reason)

    async def _refuse(self, error: SpeechError) -> None:
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            await self._tell(type="error", code=error.code, message=str(error))
            await self._socket.close(close_code(error), short_reason(str(error)))
        except (WebSocketDisconnect, RuntimeError):
            pass  # it left in the meantime
