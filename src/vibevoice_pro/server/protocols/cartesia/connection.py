"""One WebSocket: any number of contexts, each a text that is written while it is spoken."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from vibevoice_pro.config.keys import Key
from vibevoice_pro.errors import BadParameter, Idle, SpeechError
from vibevoice_pro.server.checked import checked, json_message
from vibevoice_pro.server.contexts import Contexts
from vibevoice_pro.server.line import Goodbye, Line
from vibevoice_pro.server.protocols.cartesia.codes import message as error_message
from vibevoice_pro.server.protocols.cartesia.messages import Generation, context_of
from vibevoice_pro.server.protocols.cartesia.turn import Turn
from vibevoice_pro.speech.request import Pace
from vibevoice_pro.speech.service import Service

log = logging.getLogger(__name__)

MOST_CONTEXTS = 20
"""At once in one connection."""

_DONE, _FAILED = 1000, 1011
_EXAMPLE = '{"context_id": "a", "transcript": "Hello.", "voice": …, "output_format": …}'


class Connection:
    """Serve one WebSocket from accept to close."""

    def __init__(self, socket: WebSocket, service: Service, key: Key) -> None:
        """`key`: who asks."""
        self._socket = socket
        self._service = service
        self._key = key
        self._line = Line(socket, service.settings.send_timeout)
        self._contexts: Contexts[Turn] = Contexts(MOST_CONTEXTS, self._play)
        self._active = 0.0  # when something was said last, by either side

    async def serve(self) -> None:
        """Run the connection; returns when it is closed, and nobody is spoken to any more."""
        await self._socket.accept()
        self._touch()
        try:
            await self._line.run(self._read(), self._contexts.watch(), self._watch())
        except (Goodbye, WebSocketDisconnect, TimeoutError):
            pass  # nobody to tell
        except Idle as error:
            await self._line.close(_DONE, str(error))  # its clients then connect again
        except Exception:
            log.exception("a connection failed")
            await self._fail(SpeechError("the server has failed; it logged why"), None)
            await self._line.close(_FAILED)
        finally:
            await self._contexts.drop_all()

    # --- reading ----------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            message = await self._line.receive()
            self._touch()
            name = None
            try:
                values = json_message(message, _EXAMPLE)
                del message
                name = context_of(values)
                if values.get("cancel"):
                    # No more messages of it, not even `done`: its package would take that for the
                    # end of the context which it listens to by then.
                    await self._contexts.drop(name)
                else:
                    await self._obey(name, checked(Generation, values))
            except SpeechError as error:
                if name is not None:
                    await self._contexts.drop(name)  # its clients take an error for the end
                await self._fail(error, name)

    async def _obey(self, name: str, message: Generation) -> None:
        turn = self._contexts.get(name)
        if turn is None and not (message.transcript.strip() or message.more):
            return await self._tell(Turn.nothing(name))  # it has ended already, or never began
        if turn is None:
            turn = await self._open(name, message)
        return turn.write(message)

    async def _open(self, name: str, message: Generation) -> Turn:
        self._contexts.check_room()
        if message.output_format is None or message.output_format.container != "raw":
            raise BadParameter(
                'output_format of a WebSocket must be like {"container": "raw", "encoding": '
                '"pcm_s16le", "sample_rate": 24000}',
                field="output_format",
            )
        speech = await self._service.start(message.request(Pace.LIVE), key=self._key)
        turn = Turn(speech, message, name)
        self._contexts.add(name, turn)
        return turn

    # --- writing ----------------------------------------------------------------------------------

    async def _play(self, name: str, turn: Turn) -> None:
        async for message in turn.messages(turn.speech.events()):
            self._touch()
            await self._tell(message)

    async def _fail(self, error: SpeechError, name: str | None) -> None:
        try:
            with anyio.move_on_after(self._service.settings.send_timeout):
                await self._tell(error_message(error, name))
        except (WebSocketDisconnect, RuntimeError):
            pass  # it left in the meantime

    async def _tell(self, message: dict[str, Any]) -> None:
        await self._line.send(json.dumps(message))

    # --- ending -----------------------------------------------------------------------------------

    def _touch(self) -> None:
        self._active = asyncio.get_running_loop().time()

    async def _watch(self) -> None:
        """Wait for a client that says nothing for long and has no context.

        Raises:
            Idle: it is one; each context has its own clock.
        """
        loop, timeout = asyncio.get_running_loop(), self._service.settings.idle_timeout
        while (rest := self._active + timeout - loop.time()) > 0:
            await asyncio.sleep(rest)
            if len(self._contexts):
                self._touch()
        raise Idle(f"nothing was written or spoken for {timeout:g} s")
