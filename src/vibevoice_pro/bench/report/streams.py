"""Listeners in real time at once: the largest number that are served without a pause."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from vibevoice_pro.bench.report.part import Bench, Part, Result, Rows, milliseconds, number
from vibevoice_pro.bench.server import measure as load
from vibevoice_pro.errors import SpeechError

_FIRST = 4  # listeners of the first level
_CLOSE_S = 1.0  # the server closes the last ones


async def search(serves: Callable[[int], Awaitable[bool]], most: int, first: int = _FIRST) -> int:
    """The largest number up to `most` for which `serves` is true, to within a tenth; 0: none.

    Doubles from `first` on until it is false, then halves the interval.
    """
    good, bad, level = 0, most + 1, min(first, most)
    while bad - good > max(1, good // 10):
        if await serves(level):
            good = level
        else:
            bad = level
        level = min(2 * good, most) if bad > most else (good + bad) // 2
    return good


async def measure(bench: Bench) -> Result:
    """Levels of load, each for its seconds, until the largest that is served is found."""
    levels: list[Result] = []

    async def serves(listeners: int) -> bool:
        bench.tell(f"{listeners} listeners")
        level = await _level(bench, listeners)
        levels.append(level)
        return bool(level["served"])

    largest = await search(serves, bench.sizes.most)
    if not largest:
        errors = [error for level in levels for error in level["errors"]]
        raise SpeechError(errors[0] if errors else "not even one listener was served in real time")
    again = [await serves(largest) for _ in range(bench.sizes.confirmations)]
    return {
        "largest": largest,
        "at_most_tried": bench.sizes.most,
        "confirmed": sum(again),
        "confirmations": len(again),
        "level_s": bench.sizes.level_s,
        "levels": levels,
    }


async def _level(bench: Bench, listeners: int) -> Result:
    seconds = bench.sizes.level_s
    run = await load(
        bench.url, listeners, seconds, chars=0, repeat=1, ramp=seconds / 3, opening=True,
        advance=lambda: None,
    )  # fmt: skip
    await asyncio.sleep(_CLOSE_S)
    figures = run.as_dict()
    served = not (
        figures["refused_or_failed"] or figures["underruns_over_100_ms"] or figures["errors"]
    )
    return {
        **figures,
        "served": served,
        "ttfa_ms_all": milliseconds([h.ttfa for h in run.heard]),
        "gaps_ms_all": milliseconds([gap for h in run.heard for gap in h.gaps]),
    }


def rows(result: Result) -> Rows:
    """The lines of the table; the figures beside the number are of its worst run."""
    runs = [x for x in result["levels"] if x["listeners"] == result["largest"]]
    beyond = [x for x in result["levels"] if x["listeners"] > result["largest"]]
    again = f"{result['confirmed']} of {result['confirmations']}"
    lines = [
        ("listeners in real time", _largest(result)),
        ("further runs with as many that were served", again),
        ("first byte there, p95, ms", number(max(x["ttfa_ms"]["p95"] for x in runs))),
        ("load there, as the server counts it", number(max(_load(x) for x in runs), 2)),
        ("client's own lag there, p99, ms", number(max(x["client_lag_ms_p99"] for x in runs), 1)),
    ]  # fmt: skip
    if beyond:
        first = min(beyond, key=lambda x: float(x["listeners"]))
        lines.append((
            "the next level that was not served",
            f"{first['listeners']}: {first['refused_or_failed']} refused, "
            f"{first['underruns_over_100_ms']} pauses",
        ))  # fmt: skip
    return lines


def _load(level: Result) -> float:
    return float(level["server_load_peak"])


def _largest(result: Result) -> str:
    largest = int(result["largest"])
    return (
        f"{largest} (more were not tried)" if largest == result["at_most_tried"] else f"{largest}"
    )


PART = Part(
    "streams",
    "Streams in real time, closed loop",
    "The largest number of listeners at once who are all taken and of whom none has a pause of "
    "more than 100 ms; found by doubling and halving, to within a tenth. They arrive evenly over "
    "the first third of the time, and each plays from 200 ms after its first frame. Listeners and "
    "server share the cores.",
    measure,
    rows,
)
