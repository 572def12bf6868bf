"""One call: Twilio's JSON in and out.

Two tasks on one line: the reader, and the writer, which sends what the speech gives.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from vibevoice_pro.audio.formats import FORMATS
from vibevoice_pro.audio.frames import SAMPLE_BYTES
from vibevoice_pro.errors import BadParameter, SpeechError
from vibevoice_pro.server.auth import key_in_message
from vibevoice_pro.server.checked import checked
from vibevoice_pro.server.flushes import Flushes
from vibevoice_pro.server.line import Goodbye, Line
from vibevoice_pro.server.protocols.twilio import messages
from vibevoice_pro.server.protocols.twilio.messages import (
    RATE,
    MarkMessage,
    Speak,
    Start,
    parse,
    start_of,
)
from vibevoice_pro.speech.events import Audio, Drained, Ended, Warning
from vibevoice_pro.speech.service import Service
from vibevoice_pro.speech.speech import Speech

log = logging.getLogger(__name__)

START_S = 10.0
"""Seconds within which a call must begin."""

END = "end"
"""The mark after a text that came whole; when it returns, the call goes on without this server."""

_DONE, _FAILED, _REFUSED = 1000, 1011, 1008
_CODES = {
    "bad_parameter": _REFUSED, "over_quota": _REFUSED, "idle": _REFUSED, "text_too_long": 1009,
    "full": 1013, "stopping": 1012,
}  # fmt: skip
_SLACK_S = 10.0  # for the last mark to return, beyond the time that the audio before it takes


class Connection:
    """Serve one WebSocket from accept to close."""

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket = socket
        self._service = service
        self._line = Line(socket, service.settings.send_timeout)
        self._stream = ""
        self._flushes = Flushes()
        self._marks: deque[str] = deque()  # one for each of these
        self._written = self._over = 0  # characters, and how many of them need no waiting for
        self._clears = 0
        self._sending = asyncio.Lock()
        self._ended = asyncio.Event()  # the last mark has come back

    async def serve(self) -> None:
        """Run the connection; returns when it is closed, and nobody is spoken to any more."""
        await self._socket.accept()
        speech: Speech | None = None
        try:
            start = await self._start()
            key = key_in_message(self._socket, start.customParameters.api_key)
            speech = await self._service.start(start.customParameters.request(), key=key)
            await self._line.run(self._read(speech), self._write(speech))
            await self._line.close(_DONE)
        except (Goodbye, WebSocketDisconnect, TimeoutError):
            pass  # nobody to tell
        except SpeechError as error:
            await self._line.close(_CODES.get(error.code, _FAILED), str(error))
        except Exception:
            log.exception("a call failed")
            await self._line.close(_FAILED, "the server has failed; it logged why")
        finally:
            if speech is not None:
                await speech.close()

    # --- reading ----------------------------------------------------------------------------------

    async def _start(self) -> Start:
        """The call that begins."""
        with anyio.move_on_after(START_S):
            while True:
                event, values = parse(await self._line.receive())
                if event == "start":
                    start = start_of(values)
                    self._stream = start.streamSid
                    return start
                if event != "connected":
                    raise BadParameter(f"a call begins with connected and start; got {event[:40]}")
        raise BadParameter(f"no start came within {START_S:g} s")

    async def _read(self, speech: Speech) -> None:
        unknown: set[str] = set()
        while True:
            event, values = parse(await self._line.receive())
            match event:
                case "speak":
                    await self._speak(speech, checked(Speak, values))
                case "clear":
                    await self._clear(speech)
                case "mark" if checked(MarkMessage, values).mark.name == END:
                    self._ended.set()
                case "stop":
                    return  # the call is over
                case "media" | "dtmf" | "mark" | "connected":
                    pass  # what the caller says is for others
                case _ if not unknown:
                    unknown.add(event)
                    log.warning("a call sends %r, which is not known here", event[:40])

    async def _speak(self, speech: Speech, said: Speak) -> None:
        if said.text:
            speech.write(said.text)
            self._written += len(said.text)
        if said.mark is None:
            return
        if self._over == self._written:
            return await self._send(messages.mark(self._stream, said.mark))
        self._flushes.add(self._written)
        self._marks.append(said.mark)
        speech.flush()

    async def _clear(self, speech: Speech) -> None:
        """Be silent at once. As with Twilio's own `clear`, marks that wait come back now."""
        self._clears += 1
        speech.cancel()
        self._over = self._written
        self._flushes.clear()
        names, self._marks = self._marks, deque()
        async with self._sending:
            for name in names:
                await self._line.send(messages.mark(self._stream, name))
            await self._line.send(messages.clear(self._stream))

    # --- writing ----------------------------------------------------------------------------------

    async def _write(self, speech: Speech) -> None:
        """Send all that the speech gives; it ends only where its text was known at the start."""
        encoder = await asyncio.to_thread(FORMATS["ulaw"].encoder, RATE)  # loads FFmpeg
        async for event in self._flushes.each(speech.events()):
            match event:
                case Audio():
                    await self._send_audio(messages.media(self._stream, encoder.add(event.pcm)))
                case Drained():
                    self._over = event.chars
                    await self._send(messages.mark(self._stream, self._marks.popleft()))
                case Warning():
                    log.info("session=%s: %s", speech.id[:8], event.message)
                case Ended() if not event.bytes and event.reason == "empty":
                    raise BadParameter("text holds nothing that can be spoken", field="text")
                case Ended():
                    await self._finish(event.bytes / (RATE * SAMPLE_BYTES))

    async def _send(self, message: str) -> None:
        async with self._sending:
            await self._line.send(message)

    async def _send_audio(self, message: str) -> None:
        """Send it, unless a `clear` has overtaken it."""
        clears = self._clears
        async with self._sending:
            if clears == self._clears:
                await self._line.send(message)

    async def _finish(self, seconds: float) -> None:
        """Wait until all has been played; so many there are in all."""
        await self._send(messages.mark(self._stream, END))
        with anyio.move_on_after(seconds + _SLACK_S):
            await self._ended.wait()
