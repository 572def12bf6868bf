"""What Vapi asks of a custom voice.

Source: Vapi's documentation, custom TTS: https://docs.vapi.ai/customization/custom-voices/custom-tts
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.server.checked import checked
from vibevoice_pro.speech.request import Pace, SpeechRequest

EXAMPLE = '{"message": {"type": "voice-request", "text": "Hello there.", "sampleRate": 24000}}'


class VoiceRequest(BaseModel):
    """A text to speak; what else Vapi tells of the call is ignored."""

    type: Literal["voice-request"]
    text: str
    sampleRate: int = Field(24_000, description="in Hz")


class Webhook(BaseModel):
    """The body."""

    message: VoiceRequest


class Query(BaseModel):
    """What the address of the webhook says, as Vapi has no field for it."""

    model_config = ConfigDict(extra="forbid")  # whoever sets up the address is told of a typo

    voice: str = ""
    language: str = ""
    speed: float | None = None
    seed: int | None = None


def parse(body: Mapping[str, Any], query: Mapping[str, str]) -> SpeechRequest:
    """The request for speech.

    Raises:
        BadParameter: a field is missing or has a value that is not allowed.
    """
    message = checked(Webhook, dict(body)).message
    said = checked(Query, dict(query))
    request = SpeechRequest(
        text=message.text, voice=said.voice, language=said.language, rate=message.sampleRate,
        speed=said.speed, seed=said.seed, pace=Pace.BULK,
    )  # fmt: skip
    try:
        request.check()
    except BadParameter as error:
        error.field = "message.sampleRate" if error.field == "rate" else error.field
        raise
    return request
