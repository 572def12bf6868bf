"""One connection: events in, events out.

One task reads, so that a client that leaves is noticed; another sends what a speech gives.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio

from vibevoice_pro.audio.frames import SAMPLE_BYTES
from vibevoice_pro.config.keys import ANYONE
from vibevoice_pro.errors import BadParameter, SpeechError
from vibevoice_pro.server.checked import checked
from vibevoice_pro.server.contexts import Contexts
from vibevoice_pro.server.protocols.wyoming.messages import (
    Chunk,
    Event,
    Ping,
    Synthesize,
    read_event,
)
from vibevoice_pro.speech.events import Audio, Ended, Warning
from vibevoice_pro.speech.request import Pace
from vibevoice_pro.speech.service import Service
from vibevoice_pro.speech.speech import Speech

log = logging.getLogger(__name__)

RATE = 24_000
"""Of the audio, in Hz; its format is said in each event."""

_DATA_BYTES_PER_CHAR = 12  # of JSON, at worst: a character outside the BMP, escaped
_LINGER_S = 2.0  # for a client to read why it was refused, before the connection is torn down
_NAME = "the only one"  # of a speech: one after another is spoken
_FORMAT = {"rate": RATE, "width": SAMPLE_BYTES, "channels": 1}


@dataclass(frozen=True)
class _Spoken:
    """What is being said.

    Attributes:
        speech: who listens.
        streamed: whether its text comes in pieces.
    """

    speech: Speech
    streamed: bool


class Connection:
    """Serve one client until it leaves, or an error has been told."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, service: Service,
        describe: Callable[[], dict[str, Any]],
    ) -> None:  # fmt: skip
        """`describe`: gives the data of the `info` event."""
        self._reader = reader
        self._writer = writer
        self._service = service
        self._describe = describe
        self._speeches: Contexts[_Spoken] = Contexts(1, self._play)
        self._sending = asyncio.Lock()  # before Python 3.11 only one task may wait for a drain
        self._streaming = False  # between synthesize-start and synthesize-stop
        self._active = 0.0  # when something was asked for last

    async def serve(self) -> None:
        """Run the connection; returns when it is closed, and nobody is spoken to any more."""
        try:
            await self._run()
        except (OSError, TimeoutError):
            pass  # it left, or reads nothing: nobody to tell
        except SpeechError as error:
            await self.refuse(error)
        except Exception:
            log.exception("a connection failed")
            await self.refuse(SpeechError("the server has failed; it logged why"))
        finally:
            self._writer.close()

    async def _run(self) -> None:
        """Read until the client leaves, is silent for long, or cannot be spoken to."""
        parts = (self._read(), self._speeches.watch(), self._watch())
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await self._speeches.drop_all()
        failure = next((r for r in results if isinstance(r, Exception)), None)  # none: cancelled
        del tasks, results  # or the error and this frame would refer to each other
        try:
            if failure is not None:
                raise failure
        finally:
            del failure

    async def _watch(self) -> None:
        """Wait for a client of whom nothing is heard, and that hears nothing."""
        self._touch()
        while True:
            rest = self._active + self._service.settings.idle_timeout - time.monotonic()
            if rest <= 0:
                return
            await asyncio.sleep(rest)
            if len(self._speeches):
                self._touch()

    def _touch(self) -> None:
        self._active = time.monotonic()

    # --- reading ----------------------------------------------------------------------------------

    async def _read(self) -> None:
        most = self._service.settings.max_text * _DATA_BYTES_PER_CHAR
        while (event := await read_event(self._reader, most)) is not None:
            self._touch()
            await self._obey(event)
            del event  # it may have megabytes, and the next one may be long in coming

    async def _obey(self, event: Event) -> None:
        """Do what an event says; those that are not known are ignored, as the protocol has it."""
        match event.type:
            case "describe":
                await self._send("info", self._describe())
            case "ping":
                await self._send("pong", checked(Ping, dict(event.data)).model_dump())
            case "synthesize":
                # In the midst of a stream: its whole text once more, for servers without streaming.
                if not self._streaming:
                    await self._start(event, whole=True)
            case "synthesize-start":
                if self._streaming:
                    raise BadParameter("synthesize-start came before the last synthesize-stop")
                await self._start(event, whole=False)
                self._streaming = True
            case "synthesize-chunk":
                self._written(event).write(checked(Chunk, dict(event.data)).text)
            case "synthesize-stop":
                self._written(event).finish()
                self._streaming = False

    def _written(self, event: Event) -> Speech:
        """The speech that text is written to."""
        spoken = self._speeches.get(_NAME) if self._streaming else None
        if spoken is None:
            raise BadParameter(f"{event.type} came without synthesize-start")
        return spoken.speech

    async def _start(self, event: Event, *, whole: bool) -> None:
        """Begin to speak, when all that was asked for before has been spoken.

        A whole text comes as fast as it is made, as its client may wait for all of it; a stream is
        paced to a listener.
        """
        asked = checked(Synthesize, dict(event.data))
        if whole and "text" not in event.data:
            raise BadParameter("synthesize needs text", field="text")
        await self._speeches.ended()
        pace = Pace.BULK if whole else Pace.LIVE
        request = asked.request(asked.text if whole else None, RATE, pace)
        speech = await self._service.start(request, key=ANYONE)
        self._speeches.add(_NAME, _Spoken(speech, streamed=not whole))

    # --- writing ----------------------------------------------------------------------------------

    async def _play(self, name: str, spoken: _Spoken) -> None:
        """Send all that a speech gives."""
        began = False
        async for event in spoken.speech.events():
            match event:
                case Audio():
                    at = event.byte * 1000 // (RATE * SAMPLE_BYTES)
                    if not began:
                        began = True
                        await self._send("audio-start", {**_FORMAT, "timestamp": at})
                    await self._send("audio-chunk", {**_FORMAT, "timestamp": at}, event.pcm)
                case Warning():
                    log.info("a Wyoming client is not told: %s", event.message)
                case Ended():
                    if not event.bytes:
                        raise BadParameter("text holds nothing that can be spoken", field="text")
                    length = event.bytes * 1000 // (RATE * SAMPLE_BYTES)
                    await self._send("audio-stop", {"timestamp": length})
        if spoken.streamed:
            await self._send("synthesize-stopped")
        self._touch()

    async def _send(self, kind: str, data: dict[str, Any] | None = None, more: bytes = b"") -> None:
        """Send an event.

        Raises:
            TimeoutError: the client takes nothing of what is sent.
            OSError: it has left.
        """
        with anyio.fail_after(self._service.settings.send_timeout):
            async with self._sending:
                self._writer.write(Event(kind, data or {}, more).encoded())
                await self._writer.drain()

    async def refuse(self, error: SpeechError) -> None:
        """Say what was wrong, and close.

        What the client has sent and nobody read is read first: a connection that is closed with
        such a rest is reset, and the client would not be given the error.
        """
        with contextlib.suppress(OSError, TimeoutError), anyio.move_on_after(_LINGER_S):
            await self._send("error", {"text": str(error), "code": error.code})
            self._writer.write_eof()
            while await self._reader.read(65_536):
                pass
