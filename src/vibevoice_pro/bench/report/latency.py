"""First sound of requests that come one at a time."""

from __future__ import annotations

import asyncio
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
    percentiles,
)
from vibevoice_pro.bench.server import REST_S, Heard, listen
from vibevoice_pro.bench.texts import passage
from vibevoice_pro.client.address import stream_url

_WARM_UP = 3  # requests that are not counted: a server just started is slower
_HEARD_S = 1.0  # of each: the first audible sample lies within
_CHARS = 200


async def measure(bench: Bench) -> Result:
    """First byte and first audible sample of requests with different texts and seeds."""
    heard: list[Heard] = []
    count = bench.sizes.latency_requests
    for i in range(-_WARM_UP, count):
        bench.tell(f"request {max(0, i + 1)} of {count}")
        # Forty texts: half begin with a sentence of 20 characters, half with longer prose.
        text = quote(passage(_CHARS, i % 40, opening=i % 2 == 0))
        one = await listen(f"{stream_url(bench.url)}?text={text}&seed={max(0, i)}", _HEARD_S)
        if i >= 0:
            heard.append(one)
        await asyncio.sleep(REST_S)
    good = answered(heard)
    first = milliseconds([h.ttfa for h in good])
    audible = milliseconds([h.audible for h in good])
    return {
        "requests": count,
        "failed": count - len(good),
        "errors": sorted({h.error for h in heard if h.error}),
        "first_byte_ms": summary(first),
        "first_audible_ms": summary(audible),
        "first_byte_ms_all": first,
        "first_audible_ms_all": audible,
    }


def rows(result: Result) -> Rows:
    """The lines of the table."""
    lines = [("requests, failed", f"{result['requests']}, {result['failed']}")]
    for name, key in (("byte", "first_byte_ms"), ("audible sample", "first_audible_ms")):
        figures = result[key]
        mean = f"{number(figures['mean'], 1)} ± {number(figures['sd'], 1)}"
        lines += [
            (f"first {name}, mean ± sd, ms", mean),
            (f"first {name}, p50 / p95 / p99, ms", percentiles(figures, 1)),
        ]
    return lines


PART = Part(
    "latency",
    "First sound",
    "One request after the other on an idle server, each with a text (about 200 characters, forty "
    "of them) and a seed of its own. The clock starts before the WebSocket is opened. First byte: "
    "the first audio frame is there. First audible: the first sample over −40 dB of full scale is "
    "played, if playback begins with the first frame.",
    measure,
    rows,
)
