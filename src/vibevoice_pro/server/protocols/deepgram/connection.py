"""One WebSocket: text in, sound without a container out."""

from __future__ import annotations

import contextlib
import json
import logging
import uuid
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from vibevoice_pro.audio.formats import FORMATS
from vibevoice_pro.config.keys import Key
from vibevoice_pro.errors import Idle, SpeechError
from vibevoice_pro.server.checked import checked, json_message
from vibevoice_pro.server.flushes import Flushes
from vibevoice_pro.server.line import Goodbye, Line
from vibevoice_pro.server.protocols.deepgram.messages import (
    SPEAK_EXAMPLE,
    Message,
    Query,
    parse_stream_query,
)
from vibevoice_pro.server.refusal import STATUS, refusal, refuse_for
from vibevoice_pro.speech.events import Audio, Drained, Ended, Warning
from vibevoice_pro.speech.request import Pace
from vibevoice_pro.speech.service import Service
from vibevoice_pro.speech.speech import Speech

log = logging.getLogger(__name__)

_DONE, _FAILED = 1000, 1011


class Connection:
    """Serve one WebSocket: one speech, as long as it lasts."""

    def __init__(self, socket: WebSocket, service: Service, key: Key) -> None:
        """`key`: who asks."""
        self._socket = socket
        self._service = service
        self._key = key
        self._line = Line(socket, service.settings.send_timeout)
        self._flushes = Flushes()
        self._answers = 0
        self._closing = False  # no more text will come

    async def serve(self) -> None:
        """Run the connection; returns when it is closed, and nobody is spoken to any more.

        Whoever cannot be served is refused before the WebSocket opens, so that the client learns
        why from the answer to its request.
        """
        try:
            query = parse_stream_query(self._socket.query_params)
            speech = await self._service.start(query.request(None, Pace.LIVE), key=self._key)
        except SpeechError as error:
            refusal = refuse_for(self._socket.url.path, error)
            return await self._socket.send_denial_response(refusal)
        try:
            await self._accept(speech, query)
            await self._line.run(self._read(speech), self._write(speech, query))
            await self._line.close(_DONE)
        except (Goodbye, WebSocketDisconnect, TimeoutError):
            pass  # nobody to tell
        except Idle as error:
            await self._line.close(_FAILED, f"NET-0001: {error}")
        except SpeechError as error:
            await self._fail(error)
        except Exception:
            log.exception("a connection failed")
            await self._fail(SpeechError("the server has failed; it logged why"))
        finally:
            await speech.close()
        return None

    async def _accept(self, speech: Speech, query: Query) -> None:
        request_id = str(uuid.uuid4())
        headers = {"dg-request-id": request_id, "dg-model-name": speech.voice}
        offered = self._socket.scope.get("subprotocols") or [None]
        await self._socket.accept(
            offered[0], [(name.encode(), value.encode()) for name, value in headers.items()]
        )
        await self._tell(
            "Metadata", request_id=request_id, model_name=speech.voice, model_version="1",
            model_uuid=model_uuid(speech.voice),
        )  # fmt: skip
        if speech.voice_asked:
            await self._warn(f"{speech.voice} speaks for {speech.voice_asked}", "VOICE")
        if query.ignored:
            said = ", ".join(field[:40] for field in query.ignored[:20])
            await self._warn(f"without effect here: {said}", "IGNORED")

    # --- reading ----------------------------------------------------------------------------------

    async def _read(self, speech: Speech) -> None:
        while True:
            message = await self._line.receive()
            if self._closing:
                continue
            try:
                await self._obey(checked(Message, json_message(message, SPEAK_EXAMPLE)), speech)
            except SpeechError as error:  # nothing was taken; what was said before goes on
                await self._warn(str(error), error.code.upper())

    async def _obey(self, message: Message, speech: Speech) -> None:
        match message.type:
            case "Speak":
                speech.write(message.text or "")
            case "Flush":
                self._flushes.add(speech.chars)
                speech.flush()
            case "Clear":
                self._flushes.clear()
                speech.cancel()
                await self._answer("Cleared")
            case "Close":
                speech.finish()
                self._closing = True

    # --- writing ----------------------------------------------------------------------------------

    async def _write(self, speech: Speech, query: Query) -> None:
        encoder = FORMATS[query.format].encoder(speech.rate)
        async for event in self._flushes.each(speech.events()):
            match event:
                case Audio():
                    await self._line.send(encoder.add(event.pcm))
                case Drained():
                    await self._answer("Flushed")
                case Warning():
                    await self._warn(event.message, event.code.upper())
                case Ended() if rest := encoder.end():
                    await self._line.send(rest)

    async def _answer(self, kind: str) -> None:
        number, self._answers = self._answers, self._answers + 1
        await self._tell(kind, sequence_id=number)

    async def _fail(self, error: SpeechError) -> None:
        told = refusal(self._socket.url.path, STATUS.get(error.code, 500), error.code, str(error))
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it may have left
            with anyio.move_on_after(self._service.settings.send_timeout):
                await self._tell("Error", description=str(error), **told)
        await self._line.close(_FAILED, str(error))

    async def _warn(self, description: str, code: str) -> None:
        # Some clients read the first two, some the others.
        await self._tell(
            "Warning", description=description, code=code, warn_msg=description, warn_code=code
        )

    async def _tell(self, kind: str, **fields: Any) -> None:
        await self._line.send(json.dumps({"type": kind, **fields}))


def model_uuid(voice: str) -> str:
    """A UUID for a voice, always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, voice))
