"""Text to speech, over HTTP and over WebSockets."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import APIRouter, Request, Response, WebSocket

from vibevoice_pro.errors import SpeechError, TextTooLong
from vibevoice_pro.server import openapi
from vibevoice_pro.server.auth import key_of
from vibevoice_pro.server.body import json_object
from vibevoice_pro.server.checked import checked
from vibevoice_pro.server.portions import in_portions
from vibevoice_pro.server.protocols.elevenlabs.alignment import Alignment, Times
from vibevoice_pro.server.protocols.elevenlabs.codes import field_of, status_and_code
from vibevoice_pro.server.protocols.elevenlabs.connection import Connection
from vibevoice_pro.server.protocols.elevenlabs.messages import Body
from vibevoice_pro.server.protocols.elevenlabs.output import OUTPUTS, Output, output
from vibevoice_pro.server.protocols.elevenlabs.turn import FRAMES
from vibevoice_pro.server.refusal import refuse
from vibevoice_pro.server.spoken import Encode, SpokenResponse, begin, encoded, headers_of
from vibevoice_pro.server.status import Status
from vibevoice_pro.speech.events import Audio, Ended, Event, Mark

router = APIRouter(tags=["ElevenLabs"])

PATH = "/v1/text-to-speech/{voice_id}"

_BODY_BYTES = 4 * 1024 * 1024
_EXAMPLE = '{"text": "Hello there."}'
_WHOLE = 10_000
"""Characters of which the audio is sent in one JSON object, at most."""

_AUDIO = openapi.spoken(Body, [output.format.media_type for output in OUTPUTS.values()])
_LINES = "application/x-ndjson"
_TIMED = openapi.spoken(Body, [_LINES])
_WHOLE_ANSWER = openapi.spoken(Body, ["application/json"])


def _status(connection: Request | WebSocket) -> Status:
    status: Status = connection.app.state.status
    return status


# --- WebSockets -----------------------------------------------------------------------------------


@router.websocket(f"{PATH}/stream-input")
async def stream_input(socket: WebSocket, voice_id: str) -> None:
    """One text, written while it is spoken."""
    await _serve(socket, voice_id, multi=False)


@router.websocket(f"{PATH}/multi-stream-input")
async def multi_stream_input(socket: WebSocket, voice_id: str) -> None:
    """Several texts, one for each `context_id`."""
    await _serve(socket, voice_id, multi=True)


async def _serve(socket: WebSocket, voice: str, multi: bool) -> None:
    status = _status(socket)
    with status.connected():
        await Connection(socket, status.service, key_of(socket), voice, multi).serve()


# --- HTTP -----------------------------------------------------------------------------------------


@router.post(
    PATH, summary="Speak a text, as ElevenLabs' interface does",
    response_class=Response, **_AUDIO,
)  # fmt: skip
@router.post(
    f"{PATH}/stream", summary="The same; both send the audio while it is made",
    response_class=Response, **_AUDIO,
)  # fmt: skip
async def speak(request: Request, voice_id: str, output_format: str | None = None) -> Response:
    """Speak a text as fast as the model goes; the answer begins with its first sound."""
    return await _speak(request, voice_id, output_format, _audio)


@router.post(
    f"{PATH}/stream/with-timestamps", summary="Speak a text, with the times of its characters",
    response_class=Response, **_TIMED,
)  # fmt: skip
async def speak_with_times(
    request: Request, voice_id: str, output_format: str | None = None
) -> Response:
    """JSON objects, one a line, each with some audio and the characters that begin in it."""
    return await _speak(request, voice_id, output_format, _lines, _LINES)


@router.post(
    f"{PATH}/with-timestamps", summary="The same in one JSON object, for texts that are not long",
    response_class=Response, **_WHOLE_ANSWER,
)  # fmt: skip
async def speak_whole(
    request: Request, voice_id: str, output_format: str | None = None
) -> Response:
    """One JSON object with all of the audio, and the times of all characters."""
    return await _speak(request, voice_id, output_format, _whole, "application/json", _WHOLE)


async def _speak(
    request: Request, voice: str, output_format: str | None,
    encoding: Callable[[str, Output], Encode], media_type: str = "", most: int | None = None,
) -> Response:  # fmt: skip
    """Speak what a request asks for.

    Args:
        encoding: what is sent, from the text and the format.
        media_type: of that; empty: that of the audio.
        most: characters that are allowed; None: as many as the server takes.
    """
    try:
        packed = output(output_format)
        body = checked(Body, await json_object(request, _BODY_BYTES, _EXAMPLE))
        if most is not None and len(body.text) > most:
            raise TextTooLong(
                f"text has {len(body.text):,} characters; at most {most:,} are allowed here, "
                "stream/with-timestamps takes more",
                field="text",
            )
        asked = body.request(voice, packed.rate)
        spoken = await begin(_status(request).service, asked, key_of(request), "text")
    except SpeechError as error:
        return _identified(_refusal(request, error))
    media_type = media_type or packed.format.media_type
    headers = headers_of(spoken.speech, body.ignored + body.settings.ignored)
    response = SpokenResponse(spoken, encoding(body.text, packed), media_type, headers)
    if body.settings.pace != body.settings.speed:
        response.headers["X-VibeVoice-Speed"] = f"{body.settings.pace:g}"
    return _identified(response)


def _refusal(request: Request, error: SpeechError) -> Response:
    status, code = status_and_code(error)
    return refuse(request.url.path, status, code, str(error), field_of(error), error.retry_after)


def _identified(response: Response) -> Response:
    response.headers["request-id"] = secrets.token_hex(12)
    return response


# --- what is sent ---------------------------------------------------------------------------------


def _audio(text: str, packed: Output) -> Encode:
    return encoded(packed.encoder)


async def _timed(
    text: str, packed: Output, events: AsyncIterator[Event]
) -> AsyncIterator[tuple[bytes, Times | None]]:
    """The audio in pieces, each with the characters that begin in it."""
    encoder, alignment, at = packed.encoder(), Alignment(packed.rate), 0
    alignment.write(text)
    async for event in in_portions(events, FRAMES):
        match event:
            case Mark():
                alignment.add(event)
            case Audio():
                at = alignment.ms(event.byte + len(event.pcm))
                yield encoder.add(event.pcm), alignment.until(at)
            case Ended():
                yield encoder.end(), alignment.close(at)


def _lines(text: str, packed: Output) -> Encode:
    """A JSON object for each piece, one a line."""

    async def encode(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
        async for audio, times in _timed(text, packed, events):
            if audio or times:
                yield (json.dumps(_object(audio, times)) + "\n").encode()

    return encode


def _whole(text: str, packed: Output) -> Encode:
    """One JSON object."""

    async def encode(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
        audio, end = bytearray(), 0
        chars: list[str] = []
        starts: list[int] = []
        async for data, times in _timed(text, packed, events):
            audio += data
            if times:
                chars += times.chars
                starts += times.starts
                end = times.end
        yield json.dumps(_object(bytes(audio), Times(chars, starts, end))).encode()

    return encode


def _object(audio: bytes, times: Times | None) -> dict[str, Any]:
    """A piece as the interface has it; over HTTP times go with the whole answer, in seconds."""
    told = times and {
        "characters": times.chars,
        "character_start_times_seconds": [start / 1000 for start in times.starts],
        "character_end_times_seconds": [end / 1000 for end in times.ends],
    }
    return {
        "audio_base64": base64.b64encode(audio).decode(),
        "alignment": told,
        "normalized_alignment": told,  # times are those of the text as written
    }
