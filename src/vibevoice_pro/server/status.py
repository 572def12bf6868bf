"""What the server says about itself."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict

from pydantic import BaseModel, Field

from vibevoice_pro import __version__
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.memory import parse_bytes
from vibevoice_pro.engine.stream import StreamConfig
from vibevoice_pro.server.protocols.native.params import default_knobs, default_voice
from vibevoice_pro.speech.sessions.redis_store import RedisStore
from vibevoice_pro.speech.sessions.session import Limits
from vibevoice_pro.speech.sessions.sessions import Sessions


class VoiceView(BaseModel):
    """A voice, as clients see it."""

    id: str
    language: str = Field(description="ISO 639-1")
    gender: str
    description: str


class KnobView(BaseModel):
    """A setting and whether this model honours it."""

    minimum: float
    maximum: float
    default: float
    integer: bool
    available: bool
    reason: str = Field(description="why it is not available; empty if it is")


class ModelView(BaseModel):
    """The model that speaks."""

    name: str
    device: str
    precision: str
    sample_rate: int
    knobs: dict[str, KnobView]


class StatusView(BaseModel):
    """What the server is doing now."""

    version: str
    uptime_seconds: float
    model: ModelView
    connections: int
    connections_total: int
    sessions_waiting: int = Field(description="sessions whose connection was lost")
    streams: int
    max_streams: int
    capacity: int | None = Field(description="listeners in real time at once, as measured")
    load: float = Field(description="share of the model's time in use; 1 is all of it")
    memory_used: int = Field(description="bytes")
    memory_budget: int = Field(description="bytes")
    audio_seconds: float = Field(description="seconds of audio made so far")
    healthy: bool


class Service:
    """The engine, its sessions, settings and counters: what every route needs.

    Attributes:
        base: of a stream, all that a client has no say in.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        self.base = StreamConfig(self.default_voice, lead=settings.lead, max_text=settings.max_text)
        limits = Limits(
            settings.session_ttl, settings.replay_seconds, parse_bytes(settings.replay_limit)
        )
        store = RedisStore(settings.store, settings.session_ttl) if settings.store else None
        memory = parse_bytes(settings.session_memory)
        self.sessions = Sessions(engine, limits, memory, self.base, store)
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

    @property
    def default_voice(self) -> str:
        """The voice that speaks when the client names none."""
        return default_voice(self.engine.model, self.settings)

    def voices(self) -> list[VoiceView]:
        """The voices there are."""
        return [VoiceView(**asdict(v)) for v in self.engine.model.voices.values()]

    def status(self) -> StatusView:
        """What the server is doing now."""
        info = self.engine.model.info
        defaults = default_knobs(self.engine.model, self.settings)
        knobs = {
            name: KnobView(
                minimum=knob.minimum,
                maximum=knob.maximum,
                default=defaults[name],
                integer=knob.integer,
                available=not knob.reason,
                reason=knob.reason,
            )
            for name, knob in info.knobs.items()
        }
        engine = asdict(self.engine.status())
        del engine["steps"]
        return StatusView(
            version=__version__,
            uptime_seconds=round(time.monotonic() - self._began, 1),
            model=ModelView(
                name=info.name, device=info.device, precision=info.precision,
                sample_rate=info.sample_rate, knobs=knobs,
            ),
            connections=self._connections,
            connections_total=self._connections_total,
            sessions_waiting=self.sessions.waiting,
            **engine,
        )  # fmt: skip
