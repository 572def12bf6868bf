"""`POST /vapi`: a text in, PCM out while it is made."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from vibevoice_pro.audio.formats import FORMATS, Encoder
from vibevoice_pro.errors import SpeechError
from vibevoice_pro.server import openapi
from vibevoice_pro.server.auth import key_of
from vibevoice_pro.server.body import json_object
from vibevoice_pro.server.protocols.vapi.messages import EXAMPLE, Query, Webhook, parse
from vibevoice_pro.server.refusal import refuse_for
from vibevoice_pro.server.spoken import SpokenResponse, begin, encoded, headers_of
from vibevoice_pro.server.status import Status

router = APIRouter(tags=["Telephony"])

_BODY_BYTES = 4 * 1024 * 1024  # Vapi sends what it knows of the call along
_MEDIA_TYPE = "application/octet-stream"


@router.post(
    "/vapi",
    summary="Speak a text, as Vapi asks it of a custom voice",
    response_class=Response,
    **openapi.spoken(Webhook, [_MEDIA_TYPE], Query),
)
async def voice_request(request: Request) -> Response:
    """Speak a text: s16le, mono, at the rate that is asked for."""
    status: Status = request.app.state.status
    try:
        asked = parse(await json_object(request, _BODY_BYTES, EXAMPLE), request.query_params)
        spoken = await begin(status.service, asked, key_of(request), "message.text")
    except SpeechError as error:
        return refuse_for(request.url.path, error)

    def encoder() -> Encoder:
        return FORMATS["pcm"].encoder(asked.rate or 0)

    return SpokenResponse(spoken, encoded(encoder), _MEDIA_TYPE, headers_of(spoken.speech))
