"""What clients of OpenAI's speech interface send.

Source: OpenAI's API reference, audio/createSpeech.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from vibevoice_pro.models.base import KNOBS
from vibevoice_pro.speech.request import MARKUPS, Pace, SpeechRequest

RATE = 24_000
"""What `pcm` is, for clients that expect OpenAI's."""


ResponseFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


def _knob(name: str, description: str) -> Any:
    """A field whose range the schema shows; `Service` checks it, and knows whose knob it is."""
    knob = KNOBS[name]
    schema: dict[str, Any] = {"minimum": knob.minimum, "maximum": knob.maximum}
    return Field(None, strict=True, description=description, json_schema_extra=schema)


def _voice_name(voice: Any) -> Any:
    """A voice is a name, or an object with one."""
    return voice.get("id") if isinstance(voice, dict) else voice


class CreateSpeech(BaseModel):
    """A text to speak.

    `language`, `seed`, `cfg`, `steps`, `markup` and `lexicon` are this server's own; other fields
    are ignored, and the answer says which.
    """

    model_config = ConfigDict(extra="allow")

    model: str = Field(
        "", description="accepted and not used: the voice decides which model speaks"
    )
    input: str = Field(description="the text")
    voice: Annotated[str, BeforeValidator(_voice_name)] = Field(
        "", description="a voice, an alias, or an object with its id; empty: the server's default"
    )
    response_format: ResponseFormat = Field("mp3", description="pcm: s16le, mono, 24 kHz")
    stream_format: Literal["audio", "sse"] = "audio"
    speed: float = Field(1.0, ge=0.25, le=4.0, strict=True, description="pace; 0.5 to 2 are spoken")
    instructions: str | None = Field(None, description="accepted; no model here follows them")
    language: str = Field(
        "", description="BCP-47, or auto: each sentence by a voice of its language"
    )
    seed: int | None = _knob("seed", "of all random draws")
    cfg: float | None = _knob("cfg", "guidance scale of VibeVoice")
    steps: int | None = _knob("steps", "denoising steps of VibeVoice")
    markup: str = Field(
        "", description="which marks the text has; empty: none",
        json_schema_extra={"enum": ["", *MARKUPS]},
    )  # fmt: skip
    lexicon: dict[str, str] = Field({}, description="words, and what is said for each")

    @property
    def ignored(self) -> list[str]:
        """What was said and has no effect, by field."""
        fields = [*(self.model_extra or {})]
        return [*fields, "instructions"] if self.instructions else fields

    @property
    def pace(self) -> float:
        """The speed that is spoken: the nearest that there is."""
        knob = KNOBS["speed"]
        return min(max(self.speed, knob.minimum), knob.maximum)

    def request(self) -> SpeechRequest:
        """The same for `Service`."""
        return SpeechRequest(
            text=self.input, voice=self.voice, language=self.language, rate=RATE, cfg=self.cfg,
            steps=self.steps, speed=self.pace, seed=self.seed, markup=self.markup,
            lexicon=self.lexicon, pace=Pace.BULK,
        )  # fmt: skip
