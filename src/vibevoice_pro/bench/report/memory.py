"""Peak memory of one request."""

from __future__ import annotations

import math
from urllib.parse import quote

from vibevoice_pro.bench.figures import middle
from vibevoice_pro.bench.report.part import Bench, Part, Result, Rows, answered, median, number
from vibevoice_pro.bench.report.usage import peak, rss_mb
from vibevoice_pro.bench.server import listen
from vibevoice_pro.bench.texts import passage
from vibevoice_pro.client.address import stream_url


async def measure(bench: Bench) -> Result:
    """Resident memory of the server just started, and the peak during each of a few requests."""
    idle = rss_mb(bench.process)
    peaks, exact = [], True
    for i in range(bench.sizes.memory_requests):
        bench.tell(f"request {i + 1}")
        text = quote(passage(bench.sizes.chars, i, opening=False))
        async with peak(bench.process) as found:
            answered([await listen(f"{stream_url(bench.url)}?text={text}&seed={i}", math.inf)])
        peaks.append(found.mb)
        exact = exact and found.exact
    return {
        "idle_mb": idle,
        "peaks_mb": peaks,
        "peak_mb": middle(peaks),
        "first_peak_mb": peaks[0],
        "first_delta_mb": round(peaks[0] - idle, 1),
        "exact": exact,
        "chars": bench.sizes.chars,
    }


def rows(result: Result) -> Rows:
    """The lines of the table."""
    return [
        ("after the start, MB", number(result["idle_mb"])),
        ("peak of the first request, MB", number(result["first_peak_mb"])),
        ("of that, the request", number(result["first_delta_mb"], 1)),
        ("peak of a request, median (smallest to largest), MB", median(result["peak_mb"])),
    ]


PART = Part(
    "memory",
    "Peak memory of one request",
    "Resident memory of the server's process (all of it: Python, libraries, weights), before the "
    "first request and at its highest moment during each, one request at a time. On Linux the "
    "kernel keeps the peak (`VmHWM`, reset before each request); elsewhere it is sampled every "
    "10 ms. MB are 10⁶ bytes.",
    measure,
    rows,
)
