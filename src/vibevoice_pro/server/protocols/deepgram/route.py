"""Deepgram's speech interface: `POST /v1/speak` and `WS /v1/speak`."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Request, Response, WebSocket
from pydantic import BaseModel

from vibevoice_pro.audio.formats import FORMATS, Encoder
from vibevoice_pro.errors import SpeechError
from vibevoice_pro.server import openapi
from vibevoice_pro.server.auth import key_of
from vibevoice_pro.server.body import json_object
from vibevoice_pro.server.protocols.deepgram.connection import Connection, model_uuid
from vibevoice_pro.server.protocols.deepgram.messages import ENCODINGS, Query, parse_query, text_of
from vibevoice_pro.server.refusal import refuse_for
from vibevoice_pro.server.spoken import SpokenResponse, begin, encoded, headers_of
from vibevoice_pro.server.status import Status
from vibevoice_pro.speech.request import Pace

router = APIRouter(tags=["Deepgram"])

_BODY_BYTES = 4 * 1024 * 1024
_KINDS = sorted(
    {FORMATS[name].media_type for e in ENCODINGS.values() for name in e.containers.values()}
)


class Text(BaseModel):
    """The body of a request."""

    text: str


@router.websocket("/v1/speak")
async def stream(socket: WebSocket) -> None:
    """Speak text while it is written."""
    status: Status = socket.app.state.status
    with status.connected():
        await Connection(socket, status.service, key_of(socket)).serve()


@router.post(
    "/v1/speak",
    summary="Speak a text, as Deepgram's interface does",
    response_class=Response,
    **openapi.spoken(Text, _KINDS, Query),
)
async def speak(request: Request) -> Response:
    """Speak a text as fast as the model goes; the answer begins with its first sound."""
    status: Status = request.app.state.status
    try:
        query = parse_query(request.query_params)
        text = text_of(await json_object(request, _BODY_BYTES, '{"text": "Hello."}'))
        asked = query.request(text, Pace.BULK)
        spoken = await begin(status.service, asked, key_of(request), "text")
    except SpeechError as error:
        return refuse_for(request.url.path, error)

    def encoder() -> Encoder:
        return FORMATS[query.format].encoder(query.rate, (query.bit_rate or 0) // 1000)

    voice = spoken.speech.voice
    headers = {
        "dg-request-id": str(uuid.uuid4()), "dg-model-name": voice, "dg-char-count": str(len(text)),
        "dg-model-uuid": model_uuid(voice), **headers_of(spoken.speech, query.ignored),
    }  # fmt: skip
    return SpokenResponse(spoken, encoded(encoder), FORMATS[query.format].media_type, headers)
