"""The messages of Twilio Media Streams, and two of our own, `speak` and `clear`.

Source: Twilio's documentation, Media Streams, WebSocket messages:
https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import base64
import json
from typing import Any

from pydantic import BaseModel, Field

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.server.checked import checked, json_message
from vibevoice_pro.speech.request import Pace, SpeechRequest

RATE = 8000
"""What a telephone line carries, in Hz: G.711 µ-law, a byte a sample."""

_ENCODING = "audio/x-mulaw"
_EXAMPLE = '{"event": "speak", "text": "Hello."}'


class Parameters(BaseModel):
    """`<Parameter>` elements inside `<Stream>`; those with other names are somebody else's.

    Attributes:
        text: all that is to be said; None: it comes in `speak` messages.
        api_key: as the URL of a `<Stream>` has no query.
    """

    text: str | None = None
    voice: str = ""
    language: str = ""
    speed: float | None = None
    seed: int | None = None
    api_key: str = ""

    def request(self) -> SpeechRequest:
        """The same for `Service`."""
        return SpeechRequest(
            text=self.text, voice=self.voice, language=self.language, rate=RATE, speed=self.speed,
            seed=self.seed, pace=Pace.LIVE,
        )  # fmt: skip


class MediaFormat(BaseModel):
    """What the line carries."""

    encoding: str = _ENCODING
    sampleRate: int = RATE
    channels: int = 1


class Start(BaseModel):
    """The call.

    Attributes:
        streamSid: named in each message to Twilio.
    """

    streamSid: str = Field(min_length=1, max_length=256)
    callSid: str = ""
    customParameters: Parameters = Field(default_factory=Parameters)
    mediaFormat: MediaFormat = Field(default_factory=MediaFormat)

    def check(self) -> None:
        """See whether the line carries what is spoken here.

        Raises:
            BadParameter: it does not.
        """
        if self.mediaFormat != MediaFormat():
            raise BadParameter(
                f"mediaFormat must be {_ENCODING}, {RATE} Hz, 1 channel", field="mediaFormat"
            )


class StartMessage(BaseModel):
    """The first message that matters."""

    start: Start


class Mark(BaseModel):
    """A name; comes back when what was sent before it has been played."""

    name: str = Field(max_length=256)


class MarkMessage(BaseModel):
    """All that was sent before it has been played, or was cleared."""

    mark: Mark


class Speak(BaseModel):
    """Text to speak, from whoever relays the call.

    Attributes:
        text: in any pieces.
        mark: the turn ends here; Twilio returns the name when all of it has been played.
    """

    text: str = ""
    mark: str | None = Field(None, max_length=256)


def parse(message: str | bytes) -> tuple[str, dict[str, Any]]:
    """The name of a message, and the whole of it.

    Raises:
        BadParameter: it is none.
    """
    values = json_message(message, _EXAMPLE)
    event = values.get("event")
    if not isinstance(event, str):
        raise BadParameter(f"messages must be JSON objects like {_EXAMPLE}", field="event")
    return event, values


def start_of(values: dict[str, Any]) -> Start:
    """What a `start` message says.

    Raises:
        BadParameter: it is none, or the line cannot be spoken to.
    """
    start = checked(StartMessage, values).start
    start.check()
    return start


def media(stream: str, ulaw: bytes) -> str:
    """Audio for Twilio; the message of a frame of 20 ms."""
    payload = base64.b64encode(ulaw).decode()
    return json.dumps({"event": "media", "streamSid": stream, "media": {"payload": payload}})


def mark(stream: str, name: str) -> str:
    """A mark for Twilio."""
    return json.dumps({"event": "mark", "streamSid": stream, "mark": {"name": name}})


def clear(stream: str) -> str:
    """Tells Twilio to forget what it has not played."""
    return json.dumps({"event": "clear", "streamSid": stream})
