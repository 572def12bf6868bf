"""Speech as the body of an HTTP answer, for all protocols that have one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from vibevoice_pro.audio.formats import Encoder
from vibevoice_pro.config.keys import Key
from vibevoice_pro.errors import BadParameter, SpeechError
from vibevoice_pro.server.refusal import header_text
from vibevoice_pro.speech.events import Audio, Ended, Event
from vibevoice_pro.speech.request import SpeechRequest
from vibevoice_pro.speech.service import Service
from vibevoice_pro.speech.speech import Speech

log = logging.getLogger(__name__)


Encode = Callable[[AsyncIterator[Event]], AsyncIterator[bytes]]
"""What is sent of the events."""


@dataclass(frozen=True)
class Spoken:
    """Speech of which the first sound is there, so that nothing can be refused any more.

    Attributes:
        speech: who listens.
        events: all of it, from the first on.
    """

    speech: Speech
    events: AsyncIterator[Event]


async def begin(service: Service, request: SpeechRequest, key: Key, field: str) -> Spoken:
    """Speak a whole text; returns when its first sound is there.

    `field`: what the protocol calls the text.

    Raises:
        BadParameter: a value is not allowed, or there is nothing to say.
        SpeechError: see `Service.start` and `Speech.events`.
    """
    try:
        speech = await service.start(request, key=key)
    except SpeechError as error:
        error.field = field if error.field == "text" else error.field
        raise
    try:
        before: list[Event] = []
        events = speech.events()
        async for event in events:
            before.append(event)
            if isinstance(event, Ended) and not event.bytes:
                raise BadParameter(f"{field} holds nothing that can be spoken", field=field)
            if isinstance(event, Audio | Ended):
                break
    except BaseException:
        await speech.close()
        raise
    return Spoken(speech, _joined(before, events))


async def _joined(before: list[Event], events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    for event in before:
        yield event
    async for event in events:
        yield event


class SpokenResponse(StreamingResponse):
    """Speech, encoded while it is made; it ends when the client leaves."""

    def __init__(
        self, spoken: Spoken, encode: Encode, media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(encode(spoken.events), media_type=media_type, headers=headers)
        self._speech = spoken.speech

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; whatever happens, nobody speaks to nobody.

        If the model fails in the middle, the body stays incomplete, so that the client notices.
        """
        try:
            await super().__call__(scope, receive, send)
        except SpeechError as error:
            log.warning("an answer ends before its speech: %s", error)
        finally:
            with contextlib.suppress(Exception):
                await self._speech.close()


def encoded(make: Callable[[], Encoder]) -> Encode:
    """The audio alone; `make`: an encoder for it."""

    async def encode(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
        encoder = await asyncio.to_thread(make)  # FFmpeg is loaded the first time
        async for event in events:
            if isinstance(event, Audio) and (data := encoder.add(event.pcm)):
                yield data
        if data := encoder.end():
            yield data

    return encode


def headers_of(speech: Speech, ignored: Sequence[str] = ()) -> dict[str, str]:
    """Headers that say who speaks, for whom, and which fields of the request have no effect."""
    told = {
        "X-VibeVoice-Voice": speech.voice,
        "X-VibeVoice-Voice-Asked": speech.voice_asked,
        "X-VibeVoice-Ignored": ", ".join(ignored),
    }
    return {name: header_text(value[:200]) for name, value in told.items() if value}
