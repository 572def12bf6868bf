"""One connection on `WS /stream`: JSON messages in, JSON events and 20 ms frames out.

Three tasks on one line: the reader, the writer, which sends what the speech gives, and one that
confirms what was saved.
"""

from __future__ import annotations

import asyncio
import json
import logging

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from vibevoice_pro.config.keys import Key
from vibevoice_pro.errors import Idle, SpeechError
from vibevoice_pro.server.line import Goodbye, Line
from vibevoice_pro.server.protocols.native import messages
from vibevoice_pro.server.protocols.native.codes import DONE, FAILED, close_code
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


class Connection:
    """Serve one WebSocket from accept to close."""

    def __init__(self, socket: WebSocket, service: Service, key: Key) -> None:
        """`key`: who asks."""
        self._socket = socket
        self._service = service
        self._key = key
        self._line = Line(socket, service.settings.send_timeout)
        self._events = True
        self._taken = asyncio.Event()  # a numbered message was taken and is to be confirmed

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
        await self._line.run(self._read(speech), self._write(speech), self._confirm(speech))

    # --- reading ------------------------------------------------------------------------------

    async def _read(self, speech: Speech) -> None:
        while True:
            message = await self._line.receive()
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
                await self._line.send(event.pcm)
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
        await self._line.close(DONE, event.reason)

    async def _tell_interruption(self, told: Interrupted | None) -> None:
        if told is not None and not told.final:  # else the `end` tells it
            await self._tell(type="cancelled", bytes=told.bytes, spoken_chars=told.spoken_chars)

    async def _tell(self, **event: object) -> None:
        if self._events and not self._line.ended:  # a confirmation may come after the end
            await self._line.send(json.dumps(event))

    async def _refuse(self, error: SpeechError) -> None:
        told: dict[str, object] = {"code": error.code, "message": str(error)}
        if error.field:
            told["field"] = error.field
        if error.retry_after is not None:
            told["retry_after"] = error.retry_after
        try:
            with anyio.move_on_after(self._service.settings.send_timeout):
                await self._tell(type="error", **told)
        except (WebSocketDisconnect, RuntimeError):
            return  # it left in the meantime
        await self._line.close(close_code(error), str(error))
