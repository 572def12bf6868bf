"""What clients of Deepgram's speech interface send.

Source: Deepgram's API reference, speak/v1, and the package `deepgram-sdk` 7.16.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vibevoice_pro.audio.frames import RATES
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.server.checked import checked
from vibevoice_pro.speech.request import Pace, SpeechRequest

SPEAK_EXAMPLE = '{"type": "Speak", "text": "Hello."}'

_SILENT = ("callback_method", "mip_opt_out", "tag")
"""Accepted: they concern Deepgram's own bookkeeping."""


@dataclass(frozen=True)
class _Encoding:
    """An encoding.

    Attributes:
        containers: by name, what is sent in `FORMATS`; the first is the default.
        rate: default sample rate in Hz.
        bit_rates: least and most in bit/s; None: it has none.
        rates: that there are.
    """

    containers: Mapping[str, str]
    rate: int
    bit_rates: tuple[int, int] | None = None
    rates: tuple[int, ...] = RATES


ENCODINGS: Mapping[str, _Encoding] = {
    "linear16": _Encoding({"wav": "wav", "none": "pcm"}, 24_000),
    "mulaw": _Encoding({"wav": "wav_ulaw", "none": "ulaw"}, 8_000),
    "alaw": _Encoding({"wav": "wav_alaw", "none": "alaw"}, 8_000),
    "mp3": _Encoding({"none": "mp3"}, 22_050, (8_000, 160_000)),
    "opus": _Encoding({"ogg": "opus"}, 48_000, (6_000, 256_000), (8_000, 16_000, 24_000, 48_000)),
    "flac": _Encoding({"none": "flac"}, 48_000),
    "aac": _Encoding({"none": "aac"}, 22_050, (16_000, 192_000), RATES),
}


class Query(BaseModel):
    """What the URL says. Of a field that was said several times the last counts."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(default="", description="a voice or an alias; empty: the server's default")
    encoding: str = ""
    container: str = ""
    sample_rate: int | None = None
    bit_rate: int | None = Field(default=None, description="bit/s")
    speed: float | None = Field(default=None, ge=0.7, le=1.5)

    @model_validator(mode="after")
    def _fits(self) -> Query:
        if "callback" in (self.model_extra or {}):
            raise ValueError(
                "callback: this server sends speech only to whoever asks for it; leave it out"
            )
        name, encoding = self.encoding, ENCODINGS.get(self.encoding)
        if encoding is None:
            raise ValueError(f"encoding must be one of {', '.join(ENCODINGS)}; got {name[:40]!r}")
        if self.container and self.container not in encoding.containers:
            allowed = " or ".join(encoding.containers)
            raise ValueError(f"container of {name} must be {allowed}; got {self.container[:40]!r}")
        if self.sample_rate not in (None, *encoding.rates):
            allowed = ", ".join(map(str, encoding.rates))
            raise ValueError(f"sample_rate of {name} must be one of {allowed}; got {self.rate}")
        if self.bit_rate is not None:
            if encoding.bit_rates is None:
                raise ValueError(f"bit_rate: {name} has none; leave it out")
            least, most = encoding.bit_rates
            if not least <= self.bit_rate <= most:
                raise ValueError(
                    f"bit_rate of {name} must be {least} to {most} bit/s; got {self.bit_rate}"
                )
        return self

    @property
    def format(self) -> str:
        """Its name in `FORMATS`."""
        containers = ENCODINGS[self.encoding].containers
        return containers[self.container or next(iter(containers))]

    @property
    def rate(self) -> int:
        """Sample rate in Hz."""
        return self.sample_rate or ENCODINGS[self.encoding].rate

    @property
    def ignored(self) -> list[str]:
        """What was said and has no effect, by field."""
        return [name for name in self.model_extra or {} if name not in _SILENT]

    def request(self, text: str | None, pace: Pace) -> SpeechRequest:
        """The same for `Service`."""
        return SpeechRequest(
            text=text, voice=self.model, rate=self.rate, speed=self.speed, pace=pace
        )


def parse_query(query: Mapping[str, str]) -> Query:
    """What the URL of a text asks for.

    Raises:
        BadParameter: a value is not allowed, or does not go with another.
    """
    return checked(Query, {"encoding": "mp3", **query})


def parse_stream_query(query: Mapping[str, str]) -> Query:
    """What the URL of a WebSocket asks for: sound without a container.

    Raises:
        BadParameter: a value is not allowed.
    """
    said = checked(Query, {"encoding": "linear16", **query, "container": ""})
    if said.encoding not in ("linear16", "mulaw", "alaw"):
        raise BadParameter(
            f"encoding of a WebSocket must be linear16, mulaw or alaw; got {said.encoding!r}",
            field="encoding",
        )
    return said.model_copy(update={"container": "none"})


class Message(BaseModel):
    """A message over a WebSocket."""

    type: Literal["Speak", "Flush", "Clear", "Close"]
    text: str | None = Field(None, description="of Speak")

    @model_validator(mode="after")
    def _has_text(self) -> Message:
        if self.type == "Speak" and self.text is None:
            raise ValueError(f"a message of type Speak needs text, like {SPEAK_EXAMPLE}")
        return self


def text_of(body: dict[str, Any]) -> str:
    """The text in the body of a request.

    Raises:
        BadParameter: there is none.
    """
    text = body.get("text")
    if "url" in body:
        raise BadParameter("url: this server fetches no pages; send their text", field="url")
    if not isinstance(text, str):
        raise BadParameter('the body must be a JSON object like {"text": "Hello."}', field="text")
    return text
