"""OpenTelemetry: a span for each listener, where the standard variables name a collector.

`OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318` switches it on; the other `OTEL_*` variables
hold as everywhere. The text that is spoken is not in a span.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from vibevoice_pro.speech.account import Outcome
from vibevoice_pro.speech.service import Service

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

log = logging.getLogger(__name__)

_WANTED = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def provider_from_environment() -> TracerProvider | None:
    """What spans are given to; None: the environment names no collector, or a package lacks."""
    if not any(os.environ.get(name) for name in _WANTED):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("no traces are sent: pip install 'vibevoice-pro[otel]'")
        return None
    named = Resource({SERVICE_NAME: "vibevoice-pro"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def trace(service: Service, provider: TracerProvider) -> None:
    """Give a span to `provider` for each listener of `service` that ends."""
    from opentelemetry.trace import SpanKind, Status, StatusCode

    tracer = provider.get_tracer("vibevoice_pro")

    def observe(what: Outcome) -> None:
        end = time.time_ns()
        begin = end - round(what.seconds * 1e9)
        attributes: dict[str, str | int | float] = {
            "vibevoice.session": what.session,
            "vibevoice.voice": what.voice,
            "vibevoice.characters": what.characters,
            "vibevoice.audio_seconds": what.audio_s,
            "vibevoice.underruns": what.underruns,
            "vibevoice.outcome": what.outcome,
        }
        span = tracer.start_span("speech", kind=SpanKind.SERVER, attributes=attributes,
                                 start_time=begin)  # fmt: skip
        if what.first_audio_ms is not None:
            span.add_event("first audio", timestamp=begin + round(what.first_audio_ms * 1e6))
        if what.outcome in ("internal", "idle"):
            span.set_status(Status(StatusCode.ERROR, what.outcome))
        span.end(end)

    service.observers.append(observe)
