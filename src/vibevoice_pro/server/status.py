"""What the server says about itself."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict

from pydantic import BaseModel, Field

from vibevoice_pro import __version__
from vibevoice_pro.models.aliases import SHOWN
from vibevoice_pro.models.base import ModelInfo
from vibevoice_pro.speech.service import Service


class VoiceView(BaseModel):
    """A voice, as clients see it."""

    id: str
    language: str = Field(description="BCP-47")
    gender: str
    description: str
    licence: str = Field(description="SPDX id; empty if it is not known")
    installed: bool = Field(description="whether it can speak")
    install: str = Field("", description="the command that brings it; empty if it is installed")
    aliases: list[str] = Field(
        default=[],
        description="other names that it speaks for; those of other interfaces are not listed",
    )


class KnobView(BaseModel):
    """A setting and whether this model honours it."""

    minimum: float
    maximum: float
    default: float
    integer: bool
    available: bool
    reason: str = Field(description="why it is not available; empty if it is")


class ModelView(BaseModel):
    """A model that speaks."""

    name: str
    device: str
    precision: str
    sample_rate: int
    knobs: dict[str, KnobView]


class StatusView(BaseModel):
    """What the server is doing now."""

    version: str
    uptime_seconds: float
    model: ModelView = Field(description="that of the default voice")
    models: list[ModelView]
    connections: int
    connections_total: int
    sessions_waiting: int = Field(description="sessions whose connection was lost")
    streams: int
    max_streams: int
    capacity: int | None = Field(description="listeners in real time at once, as measured")
    load: float = Field(description="share of the model's time in use; 1 is all of it")
    on_card: bool = Field(description="whether memory is that of a graphics card")
    memory_used: int = Field(description="bytes")
    memory_budget: int = Field(description="bytes")
    audio_seconds: float = Field(description="seconds of audio made so far")
    healthy: bool


class Status:
    """Counts connections, and tells how the server is.

    Attributes:
        service: what speaks.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._began = time.monotonic()
        self._connections = 0
        self._connections_total = 0

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """Count a connection for as long as it lasts."""
        self._connections += 1
        self._connections_total += 1
        try:
            yield
        finally:
            self._connections -= 1

    def voices(self) -> list[VoiceView]:
        """The voices there are, and after them those that could be."""
        catalog = self.service.catalog
        here = [
            VoiceView(**asdict(entry.voice), installed=True, aliases=catalog.names_of(id_, *SHOWN))
            for id_, entry in catalog.entries.items()
        ]
        return here + [
            VoiceView(**asdict(offer.voice), installed=False, install=offer.install)
            for offer in catalog.offers.values()
        ]

    def view(self) -> StatusView:
        """What the server is doing now."""
        service = self.service
        engine = asdict(service.engine.status())
        del engine["steps"]
        engine["healthy"] = service.healthy
        models = [self._model(host.model.info) for host in service.engine.hosts]
        default = service.catalog.entries[service.catalog.default].model
        return StatusView(
            version=__version__,
            uptime_seconds=round(time.monotonic() - self._began, 1),
            model=self._model(default),
            models=models,
            connections=self._connections,
            connections_total=self._connections_total,
            sessions_waiting=service.sessions.waiting,
            on_card=service.engine.on_card,
            **engine,
        )

    def _model(self, info: ModelInfo) -> ModelView:
        settings = self.service.settings
        defaults = {"cfg": settings.cfg, "steps": settings.steps}
        knobs = {
            name: KnobView(
                minimum=knob.minimum,
                maximum=knob.maximum,
                default=defaults.get(name, knob.default),
                integer=knob.integer,
                available=not knob.reason,
                reason=knob.reason,
            )
            for name, knob in info.knobs.items()
        }
        return ModelView(
            name=info.name, device=info.device, precision=info.precision,
            sample_rate=info.sample_rate, knobs=knobs,
        )  # fmt: skip
