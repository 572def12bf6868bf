"""Cartesia's interface: `WS /tts/websocket`, `POST /tts/bytes`, `POST /tts/sse`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response, WebSocket

from vibevoice_pro.audio.formats import FORMATS, Encoder
from vibevoice_pro.errors import BadParameter, SpeechError
from vibevoice_pro.server import openapi
from vibevoice_pro.server.auth import key_of
from vibevoice_pro.server.body import json_object
from vibevoice_pro.server.checked import checked
from vibevoice_pro.server.protocols.cartesia.codes import refused
from vibevoice_pro.server.protocols.cartesia.connection import Connection
from vibevoice_pro.server.protocols.cartesia.messages import SAMPLES, Generation
from vibevoice_pro.server.protocols.cartesia.turn import Turn
from vibevoice_pro.server.spoken import Spoken, SpokenResponse, begin, encoded, headers_of
from vibevoice_pro.server.status import Status
from vibevoice_pro.speech.events import Event
from vibevoice_pro.speech.request import Pace
from vibevoice_pro.speech.service import Service

router = APIRouter(tags=["Cartesia"])

_BODY_BYTES = 4 * 1024 * 1024
_EXAMPLE = (
    '{"transcript": "Hello.", "voice": "en-Heart_woman", "output_format": '
    '{"container": "wav", "encoding": "pcm_s16le", "sample_rate": 24000}}'
)
_KINDS = {FORMATS[name].media_type for name in (*SAMPLES.values(), "mp3")}


def _service(connection: Request | WebSocket) -> Service:
    status: Status = connection.app.state.status
    return status.service


@router.websocket("/tts/websocket")
async def websocket(socket: WebSocket) -> None:
    """Speak texts while they are written, each in a context."""
    status: Status = socket.app.state.status
    with status.connected():
        await Connection(socket, status.service, key_of(socket)).serve()


@router.post(
    "/tts/bytes",
    summary="Speak a text, as Cartesia's interface does",
    response_class=Response,
    **openapi.spoken(Generation, sorted(_KINDS)),
)
async def speak(request: Request) -> Response:
    """Speak a text as fast as the model goes; the answer begins with its first sound."""
    try:
        asked, spoken = await _begin(request)
    except SpeechError as error:
        return refused(error)
    wanted = asked.output_format
    assert wanted is not None

    def encoder() -> Encoder:
        return FORMATS[wanted.name].encoder(wanted.sample_rate, (wanted.bit_rate or 0) // 1000)

    headers = headers_of(spoken.speech, asked.ignored)
    return SpokenResponse(spoken, encoded(encoder), FORMATS[wanted.name].media_type, headers)


@router.post(
    "/tts/sse",
    summary="Speak a text in server-sent events, as Cartesia's interface does",
    response_class=Response,
    **openapi.spoken(Generation, ["text/event-stream"]),
)
async def speak_events(request: Request) -> Response:
    """The same in server-sent events, with the times of the words where they are asked for."""
    try:
        asked, spoken = await _begin(request, raw=True)
    except SpeechError as error:
        return refused(error)
    turn = Turn(spoken.speech, asked, asked.context_id)

    async def encode(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
        async for message in turn.messages(events):
            yield f"event: {message['type']}\ndata: {json.dumps(message)}\n\n".encode()

    headers = headers_of(spoken.speech, asked.ignored)
    return SpokenResponse(spoken, encode, "text/event-stream", headers)


async def _begin(request: Request, raw: bool = False) -> tuple[Generation, Spoken]:
    """The request, and the speech of which the first sound is there.

    `raw`: whether it can't be in a container.

    Raises:
        SpeechError: see `begin`.
    """
    asked = checked(Generation, await json_object(request, _BODY_BYTES, _EXAMPLE))
    if asked.output_format is None or (raw and asked.output_format.container != "raw"):
        container = "raw" if raw else "wav"
        raise BadParameter(
            f'output_format must be like {{"container": "{container}", "encoding": "pcm_s16le", '
            '"sample_rate": 24000}',
            field="output_format",
        )
    speech = asked.request(Pace.BULK)
    return asked, await begin(_service(request), speech, key_of(request), "transcript")
