"""Listeners who arrive by chance, whether or not the server keeps up: open loop."""

from __future__ import annotations

import asyncio
import math
import random
from urllib.parse import quote

from vibevoice_pro.bench.figures import summary
from vibevoice_pro.bench.report.part import (
    Bench,
    Part,
    Result,
    Rows,
    answered,
    milliseconds,
    number,
)
from vibevoice_pro.bench.server import Heard, Run, fetch, listen, watch
from vibevoice_pro.bench.texts import passage
from vibevoice_pro.client.address import http_url, stream_url
from vibevoice_pro.errors import SpeechError

_SEED = 20
_PILOTS = 4  # listeners who tell how long the texts are
_REFUSED = "full:"


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Times in [0, seconds) of arrivals at `rate` a second on average; at least one.

    The gaps between them are exponentially distributed, and the same for the same seed.
    """
    chance = random.Random(seed)
    times, now = [], chance.expovariate(rate)
    while now < seconds:
        times.append(round(now, 4))
        now += chance.expovariate(rate)
    return times or [0.0]


async def measure(bench: Bench) -> Result:
    """Arrivals at a few rates, as shares of what the largest closed level takes."""
    capacity = bench.found.get("streams", {}).get("largest") or await _capacity(bench.url)
    pilots = await asyncio.gather(*(_one(bench, i) for i in range(_PILOTS)))
    good = answered(pilots)
    length = sum(h.seconds for h in good) / len(good)
    levels = []
    for share in bench.sizes.shares:
        rate = share * capacity / length
        bench.tell(f"{rate:.2f} arrivals a second")
        levels.append({"share": share, **await _level(bench, rate)})
    return {
        "capacity": capacity,
        "chars": bench.sizes.chars,
        "audio_s_of_a_text": round(length, 2),
        "seconds": bench.sizes.arrivals_s,
        "seed": _SEED,
        "levels": levels,
    }


async def _capacity(url: str) -> int:
    """Listeners in real time, as the server itself measures it."""
    status = await asyncio.to_thread(fetch, http_url(url, "/api/status"))
    capacity = status.get("capacity")
    if not capacity:
        raise SpeechError("how many listeners the server takes is not known, so neither are rates")
    return int(capacity)


async def _one(bench: Bench, index: int) -> Heard:
    text = quote(passage(bench.sizes.chars, index))
    return await listen(f"{stream_url(bench.url)}?text={text}&seed={index}", math.inf)


async def _level(bench: Bench, rate: float) -> Result:
    times = poisson(rate, bench.sizes.arrivals_s, _SEED)
    run = Run(0)

    async def arrive(index: int, when: float) -> Heard:
        await asyncio.sleep(when)
        return await _one(bench, index)

    watching = asyncio.create_task(watch(run, http_url(bench.url, "/api/status")))
    heard = await asyncio.gather(*(arrive(i, when) for i, when in enumerate(times)))
    watching.cancel()
    run.heard = list(heard)
    figures = run.as_dict()
    refused = sum(h.error.startswith(_REFUSED) for h in heard)
    first = milliseconds([h.ttfa for h in heard])
    audible = milliseconds([h.audible for h in heard])
    return {
        "rate_per_s": round(rate, 3),
        "requests": len(heard),
        "refused": refused,
        "failed": sum(bool(h.error) for h in heard) - refused,
        "errors": figures["errors"],
        "underruns_over_100_ms": figures["underruns_over_100_ms"],
        "listeners_with_them": sum(h.long_gaps > 0 for h in heard),
        "late_ms_max": figures["late_ms_max"],
        "first_byte_ms": summary(first),
        "first_audible_ms": summary(audible),
        "server_load_peak": figures["server_load_peak"],
        "client_lag_ms_p99": figures["client_lag_ms_p99"],
        "arrivals_s": times,
        "first_byte_ms_all": first,
    }


def rows(result: Result) -> Rows:
    """The lines of the table: one a rate."""
    lines = [("a text", f"{result['chars']} characters, {result['audio_s_of_a_text']:.1f} s")]
    for level in result["levels"]:
        first, audible = (level[f"first_{name}_ms"]["p95"] for name in ("byte", "audible"))
        share = f"{level['share'] * 100:.0f} % of the closed loop's largest"
        lines += [
            (f"{share}: arrivals a second, of whom came",
             f"{level['rate_per_s']:.2f}, {level['requests']}"),
            (f"{share}: refused, failed",
             f"{level['refused'] / level['requests'] * 100:.1f} %, {level['failed']}"),
            (f"{share}: pauses over 100 ms, listeners who had one",
             f"{level['underruns_over_100_ms']}, {level['listeners_with_them']}"),
            (f"{share}: first byte p95; audible p95, ms",
             f"{number(first)}; {number(audible)}"),
        ]  # fmt: skip
    return lines


PART = Part(
    "arrivals",
    "Streams in real time, open loop",
    "Listeners arrive by a Poisson process (seeded), whether or not those before them are done, "
    "and play a text of the given length to its end. A rate of 100 % brings on average as many "
    "listeners at once as the closed loop's largest level: rate = share × listeners / length of "
    "the speech.",
    measure,
    rows,
)
