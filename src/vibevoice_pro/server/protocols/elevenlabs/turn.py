"""One context of a WebSocket: text in, messages with audio and times of characters out."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

from vibevoice_pro.server.portions import in_portions
from vibevoice_pro.server.protocols.elevenlabs.alignment import Alignment, Times
from vibevoice_pro.server.protocols.elevenlabs.messages import Query
from vibevoice_pro.server.protocols.elevenlabs.output import output
from vibevoice_pro.speech.events import Audio, Drained, Ended, Event, Mark, Warning
from vibevoice_pro.speech.speech import Speech

FRAMES = 10
"""Frames in a message, at most: 200 ms."""


class Turn:
    """What is said in one context."""

    def __init__(self, speech: Speech, query: Query) -> None:
        self.speech = speech
        self._auto = query.auto_mode
        self._absolute = query.sync_alignment
        self._encoder = output(query.output_format).encoder()
        self._alignment = Alignment(speech.rate)
        self._base = 0  # what times are counted from, in ms
        self.is_new = True
        """Whether nothing was written yet."""
        self.ms = 0
        """Milliseconds of audio that were given out."""
        self.flushed = False
        """Whether the client has flushed all that it wrote, and may yet write more."""
        self._spaced = True
        self._finished = False

    # --- text -------------------------------------------------------------------------------------

    def write(self, text: str) -> None:
        """Add text; raises what `Speech.write` raises."""
        self._write(text)
        self._spaced = text[-1:].isspace()
        if self._auto and not text.isspace():
            self._flush()

    def flush(self) -> None:
        """Speak all of it now; raises what `Speech.write` raises.

        The interface asks its clients to end text with a space. Where one does not, the words on
        both sides of a flush would be one, and pipecat would never hear of the last: it takes a
        word as said when the space after it comes.
        """
        self._flush()
        self.flushed = not self._finished

    def _flush(self) -> None:
        self._space()
        self.speech.flush()

    def finish(self) -> None:
        """No more text will come; raises what `Speech.write` raises. Again: nothing."""
        if not self._finished:
            self._space()
            self.speech.finish()
            self._finished = True
            self.flushed = False

    def _space(self) -> None:
        if not self._spaced:
            self._write(" ")
            self._spaced = True

    def _write(self, text: str) -> None:
        self.speech.write(text)
        self._alignment.write(text)
        self.is_new = self.flushed = False

    # --- what is heard ----------------------------------------------------------------------------

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """All that is to be sent, up to the last but the final message.

        Raises:
            SpeechError: see `Speech.events`.
        """
        async for event in in_portions(self.speech.events(), FRAMES):
            if isinstance(event, Audio):
                self.ms = self._alignment.ms(event.byte + len(event.pcm))
            message = self._message(event)
            if message is not None:
                yield message

    def _message(self, event: Event) -> dict[str, Any] | None:
        match event:
            case Mark():
                self._alignment.add(event)
            case Audio():
                return self._chunk(self._encoder.add(event.pcm), self._alignment.until(self.ms))
            case Drained():
                return self._chunk(b"", self._alignment.close(self.ms, event.chars))
            case Ended():
                return self._chunk(self._encoder.end(), self._alignment.close(self.ms))
            case Warning():
                return {"warning": event.message}
        return None

    def _chunk(self, audio: bytes, times: Times | None) -> dict[str, Any] | None:
        if not audio and times is None:
            return None
        told = self._times(times) if times else None
        return {
            "audio": base64.b64encode(audio).decode() if audio else None,
            "alignment": told,
            "normalizedAlignment": told,  # times are those of the text as written
        }

    def _times(self, times: Times) -> dict[str, Any]:
        """The times of characters as the interface has them.

        Clients count them in two ways. By default they begin anew in every message: pipecat adds
        the end of each alignment's last character to a clock of its own, so here they count from
        the end of the alignment before; there is no gap between two of them. With `sync_alignment`,
        as livekit asks for, they go with the audio of the whole context: livekit adds nothing.
        """
        base = 0 if self._absolute else self._base
        self._base = times.end
        return {
            "chars": times.chars,
            "charStartTimesMs": [start - base for start in times.starts],
            "charDurationsMs": [
                end - start for start, end in zip(times.starts, times.ends, strict=True)
            ],
        }
