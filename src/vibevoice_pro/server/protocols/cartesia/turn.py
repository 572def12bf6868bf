"""What is sent of one context: audio, times of words, answers to flushes.

Source: the package `cartesia` 4.2, types `WebsocketResponse` and `TTSSSEEvent`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

from vibevoice_pro.audio.formats import FORMATS
from vibevoice_pro.audio.frames import SAMPLE_BYTES
from vibevoice_pro.errors import BadParameter, SpeechError
from vibevoice_pro.server.flushes import Flushes
from vibevoice_pro.server.portions import in_portions
from vibevoice_pro.server.protocols.cartesia.codes import message as error_message
from vibevoice_pro.server.protocols.cartesia.messages import Generation
from vibevoice_pro.speech.events import Audio, Drained, Ended, Event, Mark, Warning
from vibevoice_pro.speech.speech import Speech

FRAMES = 5
"""Frames in a message, at most: 100 ms."""

_FIXED = ("voice", "output_format", "language", "locale", "pace", "max_buffer_delay_ms")


class Turn:
    """One context."""

    def __init__(self, speech: Speech, asked: Generation, name: str | None) -> None:
        """`asked`: with which the context begins; `name`: its id."""
        assert asked.output_format is not None
        self.speech = speech
        self._asked = asked
        self._name = {"context_id": name} if name is not None else {}
        self._encoder = FORMATS[asked.output_format.name].encoder(speech.rate)
        self._flushes = Flushes()
        self._answered = 0
        self._finished = False
        self._at = time.monotonic()
        self._more: dict[str, Any] = {"voice": speech.voice}  # of this server, on the first message
        if speech.voice_asked:
            self._more["voice_asked"] = speech.voice_asked
        self._warn(f"{field} has no effect here" for field in asked.ignored)

    # --- text -------------------------------------------------------------------------------------

    def write(self, message: Generation) -> None:
        """Add what a message brings: text, a flush, the end.

        Raises:
            BadParameter: the context is to speak in another way than it began with.
            SpeechError: see `Speech.write`.
        """
        if self._finished:
            if message.transcript.strip():
                raise BadParameter(
                    'the context was told that its text ends ("continue": false); take a new '
                    "context_id for more",
                    field="context_id",
                )
            return
        if message.transcript:  # a message that only ends or flushes is filled in by its package
            self._check_same(message)
            self.speech.write(message.transcript)
        # Whoever wants no buffering sends what belongs together in one message.
        whole = self._asked.max_buffer_delay_ms == 0 and message.transcript.strip()
        if message.flush or (whole and message.more):
            self._flushes.add(self.speech.chars)
            self.speech.flush()
        if not message.more:
            self.speech.finish()
            self._finished = True

    def _check_same(self, message: Generation) -> None:
        for field in _FIXED:
            said, is_ = getattr(message, field), getattr(self._asked, field)
            if said not in (None, is_):
                raise BadParameter(
                    f"{'speed' if field == 'pace' else field} of a context stays what it was; "
                    "take a new context_id for another one",
                    field=field,
                )

    # --- what is heard ----------------------------------------------------------------------------

    async def messages(self, events: AsyncIterator[Event]) -> AsyncIterator[dict[str, Any]]:
        """All that is to be sent, up to `done` or an error."""
        self._at = time.monotonic()
        try:
            async for event in in_portions(self._flushes.each(events), FRAMES):
                match event:
                    case Mark() if self._asked.add_timestamps:
                        yield self._word(event)
                    case Audio():
                        yield self._chunk(self._encoder.add(event.pcm))
                    case Drained():
                        self._answered += 1
                        yield self._message("flush_done", flush_id=self._answered, flush_done=True)
                    case Warning():
                        self._warn([event.message])
                    case Ended():
                        if rest := self._encoder.end():
                            yield self._chunk(rest)
                        yield self._message("done")
        except SpeechError as error:
            yield error_message(error, self._name.get("context_id"))

    def _chunk(self, data: bytes) -> dict[str, Any]:
        before, self._at = self._at, time.monotonic()
        return self._message(
            "chunk", data=base64.b64encode(data).decode(), flush_id=self._answered + 1,
            step_time=round(1000 * (self._at - before), 3),
        )  # fmt: skip

    def _word(self, mark: Mark) -> dict[str, Any]:
        start, end = (byte / (SAMPLE_BYTES * self.speech.rate) for byte in mark.bytes)
        word = self.speech.written(*mark.chars)
        times = {"words": [word], "start": [round(start, 4)], "end": [round(end, 4)]}
        return self._message("timestamps", word_timestamps=times)

    def _message(self, kind: str, **fields: Any) -> dict[str, Any]:
        done = kind == "done"
        more, self._more = self._more, {}
        status = 200 if done else 206
        return {"type": kind, **self._name, "status_code": status, "done": done, **fields, **more}

    @staticmethod
    def nothing(name: str) -> dict[str, Any]:
        """Says that there is nothing more of a context."""
        return {"type": "done", "context_id": name, "status_code": 200, "done": True}

    def _warn(self, said: Iterable[str]) -> None:
        warnings = [*self._more.get("warnings", []), *said]
        if warnings:
            self._more["warnings"] = [warning[:200] for warning in warnings[:20]]
