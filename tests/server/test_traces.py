"""A span for each listener."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.support.serving import serving
from tests.support.tone import ToneModel
from tests.support.wire import ask
from vibevoice_pro.server.traces import provider_from_environment, trace


async def test_a_listener_is_a_span() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with serving(ToneModel()) as server:
        trace(server.service, provider)
        await ask(server, "text=Hello%20there.")
    (span,) = kept.get_finished_spans()
    assert span.name == "speech"
    assert span.attributes is not None
    assert span.attributes["vibevoice.outcome"] == "done"
    assert span.attributes["vibevoice.characters"] == len("Hello there.")
    assert "Hello" not in span.to_json()
    (first,) = span.events
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.start_time < first.timestamp <= span.end_time + 10_000_000


def test_only_where_a_collector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", raising=False)
    assert provider_from_environment() is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "my-tts")
    provider = provider_from_environment()
    assert isinstance(provider, TracerProvider)
    assert provider.resource.attributes["service.name"] == "my-tts"
    provider.shutdown()
