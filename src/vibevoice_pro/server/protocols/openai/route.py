"""`POST /v1/audio/speech`, and the lists of models and voices."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any, get_args

from fastapi import APIRouter, Request, Response

from vibevoice_pro.audio.formats import FORMATS, Encoder
from vibevoice_pro.errors import SpeechError
from vibevoice_pro.models.aliases import OPENAI, OPERATOR
from vibevoice_pro.server import openapi
from vibevoice_pro.server.auth import key_of
from vibevoice_pro.server.body import json_object
from vibevoice_pro.server.checked import checked
from vibevoice_pro.server.protocols.openai.messages import RATE, CreateSpeech, ResponseFormat
from vibevoice_pro.server.refusal import refuse_for
from vibevoice_pro.server.spoken import Encode, SpokenResponse, begin, encoded, headers_of
from vibevoice_pro.server.status import Status
from vibevoice_pro.speech.events import Event

router = APIRouter(tags=["OpenAI"])

_BODY_BYTES = 4 * 1024 * 1024
_EXAMPLE = '{"input": "Hello there.", "voice": "alloy"}'
_MEDIA_TYPES = [
    *(FORMATS[name].media_type for name in get_args(ResponseFormat)),
    "text/event-stream",
]
_CREATED = 1_764_201_600  # of no meaning here; the field is required


def _status(request: Request) -> Status:
    status: Status = request.app.state.status
    return status


@router.post(
    "/v1/audio/speech",
    summary="Speak a text, as OpenAI's interface does",
    response_class=Response,
    **openapi.spoken(CreateSpeech, _MEDIA_TYPES),
)
async def create_speech(request: Request) -> Response:
    """Speak a text as fast as the model goes; the answer begins with its first sound."""
    service = _status(request).service
    try:
        asked = checked(CreateSpeech, await json_object(request, _BODY_BYTES, _EXAMPLE))
        spoken = await begin(service, asked.request(), key_of(request), "input")
    except SpeechError as error:
        return _identified(refuse_for(request.url.path, error))
    encode = _events(asked) if asked.stream_format == "sse" else _audio(asked)
    kind = FORMATS[asked.response_format].media_type
    response = SpokenResponse(
        spoken, encode, "text/event-stream" if asked.stream_format == "sse" else kind,
        headers_of(spoken.speech, asked.ignored),
    )  # fmt: skip
    if asked.pace != asked.speed:
        response.headers["X-VibeVoice-Speed"] = f"{asked.pace:g}"
    return _identified(response)


def _identified(response: Response) -> Response:
    response.headers["X-Request-Id"] = f"req_{secrets.token_hex(12)}"
    return response


def _audio(asked: CreateSpeech) -> Encode:
    def encoder() -> Encoder:
        return FORMATS[asked.response_format].encoder(RATE)

    return encoded(encoder)


def _events(asked: CreateSpeech) -> Encode:
    """The audio in server-sent events."""

    async def encode(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
        frames = 0
        async for data in _audio(asked)(events):
            frames += 1
            audio = base64.b64encode(data).decode()
            yield _event({"type": "speech.audio.delta", "audio": audio})
        # No model here counts tokens: characters of text, and pieces of audio.
        usage = {"input_tokens": len(asked.input), "output_tokens": frames}
        usage["total_tokens"] = sum(usage.values())
        yield _event({"type": "speech.audio.done", "usage": usage})

    return encode


def _event(event: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()


@router.get("/v1/models", summary="The models, as OpenAI's interface lists them")
async def models(request: Request) -> dict[str, Any]:
    """List the models that speak here."""
    names = [model.name for model in _status(request).view().models]
    listed = [
        {"id": name, "object": "model", "created": _CREATED, "owned_by": "vibevoice-pro"}
        for name in names
    ]
    return {"object": "list", "data": listed}


@router.get("/v1/audio/models", summary="The models, as Open WebUI asks for them")
async def audio_models(request: Request) -> dict[str, list[dict[str, str]]]:
    """List the models that speak here."""
    return {"models": [{"id": model.name} for model in _status(request).view().models]}


@router.get("/v1/audio/voices", summary="The voices, as Open WebUI asks for them")
async def audio_voices(request: Request) -> dict[str, list[dict[str, str]]]:
    """List the voices that can speak, and OpenAI's and the operator's names for them."""
    catalog = _status(request).service.catalog
    voices = [entry.voice for entry in catalog.entries.values()]
    named = [{"id": voice.id, "name": voice.description or voice.id} for voice in voices]
    for voice in voices:
        names = catalog.names_of(voice.id, OPENAI, OPERATOR)
        named += [{"id": name, "name": name} for name in names]
    return {"voices": named}
