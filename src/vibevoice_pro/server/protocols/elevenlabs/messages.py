"""What clients of ElevenLabs' interface send.

Source: ElevenLabs' API reference, text-to-speech/convert, v-1-text-to-speech-voice-id-stream-input
and v-1-text-to-speech-voice-id-multi-stream-input. Fields that are not known are ignored, and the
answer says which.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from vibevoice_pro.models.base import KNOBS
from vibevoice_pro.server.protocols.elevenlabs.output import output
from vibevoice_pro.speech.request import AUTO, Pace, SpeechRequest

Flag = Annotated[bool, BeforeValidator(lambda value: False if value is None else value)]

SILENT = {
    "model_id", "enable_logging", "optimize_streaming_latency", "try_trigger_generation",
    "generation_config", "apply_language_text_normalization", "use_pvc_as_ivc", "xi_api_key",
    "xi-api-key", "api_key", "authorization",
}  # fmt: skip
"""Accepted and not mentioned: the voice decides which model speaks, text is never logged, speech is
always made as early as the text allows and read by the rules of its language, and the API key was
checked before."""


_SSML = "ssml"
"""The markup of a whole text, always, and of text over a WebSocket where it is asked for."""


class VoiceSettings(BaseModel):
    """How a voice speaks; only the speed can be set."""

    model_config = ConfigDict(extra="allow")

    speed: float | None = Field(
        default=None, ge=0.25, le=4.0, description="pace; 0.5 to 2 are spoken"
    )

    @property
    def pace(self) -> float | None:
        """The speed that is spoken: the nearest that there is."""
        knob = KNOBS["speed"]
        return None if self.speed is None else min(max(self.speed, knob.minimum), knob.maximum)

    @property
    def ignored(self) -> list[str]:
        """What was said and has no effect, by field."""
        said = self.model_extra or {}
        return [f"voice_settings.{name}" for name, value in said.items() if value is not None]


class Synthesis(BaseModel):
    """What the body of a request and the query of a WebSocket have in common."""

    model_config = ConfigDict(extra="allow")

    language_code: str = Field(default="", max_length=40, description="ISO 639-1 or BCP-47")
    seed: int | None = None
    apply_text_normalization: Literal["auto", "on", "off"] | None = Field(
        default=None, description="numbers, dates and signs are always read as words"
    )

    @property
    def ignored(self) -> list[str]:
        """What was said and has no effect, by field."""
        said = {**(self.model_extra or {})}
        found = [name for name, value in said.items() if name not in SILENT and value is not None]
        return found + ["apply_text_normalization"] * (self.apply_text_normalization == "off")


class Body(Synthesis):
    """The body of `POST /v1/text-to-speech/{voice_id}` and its kin."""

    text: str = Field(description="the text")
    voice_settings: VoiceSettings | None = None

    @property
    def settings(self) -> VoiceSettings:
        """The voice settings, those of the voice if none were sent."""
        return self.voice_settings or VoiceSettings()

    def request(self, voice: str, rate: int) -> SpeechRequest:
        """The same for `Service`."""
        return SpeechRequest(
            text=self.text, voice=voice, language=self.language_code, rate=rate,
            speed=self.settings.pace, seed=self.seed,
            markup=_SSML if self.language_code != AUTO else "", pace=Pace.BULK,
        )  # fmt: skip


class Query(Synthesis):
    """The query of a WebSocket."""

    output_format: str = ""
    inactivity_timeout: float = Field(default=20.0, gt=0, le=180, description="in seconds")
    auto_mode: bool = Field(
        default=False, description="each text is a whole phrase: speak it at once"
    )
    sync_alignment: bool = False
    enable_ssml_parsing: bool = False

    def request(self, voice: str, settings: VoiceSettings) -> SpeechRequest:
        """The same for `Service`, for text that will be written."""
        return SpeechRequest(
            voice=voice, language=self.language_code, rate=output(self.output_format).rate,
            speed=settings.pace, seed=self.seed, markup=_SSML if self.enable_ssml_parsing else "",
        )  # fmt: skip


class Message(BaseModel):
    """A message over a WebSocket. Those of a single context have no `context_id`."""

    model_config = ConfigDict(extra="allow")

    text: str | None = None
    context_id: str | None = Field(default=None, max_length=128)
    contextId: str | None = Field(default=None, max_length=128)
    voice_settings: VoiceSettings | None = None
    flush: Flag = False
    close_context: Flag = False
    close_socket: Flag = False

    @property
    def context(self) -> str:
        """The context's name; empty: the one without a name."""
        return self.context_id or self.contextId or ""

    @property
    def ignored(self) -> list[str]:
        """What was said and has no effect, by field."""
        said = {**(self.model_extra or {})}
        found = [name for name, value in said.items() if name not in SILENT and value is not None]
        return found + (self.voice_settings.ignored if self.voice_settings else [])
