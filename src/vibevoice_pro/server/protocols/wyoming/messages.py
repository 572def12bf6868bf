"""What Wyoming's peers send each other: a line of JSON, then perhaps more JSON, perhaps bytes.

Source: https://github.com/OHF-Voice/wyoming, its README. The package of that name reads as many
bytes as a header promises, for as long as they take to come; here both have bounds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
from pydantic import BaseModel, Field

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.speech.request import Pace, SpeechRequest

HEADER_BYTES = 64 * 1024
"""Of the line; also the limit of the `StreamReader`."""

PAYLOAD_BYTES = 1024 * 1024
"""Bytes that may follow; no message to a voice needs any."""

EVENT_S = 10.0
"""Seconds within which an event that has begun must have come."""


@dataclass(frozen=True)
class Event:
    """One message.

    Attributes:
        type: e.g. `synthesize`.
        data: a JSON object.
        payload: audio, s16le.
    """

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    payload: bytes = b""

    def encoded(self) -> bytes:
        """As it is sent."""
        data = json.dumps(self.data, ensure_ascii=False).encode() if self.data else b""
        header: dict[str, Any] = {"type": self.type}
        if data:
            header["data_length"] = len(data)
        if self.payload:
            header["payload_length"] = len(self.payload)
        return b"%s\n%s%s" % (json.dumps(header).encode(), data, self.payload)


class Voice(BaseModel):
    """Who is to speak: by name, else by language; nothing: the default voice."""

    name: str | None = None
    language: str | None = None
    speaker: str | None = None


class Synthesize(BaseModel):
    """A text to speak, `synthesize`; or without text, as text will come, `synthesize-start`."""

    text: str = ""
    voice: Voice = Field(default_factory=Voice)
    text_format: Literal["text", "ssml"] | None = None

    def request(self, text: str | None, rate: int, pace: Pace) -> SpeechRequest:
        """The same for `Service`; `text`: None, if it will be written.

        Raises:
            BadParameter: it asks for a speaker that the voice does not have.
        """
        voice = self.voice
        if voice.speaker and voice.speaker != voice.name:
            raise BadParameter(
                "each voice here has one speaker; leave speaker out, or choose another voice; got "
                f"{voice.speaker[:80]!r}",
                field="speaker",
            )
        return SpeechRequest(
            text=text, voice=voice.name or "", language="" if voice.name else voice.language or "",
            rate=rate, markup="ssml" if self.text_format == "ssml" else "", pace=pace,
        )  # fmt: skip


class Chunk(BaseModel):
    """A piece of text, `synthesize-chunk`."""

    text: str


class Ping(BaseModel):
    """Asks whether somebody is there."""

    text: str | None = None


async def read_event(reader: asyncio.StreamReader, most: int) -> Event | None:
    """The next event; waits for its beginning as long as it takes. None: the peer has left.

    Args:
        reader: with the limit `HEADER_BYTES`.
        most: bytes that its data may have.

    Raises:
        BadParameter: it is no event, too long, or its rest does not come.
    """
    first = await reader.read(1)
    if not first:
        return None
    try:
        with anyio.fail_after(EVENT_S):
            return await _rest(first, reader, most)
    except TimeoutError:
        raise BadParameter(f"an event did not come within {EVENT_S:g} s") from None
    except asyncio.IncompleteReadError:
        return None


async def _rest(first: bytes, reader: asyncio.StreamReader, most: int) -> Event:
    try:
        line = first + (b"" if first == b"\n" else await reader.readuntil(b"\n"))
    except asyncio.LimitOverrunError:
        raise BadParameter(f"an event's first line has more than {HEADER_BYTES:,} bytes") from None
    header = _object(line)
    kind = header.get("type")
    if not isinstance(kind, str):
        raise _no_event(line)
    inline = header.get("data") or {}
    if not isinstance(inline, dict):
        raise BadParameter("data must be a JSON object", field="data")
    more = await reader.readexactly(_length(header, "data_length", most))
    data = {**inline, **(_object(more) if more else {})}
    payload = await reader.readexactly(_length(header, "payload_length", PAYLOAD_BYTES))
    return Event(kind, data, payload)


def _length(header: Mapping[str, Any], name: str, most: int) -> int:
    value = header.get(name)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise BadParameter(
            f"{name} must be a whole number from 0 to {most:,}; got {str(value)[:40]}", field=name
        )
    return value


def _object(data: bytes) -> dict[str, Any]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        raise _no_event(data) from None
    if not isinstance(values, dict):
        raise _no_event(data)
    return values


def _no_event(data: bytes) -> BadParameter:
    shown = data[:40].decode("utf-8", "replace")
    return BadParameter(
        f'an event begins with a line of JSON like {{"type": "describe"}}; got {shown!r}'
    )
