"""Requests per second with ten clients at once."""

from __future__ import annotations

import asyncio
import math
import time
from urllib.parse import quote

from vibevoice_pro.bench.figures import middle, summary
from vibevoice_pro.bench.report.part import (
    Bench,
    Part,
    Result,
    Rows,
    answered,
    median,
    milliseconds,
    percentiles,
)
from vibevoice_pro.bench.server import Heard, listen
from vibevoice_pro.bench.texts import SENTENCES
from vibevoice_pro.client.address import stream_url

CLIENTS = 10
TEXT = SENTENCES[0]
"""About 3 s of speech, less than the 5 s that a server sends ahead of playback."""

_REFUSED_S = 0.5  # before a client that was refused asks again


async def measure(bench: Bench) -> Result:
    """Rounds of ten clients who each ask again as soon as they have been answered in full."""
    rates, audio = [], []
    heard: list[Heard] = []
    for i in range(bench.sizes.rounds):
        bench.tell(f"round {i + 1} of {bench.sizes.rounds}")
        came, took = await _round(bench.url, bench.sizes.round_s, i)
        whole = [h for h in came if _whole(h)]
        rates.append(len(whole) / took)
        audio.append(sum(h.seconds for h in whole) / took)
        heard += came
    whole = [h for h in answered(heard) if _whole(h)]
    return {
        "clients": CLIENTS,
        "text": TEXT,
        "requests": len(heard),
        "refused_or_failed": len(heard) - len(whole),
        "errors": sorted({h.error for h in heard if h.error}),
        "requests_per_s": middle(rates, 2),
        "audio_s_per_s": middle(audio, 1),
        "requests_per_s_all": [round(r, 2) for r in rates],
        "whole_request_ms": summary(milliseconds([h.finished for h in whole])),
    }


async def _round(url: str, seconds: float, number: int) -> tuple[list[Heard], float]:
    """All requests begun within `seconds`, and the seconds until the last was answered."""
    heard: list[Heard] = []
    began = time.perf_counter()

    async def ask_again(client: int) -> None:
        seed = (number * CLIENTS + client) * 10_000
        while time.perf_counter() - began < seconds:
            one = await listen(f"{stream_url(url)}?text={quote(TEXT)}&seed={seed}", math.inf)
            heard.append(one)
            seed += 1
            if not _whole(one):
                await asyncio.sleep(_REFUSED_S)

    await asyncio.gather(*(ask_again(client) for client in range(CLIENTS)))
    return heard, time.perf_counter() - began


def _whole(heard: Heard) -> bool:
    return heard.ttfa is not None and not heard.error


def rows(result: Result) -> Rows:
    """The lines of the table."""
    return [
        ("requests per second, median (smallest to largest round)",
         median(result["requests_per_s"], 1)),
        ("seconds of speech per second", median(result["audio_s_per_s"])),
        ("a whole request, p50 / p95 / p99, ms", percentiles(result["whole_request_ms"])),
        ("requests, refused or failed", f"{result['requests']}, {result['refused_or_failed']}"),
    ]  # fmt: skip


PART = Part(
    "throughput",
    "Requests per second, ten at once",
    f"Closed loop: ten clients ask for “{TEXT}”, each again as soon as it has all of the audio, "
    "over a new connection every time. `WS /stream` has no parameter for speech as fast as "
    "possible, but it sends up to 5 s ahead of playback, so a text of 3 s is sent as fast as it is "
    "made.",
    measure,
    rows,
)
