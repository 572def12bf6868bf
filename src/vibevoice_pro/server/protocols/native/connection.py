"""One connection on `WS /stream`: JSON messages in, JSON events and 20 ms frames out.

Four tasks: the reader always reads, so that a cancel is heard at once; the writer sends what the
speech gives; one confirms what was saved; one watches for a listener who does not read. Whichever
ends first ends the connection.
"""

from __future__ import annotations

import asyncio
import json
import logging

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from vibevoice_pro.config.keys import Key
from vibevoice_pro.errors import Idle, SpeechError
from vibevoice_pro.server.protocols.native import messages
from vibevoice_pro.server.protocols.native.codes import (
    DONE,
    FAILED,
    GOODBYES,
    close_code,
    close_reason,
)
from vibevoice_pro.server.protocols.native.params import parse_query
from vibevoice_pro.speech.events import (
    Audio,
    Cut,
    Drained,
    Ended,
    Event,
    Interrupted,
    Mark,
    Warning,
)
from vibevoice_pro.speech.request import AUTO
from vibevoice_pro.speech.service import Service
from vibevoice_pro.speech.speech import Speech

log = logging.getLogger(__name__)


class Goodbye(Exception):
    """The client has closed the connection, and wants no more."""


class Connection:
    """Serve one WebSocket from accept to close."""

    def __init__(self, socket: WebSocket, service: Service, key: Key) -> None:
        """`key`: who asks."""
        self._socket = socket
        self._service = service
        self._key = key
        self._events = True
        self._ended = False
        self._taken = asyncio.Event()  # a numbered message was taken and is to be confirmed
        self._sends = 0  # under way
        self._sent_at = 0.0  # when one began while there was none, or ended

    async def serve(self) -> None:
        """Run the connection; returns when it is closed.

        The session ends with it if the client said goodbye, nothing was said for long, or the model
        failed. In all other cases it can be resumed for a while: also after all was spoken, as
        the last of it may not have arrived, and after a mistake in a message.
        """
        await self._socket.accept()
        self._events = self._socket.query_params.get("events") != "0"
        speech: Speech | None = None
        try:
            speech = await self._open()
            await self._run(speech)
        except Goodbye:
            assert speech is not None
            await speech.close()
        except (WebSocketDisconnect, TimeoutError):
            pass  # the connection broke, or the listener stopped reading: nobody to tell
        except SpeechError as error:
            if speech is not None and (isinstance(error, Idle) or close_code(error) == FAILED):
                await speech.close()
            await self._refuse(error)
        except Exception:
            log.exception("a connection failed")
            if speech is not None:
                await speech.close()
            await self._refuse(SpeechError("the server has failed; it logged why"))
        finally:
            if speech is not None:
                speech.leave()

    async def _open(self) -> Speech:
        """The speech that the URL asks for."""
        query = parse_query(self._socket.query_params)
        if query.session_id is None or (query.offset is None and query.reopening is None):
            return await self._service.start(
                query.request, key=self._key, session_id=query.session_id
            )
        return await self._service.resume(
            query.session_id, query.offset or 0, key=self._key, request=query.request,
            reopening=query.reopening,
        )  # fmt: skip

    async def _run(self, speech: Speech) -> None:
        more: dict[str, object] = {"voice_asked": speech.voice_asked} if speech.voice_asked else {}
        if speech.voices:
            more |= {"language": AUTO, "voices": speech.voices}
        await self._tell(
            type="session",
            session_id=speech.id,
            sample_rate=speech.rate,
            frame_bytes=speech.frame_bytes,
            voice=speech.voice,
            **more,
            offset=speech.byte,
            seq=speech.seq,
        )
        await self._tell_interruption(speech.unanswered)
        reader = asyncio.create_task(self._read(speech))
        writer = asyncio.create_task(self._write(speech))
        tasks = [
            reader, writer,
            asyncio.create_task(self._confirm(speech)),
            asyncio.create_task(self._watch()),
        ]  # fmt: skip
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if writer.done() and isinstance(writer.exception(), WebSocketDisconnect):
                await asyncio.wait([reader], timeout=1.0)  # it is told whether that was a goodbye
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        failure = next((r for r in results if isinstance(r, Exception)), None)  # none: cancelled
        # An error refers to the frames that it has come through. Were one of them to refer to the
        # error, both would stay, with the speech, until the garbage collector comes.
        del reader, writer, tasks, results
        try:
            if failure is not None:
                raise failure
        finally:
            del failure

    # --- reading ------------------------------------------------------------------------------

    async def _read(self, speech: Speech) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                if self._ended:
                    return  # it was closed here
                # Only a close frame has a reason; a connection that breaks has none.
                if message.get("reason") is not None and message["code"] in GOODBYES:
                    raise Goodbye
                raise WebSocketDisconnect(message.get("code", 1006))
            parsed = messages.parse(message)
            del message  # it may have megabytes, and the next one may be long in coming
            await self._obey(parsed, speech)
            del parsed

    async def _obey(self, message: messages.Message, speech: Speech) -> None:
        """Do what a message says."""
        match message.kind:
            case "ack":
                assert message.bytes is not None
                return speech.acknowledge(message.bytes)
            case "text":
                speech.write(message.text, message.seq)
            case "flush":
                speech.flush(message.seq)
            case "end":
                speech.finish(message.seq)
            case "cancel":
                await self._tell_interruption(speech.cancel(message.bytes, message.seq))
        if message.seq is None:
            return None
        if speech.lasting:
            self._taken.set()
        else:
            await self._tell(type="text_ack", seq=speech.seq)
        return None

    async def _confirm(self, speech: Speech) -> None:
        """Tell what was taken, once it is saved; nothing else waits for that."""
        while True:
            await self._taken.wait()
            self._taken.clear()
            seq = speech.seq
            await speech.saved()
            await self._tell(type="text_ack", seq=seq)

    # --- writing ------------------------------------------------------------------------------

    async def _write(self, speech: Speech) -> None:
        async for event in speech.events():
            await self._tell_event(event)

    async def _tell_event(self, event: Event) -> None:
        match event:
            case Audio():
                await self._send({"type": "websocket.send", "bytes": event.pcm})
            case Mark():
                voice = {"voice": event.voice} if event.voice else {}
                await self._tell(
                    type="mark", chars=event.chars, bytes=event.bytes, exact=event.exact, **voice
                )
            case Drained():
                await self._tell(type="drained", bytes=event.bytes, chars=event.chars)
            case Cut():
                await self._tell(type="cut", chars=event.chars)
            case Interrupted():
                pass  # told at once, by whoever read the cancel
            case Warning():
                more = {"language": event.language} if event.language else {}
                await self._tell(type="warning", code=event.code, message=event.message, **more)
            case Ended():
                await self._end(event)

    async def _end(self, event: Ended) -> None:
        more = {} if event.spoken_chars is None else {"spoken_chars": event.spoken_chars}
        await self._tell(type="end", bytes=event.bytes, reason=event.reason, **more)
        self._ended = True
        await self._socket.close(DONE, event.reason)

    async def _tell_interruption(self, told: Interrupted | None) -> None:
        if told is not None and not told.final:  # else the `end` tells it
            await self._tell(type="cancelled", bytes=told.bytes, spoken_chars=told.spoken_chars)

    async def _tell(self, **event: object) -> None:
        if self._events and not self._ended:  # a confirmation may come after the end
            await self._send({"type": "websocket.send", "text": json.dumps(event)})

    async def _send(self, message: dict[str, object]) -> None:
        loop = asyncio.get_running_loop()
        if not self._sends:
            self._sent_at = loop.time()
        self._sends += 1
        try:
            await self._socket.send(message)
        finally:
            self._sends -= 1
            self._sent_at = loop.time()

    async def _watch(self) -> None:
        """End the connection of a listener who does not read.

        One look now and then costs less than a timer for each frame.
        """
        loop, limit = asyncio.get_running_loop(), self._service.settings.send_timeout
        while True:
            await asyncio.sleep(limit / 4)
            if self._sends and loop.time() - self._sent_at > limit:
                raise TimeoutError

    async def _refuse(self, error: SpeechError) -> None:
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        told: dict[str, object] = {"code": error.code, "message": str(error)}
        if error.field:
            told["field"] = error.field
        if error.retry_after is not None:
            told["retry_after"] = error.retry_after
        try:
            with anyio.move_on_after(self._service.settings.send_timeout):
                await self._tell(type="error", **told)
                await self._socket.close(close_code(error), close_reason(str(error)))
        except (WebSocketDisconnect, RuntimeError):
            pass  # it left in the meantime
