"""Engines and streams for tests, with settings that do not get in the way."""

from __future__ import annotations

from typing import Any

from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.host import Host
from vibevoice_pro.engine.memory import available_budget
from vibevoice_pro.engine.stream import StreamConfig
from vibevoice_pro.models.base import AnyModel, Options


def engine_of(*models: AnyModel | Host, **changes: Any) -> Engine:
    """An engine over models, not started yet."""
    hosts = [model if isinstance(model, Host) else Host(model) for model in models]
    settings: dict[str, Any] = {
        "max_streams": 200, "max_load": 1.0, "memory_budget": available_budget(), "watchdog": 10.0
    }  # fmt: skip
    return Engine(hosts, **{**settings, **changes})


def stream_config(voice: str, **changes: Any) -> StreamConfig:
    """How a stream is served: as a listener, at 16 kHz, with nothing else set."""
    settings: dict[str, Any] = {
        "options": Options(), "rate": 16000, "live": True, "lead": 5.0, "patience": 0.5,
        "max_text": 500_000,
    }  # fmt: skip
    return StreamConfig(voice, **{**settings, **changes})


def bulk_config(voice: str, **changes: Any) -> StreamConfig:
    """As `stream_config`, but made as fast as possible, whatever is taken."""
    return stream_config(voice, **{"live": False, "lead": 1000.0, **changes})
