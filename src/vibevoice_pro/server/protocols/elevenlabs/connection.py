"""One WebSocket: `…/stream-input`, where it is one text, or `…/multi-stream-input`, where each
context is one."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from vibevoice_pro.config.keys import Key
from vibevoice_pro.errors import Idle, SpeechError
from vibevoice_pro.server.checked import checked, json_message
from vibevoice_pro.server.contexts import Contexts
from vibevoice_pro.server.line import Goodbye, Line
from vibevoice_pro.server.protocols.elevenlabs.codes import POLICY, field_of, status_and_code
from vibevoice_pro.server.protocols.elevenlabs.messages import (
    Message,
    Query,
    VoiceSettings,
)
from vibevoice_pro.server.protocols.elevenlabs.turn import Turn
from vibevoice_pro.speech.service import Service

log = logging.getLogger(__name__)

MOST_CONTEXTS = 10
"""At once in one connection; ElevenLabs allows five."""

_DONE = 1000
_EXAMPLE = '{"text": "Hello "}'
_FINAL = {"audio": None, "isFinal": True}


class Connection:
    """Serve one WebSocket from accept to close."""

    def __init__(
        self, socket: WebSocket, service: Service, key: Key, voice: str, multi: bool
    ) -> None:
        """`key`: who asks; `voice`: who is to speak; `multi`: whether contexts have names."""
        self._socket = socket
        self._service = service
        self._key = key
        self._voice = voice
        self._multi = multi
        self._line = Line(socket, service.settings.send_timeout)
        self._query = Query()
        self._contexts: Contexts[Turn] = Contexts(MOST_CONTEXTS, self._play)
        self._ending = asyncio.Event()  # no more text will come
        self._active = 0.0  # when the client said something last, or has heard all

    async def serve(self) -> None:
        """Run the connection; returns when it is closed, and nobody is spoken to any more."""
        await self._socket.accept()
        try:
            self._query = checked(Query, dict(self._socket.query_params))
            self._service.check(self._query.request(self._voice, VoiceSettings()))
            if self._query.ignored:
                await self._warn(self._query.ignored)
            self._touch()
            await self._line.run(self._read(), self._contexts.watch(), self._watch(), self._end())
            await self._line.close(_DONE)
        except (Goodbye, WebSocketDisconnect, TimeoutError):
            pass  # nobody to tell
        except SpeechError as error:
            await self._refuse(error)
        except Exception:
            log.exception("a connection failed")
            await self._refuse(SpeechError("the server has failed; it logged why"))
        finally:
            await self._contexts.drop_all()

    # --- reading ----------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            message = checked(Message, json_message(await self._line.receive(), _EXAMPLE))
            self._touch()
            if self._ending.is_set():
                continue
            if message.close_socket or (not self._multi and message.text == ""):
                for turn in self._contexts.all():
                    turn.finish()
                self._ending.set()
                continue
            name = message.context if self._multi else ""
            try:
                await self._obey(name, message)
            except SpeechError as error:
                if not self._multi:
                    raise
                await self._contexts.drop(name)
                await self._fail(name, error)

    async def _obey(self, name: str, message: Message) -> None:
        """Do what a message says to its context."""
        turn = self._contexts.get(name)
        ignored = message.ignored
        if turn is None:
            if not message.text:
                return  # keeps the connection alive, or speaks of a context that has ended
            turn = await self._open(name, message.voice_settings or VoiceSettings())
        elif message.voice_settings:
            ignored += ["voice_settings after a context's first message"]
        if ignored:
            await self._warn(ignored, name)
        if message.text and not ((message.text.isspace() and turn.is_new) or message.close_context):
            turn.write(message.text)
        if message.flush:
            turn.flush()
        if message.close_context:
            await self._close(name, turn)

    async def _close(self, name: str, turn: Turn) -> None:
        """Close a context, either because all was said or because somebody has interrupted it.

        The interface has one message for both, "no further audio will be generated". Its clients
        flush before they close at the end of an answer, and want all of it. Without a flush, or the
        second time, it is an interruption: pipecat would take what still comes for words of the
        next answer.
        """
        if turn.flushed:
            turn.finish()
        else:
            await self._contexts.drop(name)
            await self._tell(_FINAL, name)

    async def _open(self, name: str, settings: VoiceSettings) -> Turn:
        self._contexts.check_room()
        request = self._query.request(self._voice, settings)
        speech = await self._service.start(request, key=self._key)
        turn = Turn(speech, self._query)
        self._contexts.add(name, turn)
        return turn

    # --- writing ----------------------------------------------------------------------------------

    async def _play(self, name: str, turn: Turn) -> None:
        try:
            before = 0
            async for message in turn.messages():
                self._touch((turn.ms - before) / 1000)
                before = turn.ms
                await self._tell(message, name)
            await self._tell(_FINAL, name)
        except SpeechError as error:
            if not self._multi:
                raise
            await self._fail(name, error)

    async def _fail(self, name: str, error: SpeechError) -> None:
        """Tell that a context has ended with an error, and the others go on.

        livekit reads `error`; pipecat does not, but then its context ends at once.
        """
        await self._tell({**_told(error), "isFinal": True}, name)

    async def _warn(self, ignored: list[str], name: str = "") -> None:
        said = ", ".join(field[:60] for field in ignored[:20])
        await self._tell({"warning": f"without effect here: {said}"}, name)

    async def _tell(self, message: dict[str, Any], name: str = "") -> None:
        # Clients read one of these, some the other.
        names = {"contextId": name, "context_id": name} if name else {}
        await self._line.send(json.dumps({**message, **names}))

    # --- ending -----------------------------------------------------------------------------------

    def _touch(self, seconds: float = 0.0) -> None:
        """The client has said something, or has so many seconds more to listen to."""
        self._active = max(self._active, asyncio.get_running_loop().time()) + seconds

    async def _watch(self) -> None:
        """Wait for a client that says nothing, and has heard all that was said to it.

        Raises:
            Idle: there is text that waits for more.
        """
        loop, timeout = asyncio.get_running_loop(), self._query.inactivity_timeout
        while (rest := self._active + timeout - loop.time()) > 0:  # noqa: ASYNC110 - a clock
            await asyncio.sleep(rest)
        if len(self._contexts):
            raise Idle(
                f"nothing was sent for {timeout:g} s; inactivity_timeout may be up to 180, and "
                'a message with "text": "" keeps a context alive'
            )

    async def _end(self) -> None:
        await self._ending.wait()
        await self._contexts.ended()

    async def _refuse(self, error: SpeechError) -> None:
        try:
            with anyio.move_on_after(self._service.settings.send_timeout):
                await self._tell(_told(error))
        except (WebSocketDisconnect, RuntimeError):
            return  # it left in the meantime
        await self._line.close(POLICY, str(error))


def _told(error: SpeechError) -> dict[str, Any]:
    told = {"message": str(error), "error": status_and_code(error)[1], "code": POLICY}
    if error.field:
        told["param"] = field_of(error)
    if error.retry_after is not None:
        told["retry_after"] = error.retry_after
    return told
