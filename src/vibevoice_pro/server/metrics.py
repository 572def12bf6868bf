"""Prometheus metrics: what listeners were given, and how the server is.

`audio_ttfp` (time to the first packet of audio) and `audio_rtf` (real-time factor) are called as in
vLLM-Omni, with a prefix of our own.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vibevoice_pro.engine.engine import EngineStatus
from vibevoice_pro.engine.host import Host
from vibevoice_pro.models.base import Profiled
from vibevoice_pro.speech.account import Outcome
from vibevoice_pro.speech.service import Service

router = APIRouter()

_FIRST_S = (0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10)
_STEP_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.5, 1, 5)
_BATCH = (1, 2, 4, 8, 16, 32, 64)
_RATIO = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.5, 2, 5)


class Metrics(Collector):
    """Counts what becomes of listeners, and asks the service when it is scraped.

    Attributes:
        registry: of all metrics.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self.registry = CollectorRegistry()
        self._first = Histogram(
            "vibevoice_audio_ttfp_seconds", "from a listener's arrival to its first audio",
            buckets=_FIRST_S, registry=self.registry,
        )  # fmt: skip
        self._ratio = Histogram(
            "vibevoice_audio_rtf", "time that a listener needed for its audio, over its length",
            buckets=_RATIO, registry=self.registry,
        )  # fmt: skip
        self._ended = Counter(
            "vibevoice_listeners", "listeners that ended, by outcome", ["outcome"],
            registry=self.registry,
        )  # fmt: skip
        self._audio = Counter(
            "vibevoice_audio_seconds", "audio given out", ["voice"], registry=self.registry
        )
        self._characters = Counter(
            "vibevoice_characters", "text written, of listeners that ended", registry=self.registry
        )
        self._underruns = Counter(
            "vibevoice_underruns", "times that audio came more than 100 ms late for its listener",
            registry=self.registry,
        )  # fmt: skip
        self._step = Histogram(
            "vibevoice_step_seconds", "a step of a model", ["model"], buckets=_STEP_S,
            registry=self.registry,
        )  # fmt: skip
        self._batch = Histogram(
            "vibevoice_batch_size", "listeners that a step of a model served", ["model"],
            buckets=_BATCH, registry=self.registry,
        )  # fmt: skip
        self.registry.register(self)
        service.observers.append(self.observe)
        service.engine.on_step = self.stepped

    def stepped(self, host: Host, size: int, seconds: float) -> None:
        """A model made a step."""
        name = host.model.info.name
        self._step.labels(name).observe(seconds)
        self._batch.labels(name).observe(size)

    def observe(self, what: Outcome) -> None:
        """A listener ended."""
        self._ended.labels(what.outcome).inc()
        self._characters.inc(what.characters)
        self._underruns.inc(what.underruns)
        self._audio.labels(what.voice).inc(what.audio_s)
        if what.first_audio_ms is not None:
            self._first.observe(what.first_audio_ms / 1e3)
        if what.outcome == "done" and what.audio_s:
            self._ratio.observe(what.seconds / what.audio_s)

    def collect(self) -> Iterator[Metric]:
        """What the service is doing at this moment."""
        service, engine = self._service, self._service.engine.status()
        now = {
            "listening_sessions": ("sessions with a connection", service.sessions.listening),
            "speaking_sessions": (
                "of them, those with something to hear",
                service.sessions.speaking,
            ),
            "waiting_listeners": ("of them, those without a sound yet", service.sessions.unheard),
            "resumable_sessions": ("sessions whose connection was lost", service.sessions.waiting),
            "streams": ("utterances open in the engine", engine.streams),
            "max_streams": ("listeners at once, at most", engine.max_streams),
            "capacity": ("listeners in real time at once, as measured", engine.capacity or 0),
            "load": ("share of the models' time in use; 1 is all of it", engine.load),
            "memory_used_bytes": ("memory in use", engine.memory_used),
            "memory_budget_bytes": ("memory that may be used", engine.memory_budget),
            "healthy": ("1 while the engine makes progress", float(service.healthy)),
            "draining": ("1 while nobody new is taken", float(service.draining)),
        }
        for name, (about, value) in now.items():
            yield GaugeMetricFamily(f"vibevoice_{name}", about, value=value)
        yield CounterMetricFamily("vibevoice_steps", "steps of the models", value=engine.steps)
        refused = CounterMetricFamily(
            "vibevoice_refused", "requests that were refused, by reason", labels=["reason"]
        )
        for reason, count in service.refused.items():
            refused.add_metric([reason], count)
        yield refused
        yield self._memory(engine)
        step = GaugeMetricFamily(
            "vibevoice_chunk_seconds", "what a chunk takes, on the safe side", labels=["model"]
        )
        for host in service.engine.hosts:
            step.add_metric([host.model.info.name], host.meter.service_s)
        yield step

    def _memory(self, engine: EngineStatus) -> Metric:
        """Where the memory went: as planned for a model, as counted for sessions, and the rest."""
        parts = Counts({"sessions": self._service.sessions.size})
        for host in self._service.engine.hosts:
            if isinstance(host.model, Profiled):
                parts.update(host.model.plan.parts)
        parts["rest"] = max(0, engine.memory_used - sum(parts.values()))
        family = GaugeMetricFamily("vibevoice_memory_bytes", "memory by part", labels=["part"])
        for part, size in parts.items():
            family.add_metric([part], size)
        return family


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """All metrics, in Prometheus' text format."""
    registry: CollectorRegistry = request.app.state.metrics.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
