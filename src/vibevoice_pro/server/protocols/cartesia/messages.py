"""What clients of Cartesia's interface send.

Source: Cartesia's API reference, version 2026-08-14, and the package `cartesia` 4.2. Versions since
2024-06-10 differ from it only in what this server ignores, so `Cartesia-Version` decides nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.speech.request import AUTO, Pace, SpeechRequest

Rate = Literal[8000, 16000, 22050, 24000, 44100, 48000]
Encoding = Literal["pcm_f32le", "pcm_s16le", "pcm_mulaw", "pcm_alaw"]

SAMPLES: Mapping[tuple[str, str | None], str] = {
    ("raw", "pcm_s16le"): "pcm", ("raw", "pcm_f32le"): "f32",
    ("raw", "pcm_mulaw"): "ulaw", ("raw", "pcm_alaw"): "alaw",
    ("wav", "pcm_s16le"): "wav", ("wav", "pcm_f32le"): "wav_f32",
    ("wav", "pcm_mulaw"): "wav_ulaw", ("wav", "pcm_alaw"): "wav_alaw",
}  # fmt: skip
"""The names in `FORMATS` of containers and encodings, but for MP3."""

_ID_CHARS = 256
_PACES = {"slow": 0.8, "normal": 1.0, "fast": 1.25}
_NO_EFFECT = {"add_phoneme_timestamps", "use_normalized_timestamps", "save"}
"""Flags that cannot be honoured; what is said about them is only that they are set."""


class OutputFormat(BaseModel):
    """How the audio is packed."""

    container: Literal["raw", "wav", "mp3"] = "raw"
    encoding: Encoding | None = None
    sample_rate: Rate
    bit_rate: Literal[32000, 64000, 96000, 128000, 192000] | None = None

    @model_validator(mode="after")
    def _complete(self) -> OutputFormat:
        if self.container != "mp3" and self.encoding is None:
            raise ValueError(f"a {self.container} container needs encoding, like pcm_s16le")
        return self

    @property
    def name(self) -> str:
        """Its name in `FORMATS`."""
        return "mp3" if self.container == "mp3" else SAMPLES[self.container, self.encoding]


class Voice(BaseModel):
    """Who is to speak; embeddings of voices are refused."""

    model_config = ConfigDict(extra="allow")

    mode: Literal["id"] = "id"
    id: str | None = None


class Config(BaseModel):
    """How it is to be spoken."""

    model_config = ConfigDict(extra="allow")

    speed: float | None = None


def _as_object(voice: Any) -> Any:
    return {"id": voice} if isinstance(voice, str) else voice


class Generation(BaseModel):
    """A text to speak, or more of it; a field that is null was not said.

    Attributes:
        more: whether the text of its context goes on after it.
    """

    model_config = ConfigDict(extra="allow")

    transcript: str = Field(description="the text")
    model_id: str | None = Field(
        None, description="accepted and not used: the voice decides which model speaks"
    )
    voice: Annotated[Voice | None, BeforeValidator(_as_object)] = Field(
        None, description="a voice or an alias; none: the server's default"
    )
    output_format: OutputFormat | None = None
    language: str | None = Field(None, description="which language an alias speaks")
    locale: str | None = Field(None, description="the same")
    generation_config: Config | None = None
    speed: Literal["slow", "normal", "fast"] | None = None
    context_id: str | None = Field(None, min_length=1, max_length=_ID_CHARS)
    more: bool | None = Field(None, alias="continue")
    flush: bool | None = None
    add_timestamps: bool | None = None
    max_buffer_delay_ms: int | None = Field(None, ge=0, le=5000)

    @model_validator(mode="after")
    def _one_language(self) -> Generation:
        if self.language and self.locale:
            raise ValueError("a request may set language or locale, not both")
        return self

    @property
    def ignored(self) -> list[str]:
        """What was said and has no effect, by field."""
        said = dict(self.model_extra or {})
        for name, part in (("generation_config", self.generation_config), ("voice", self.voice)):
            extra = (part.model_extra or {}) if part else {}
            said |= {f"{name}.{field}": value for field, value in extra.items()}
        if said.get("normalization") == "auto":
            del said["normalization"]
        return [
            name
            for name, value in said.items()
            if value is not None and (value or name not in _NO_EFFECT)
        ]

    @property
    def pace(self) -> float | None:
        """Speed, 1 is the voice's own; None: not said."""
        own = self.generation_config.speed if self.generation_config else None
        return own or (_PACES[self.speed] if self.speed else None)

    def request(self, pace: Pace) -> SpeechRequest:
        """The same for `Service`; the text only where all of it is known."""
        assert self.output_format is not None
        delay, language = self.max_buffer_delay_ms, self.language or self.locale or ""
        return SpeechRequest(
            text=self.transcript if pace is Pace.BULK else None,
            voice=(self.voice.id if self.voice else None) or "",
            language=language,
            rate=self.output_format.sample_rate,
            speed=self.pace,
            patience=delay / 1000 if delay else None,
            markup="ssml" if language != AUTO else "",
            pace=pace,
        )


def context_of(values: dict[str, Any]) -> str:
    """The id of the context that a message is for; a new one where it has none.

    Raises:
        BadParameter: it is not as it should be.
    """
    name = values.get("context_id")
    if name is None and not values.get("cancel"):
        return str(uuid.uuid4())
    if not isinstance(name, str) or not 0 < len(name) <= _ID_CHARS:
        raise BadParameter(
            f"context_id must be a string of 1 to {_ID_CHARS} characters; got {str(name)[:40]!r}",
            field="context_id",
        )
    return name
