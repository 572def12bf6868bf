"""What Prometheus is told."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect

from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from tests.support.wire import ask, lose, next_event, nobody_connected


async def scrape(server: Running) -> dict[tuple[str, str], float]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{server.http}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name.removeprefix("vibevoice_"), ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_what_listeners_were_given() -> None:
    with serving(ToneModel()) as server:
        before = await scrape(server)
        assert before["healthy", ""] == 1
        assert before["draining", ""] == before["listening_sessions", ""] == 0
        answer = await ask(server, "text=Hello%20there.")
        await ask(server, "text=Hello&voice=nobody")
        async with connect(f"{server.ws}/stream") as ws:
            await next_event(ws, "session")
            assert (await scrape(server))["listening_sessions", ""] == 1
            await lose(ws)
        await nobody_connected(server.http)
        after = await scrape(server)
    assert after["listeners_total", "done"] == 1
    assert after["listeners_total", "lost"] == 1
    assert after["refused_total", "bad_parameter"] == 1
    assert after["characters_total", ""] == len("Hello there.")
    assert abs(after["audio_seconds_total", "xx-Tone"] - len(answer.pcm) / 32000) < 0.01
    assert after["audio_ttfp_seconds_count", ""] == after["audio_rtf_count", ""] == 1
    assert 0 < after["audio_ttfp_seconds_sum", ""] < 10
    assert after["resumable_sessions", ""] == 2, "what was heard to its end can be heard again"
    assert after["steps_total", ""] > before["steps_total", ""]
    assert after["memory_used_bytes", ""] > 10**7
    assert after["memory_bytes", "rest"] > 10**7
    assert after["memory_bytes", "sessions"] > 0
    assert after["underruns_total", ""] == 0
    (steps,) = [v for (name, _), v in after.items() if name == "step_seconds_count"]
    assert steps > 0
    assert after["batch_size_count", "tone"] == steps
