"""One connection to a session on `WS /stream`: JSON messages in, 20 ms frames out.

Two tasks: the reader always reads, so that a cancel is heard at once; the writer sends what the
session has. Whichever ends first ends the connection, and so does a newer connection to the same
session. What becomes of the session then depends on how it ended, see `Connection.serve`.
"""

from __future__ import annotations

import asyncio
import json

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from vibevoice_pro.engine.pcm import Spoken
from vibevoice_pro.errors import (
    BadParameter,
    Full,
    NoSession,
    OffsetGone,
    SpeechError,
    TakenOver,
    TextTooLong,
)
from vibevoice_pro.server.protocols.native import messages
from vibevoice_pro.server.protocols.native.params import check_same, parse_stream
from vibevoice_pro.server.status import Service
from vibevoice_pro.speech.sessions.session import Interruption, Session

_REASON_BYTES = 123  # RFC 6455, section 5.5: a control frame holds 125 bytes, 2 are the code
_GOODBYES = (1000, 1001, 1005)  # done, leaving (a page was closed), and without a code


class Idle(SpeechError):
    """Nothing was written and nothing spoken for too long."""

    code = "idle"


class Goodbye(Exception):
    """The client has closed the connection, and wants no more."""


_CODES: tuple[tuple[type[SpeechError], int], ...] = (
    (Full, 1013), (TextTooLong, 1009), (NoSession, 4404), (Idle, 4408), (TakenOver, 4409),
    (OffsetGone, 4410),
)  # fmt: skip


def close_code(error: SpeechError) -> int:
    """WebSocket close code for an error (see docs/protocol.md)."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return 1011 if error.code == SpeechError.code else 4400


def short_reason(text: str) -> str:
    """`text` cut to what fits into a close frame."""
    return text.encode()[:_REASON_BYTES].decode(errors="ignore")


class Connection:
    """Serve one WebSocket from accept to close."""

    def __init__(self, socket: WebSocket, service: Service, owner: str = "") -> None:
        """`owner`: whose sessions it may go on with."""
        self._socket = socket
        self._service = service
        self._settings = service.settings
        self._owner = owner
        self._events = True
        self._output = asyncio.Event()
        self._evicted = asyncio.Event()
        self._at = 0  # bytes of the session's audio, those before this connection included
        self._cancels = 0
        self._finished = False
        self._spoke = asyncio.get_running_loop().time()

    # --- as the session sees it --------------------------------------------------------------

    def wake(self) -> None:
        """See `Listener`."""
        self._output.set()

    def evict(self) -> None:
        """See `Listener`."""
        self._evicted.set()

    async def serve(self) -> None:
        """Run the connection; returns when it is closed.

        The session ends with it if the client said goodbye, nothing was said for long, or the model
        failed. In all other cases it can be gone on with for a while: also after all was spoken, as
        the last of it may not have arrived, and after a mistake in a message.
        """
        await self._socket.accept()
        self._events = self._socket.query_params.get("events") != "0"
        sessions = self._service.sessions
        session: Session | None = None
        try:
            session = await self._find_or_open()
            await self._run(session)
        except Goodbye:
            assert session is not None
            await sessions.close(session, by=self)
        except (WebSocketDisconnect, TimeoutError):
            pass  # the connection broke, or the listener stopped reading: nobody to tell
        except SpeechError as error:
            if session is not None and (isinstance(error, Idle) or close_code(error) == 1011):
                await sessions.close(session, by=self)
            await self._refuse(error)
        finally:
            if session is not None:
                session.detach(self)

    async def _find_or_open(self) -> Session:
        """The session that the URL asks for, with this connection as its listener."""
        query, sessions = self._socket.query_params, self._service.sessions
        request = parse_stream(query, self._service.engine.model, self._settings)
        session = None
        if request.session_id is not None:
            if request.offset is not None:
                session = await sessions.get(request.session_id, self._owner)
            else:
                session = await sessions.find(request.session_id, self._owner)
        if session is not None:
            check_same(query, request, session.config)
        else:
            config = request.config(self._service.base)
            session = sessions.open(config, self._owner, request.session_id)
            if request.text is not None:  # before any answer is sent: the engine can begin
                session.feed(request.text)
                session.finish()
        self._at = request.offset or 0
        session.attach(self, self._at)
        await sessions.save(session)
        return session

    async def _run(self, session: Session) -> None:
        await self._tell(
            type="session",
            session_id=session.id,
            sample_rate=session.config.rate,
            frame_bytes=session.frame_bytes,
            voice=session.config.voice,
            offset=self._at,
            seq=session.seq,
        )
        if session.interruption is not None and self._at <= session.interruption.sent:
            await self._tell_interruption(session.interruption)  # it may not have arrived
        reader = asyncio.create_task(self._read(session))
        writer = asyncio.create_task(self._write(session))
        tasks = [reader, writer, asyncio.create_task(self._leave_to_another())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if writer.done() and isinstance(writer.exception(), WebSocketDisconnect):
                await asyncio.wait([reader], timeout=1.0)  # it is told whether that was a goodbye
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):  # those that were cancelled are none
                raise result

    async def _leave_to_another(self) -> None:
        await self._evicted.wait()
        raise TakenOver("a newer connection goes on with this session")

    # --- reading -----------------------------------------------------------------------------

    async def _read(self, session: Session) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                if self._finished:
                    return  # it was closed here
                # Only a close frame has a reason; a connection that breaks has none.
                if message.get("reason") is not None and message["code"] in _GOODBYES:
                    raise Goodbye
                raise WebSocketDisconnect(message.get("code", 1006))
            self._spoke = asyncio.get_running_loop().time()
            await self._obey(messages.parse(message), session)

    async def _obey(self, message: messages.Message, session: Session) -> None:
        """Do what a message says."""
        if message.kind == "ack":
            assert message.bytes is not None
            session.acknowledge(message.bytes)
            return
        if session.is_news(message.seq):
            self._write_down(message, session)
            session.seq = message.seq or session.seq
            await self._service.sessions.save(session)  # only then it is confirmed
        if message.kind == "cancel" and session.interruption is not None:
            await self._tell_interruption(session.interruption)
        if message.seq is not None:
            await self._tell(type="text_ack", seq=session.seq)

    def _write_down(self, message: messages.Message, session: Session) -> None:
        if message.kind == "cancel":
            session.cancel(message.bytes)
            self._cancels += 1
        elif session.complete:
            raise BadParameter(
                f'"{message.kind}" came after the end of the text; open a new session for more'
            )
        elif message.kind == "text":
            session.feed(message.text)
        elif message.kind == "flush":
            session.flush()
        else:
            session.finish()

    # --- writing -----------------------------------------------------------------------------

    async def _write(self, session: Session) -> None:
        for mark in session.replay.spoken_around(self._at):
            await self._tell_mark(mark)
        while True:
            part = session.next(self._at)
            # anyio's timeouts: asyncio.wait_for loses a cancel now and then before Python 3.12.
            with anyio.fail_after(self._settings.send_timeout):
                await self._send(session, part.frames, part.spoken)
            if part.unread:
                await self._tell(
                    type="warning",
                    code="unread_text",
                    message=f"the voice cannot read {', '.join(sorted(part.unread))}; "
                    "it was left out",
                )
            if session.over(self._at):
                await self._finish(session)
                return
            if session.drained(self._at):
                await self._tell(type="drained", bytes=self._at, chars=session.written)
            if part.frames:
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

    async def _send(self, session: Session, frames: list[bytes], marks: list[Spoken]) -> None:
        """Send frames, each mark before the frame in which its sound begins."""
        cancels = self._cancels
        for frame in frames:
            end = self._at + len(frame)
            while marks and marks[0].bytes[0] < end:
                await self._tell_mark(marks.pop(0))
            if self._cancels != cancels:
                return
            self._at = end
            session.hand_out(end)
            await self._socket.send({"type": "websocket.send", "bytes": frame})

    async def _tell_mark(self, mark: Spoken) -> None:
        exact = self._service.engine.model.info.exact_marks
        await self._tell(type="mark", chars=mark.chars, bytes=mark.bytes, exact=exact)

    async def _tell_interruption(self, told: Interruption) -> None:
        if not told.final:  # else the `end` tells it
            await self._tell(type="cancelled", bytes=told.sent, spoken_chars=told.spoken)

    async def _tell(self, **event: object) -> None:
        if self._events:
            await self._socket.send_text(json.dumps(event))

    async def _finish(self, session: Session) -> None:
        reason, more = "done" if self._at else "empty", {}
        if session.interruption is not None and session.interruption.final:
            reason, more = "cancelled", {"spoken_chars": session.interruption.spoken}
        await self._tell(type="end", bytes=self._at, reason=reason, **more)
        self._finished = True
        await self._socket.close(1000, reason)

    async def _refuse(self, error: SpeechError) -> None:
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            with anyio.move_on_after(self._settings.send_timeout):
                await self._tell(type="error", code=error.code, message=str(error))
                await self._socket.close(close_code(error), short_reason(str(error)))
        except (WebSocketDisconnect, RuntimeError):
            pass  # it left in the meantime
