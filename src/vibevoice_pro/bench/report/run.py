"""Measure all parts at each memory limit, and write the report."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vibevoice_pro.bench.figures import environment
from vibevoice_pro.bench.report import (
    arrivals,
    endurance,
    latency,
    memory,
    quality,
    streams,
    throughput,
)
from vibevoice_pro.bench.report.markdown import render
from vibevoice_pro.bench.report.part import Bench, Part, Result
from vibevoice_pro.bench.report.plots import draw
from vibevoice_pro.bench.report.process import Served
from vibevoice_pro.bench.report.sizes import FULL, Sizes
from vibevoice_pro.bench.report.usage import peak_mb
from vibevoice_pro.bench.server import fetch
from vibevoice_pro.client.address import http_url
from vibevoice_pro.config.sizes import parse_bytes
from vibevoice_pro.errors import BadParameter, SpeechError

PARTS: tuple[Part, ...] = (
    memory.PART,  # first: the server has served nobody yet
    latency.PART,
    throughput.PART,
    streams.PART,
    arrivals.PART,  # its rates come from `streams`
    endurance.PART,
    quality.PART,
)

_PART_S = 3600.0  # a part that takes longer has failed


@dataclass(frozen=True)
class Wanted:
    """What is to be measured.

    Attributes:
        model: what `serve --model` takes.
        memory_limits: what `serve --memory-limit` takes, one server each.
        out: folder for report.json, report.md and the plots.
        parts: names of the parts to measure.
        sizes: how much of each.
    """

    model: str
    memory_limits: Sequence[str]
    out: Path
    parts: Sequence[str] = tuple(part.name for part in PARTS)
    sizes: Sizes = FULL

    def check(self) -> None:
        """See whether all of it is possible, and make the folder.

        Raises:
            BadParameter: something is not.
        """
        for limit in self.memory_limits:
            parse_bytes(limit)
        known = [part.name for part in PARTS]
        if unknown := [name for name in self.parts if name not in known]:
            raise BadParameter(f"parts are {', '.join(known)}; got {unknown[0]!r}", field="parts")
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadParameter(f"{self.out} cannot be made: {error.strerror}") from error


def make_report(
    wanted: Wanted, tell: Callable[[str], None], advance: Callable[[], None]
) -> dict[str, Any]:
    """Measure, and write the report; returns it. The JSON is written after each part.

    Args:
        wanted: what to measure.
        tell: is told what is being done.
        advance: is called after each part of each limit, whether or not it could be measured.

    Raises:
        BadParameter: see `Wanted.check`.
    """
    wanted.check()
    parts = [part for part in PARTS if part.name in wanted.parts]
    report: dict[str, Any] = {
        "environment": environment(),
        "model": wanted.model,
        "quick": wanted.sizes != FULL,
        "sizes": asdict(wanted.sizes),
        "limits": [],
    }
    for limit in wanted.memory_limits:
        served = Served(wanted.model, limit)
        column: dict[str, Any] = {"memory_limit": limit, "command": served.command, "parts": {}}
        report["limits"].append(column)

        def done() -> None:
            _save(report, wanted.out)
            advance()

        def say(words: str, limit: str = limit) -> None:
            tell(f"{limit}: {words}")

        say("starting the server")
        try:
            with served:
                _measure(served, column, parts, wanted.sizes, say, done)
        except SpeechError as error:
            column["failure"] = str(error)
            done()
    try:
        report["plots"] = draw(report, wanted.out)
    except Exception as error:  # matplotlib's own
        report["plots"] = {"left_out": f"left out: {type(error).__name__}: {error}"}
    _save(report, wanted.out)
    (wanted.out / "report.md").write_text(render(report, PARTS), "utf-8")
    return report


def _measure(
    served: Served, column: dict[str, Any], parts: Sequence[Part], sizes: Sizes,
    say: Callable[[str], None], done: Callable[[], None],
) -> None:  # fmt: skip
    """All parts on one server; fills `column`."""
    column["start_s"] = served.start_s
    column["start_peak_mb"] = peak_mb(served.process)
    column["model"] = _model(served.url)
    found: dict[str, Result] = column["parts"]
    for part in parts:
        say(part.title.lower())

        def within(words: str, title: str = part.title.lower()) -> None:
            say(f"{title}, {words}")

        bench = Bench(served.url, served.process, sizes, found, within)
        try:
            found[part.name] = asyncio.run(_part(part, bench))
        except SpeechError as error:
            found[part.name] = {"failure": str(error)}
        except Exception as error:  # a recogniser, a plot, the network: the rest goes on
            found[part.name] = {"failure": f"{type(error).__name__}: {error}"}
        column["peak_mb"] = peak_mb(served.process)
        done()


async def _part(part: Part, bench: Bench) -> Result:
    """What a part measures.

    Raises:
        SpeechError: that is not possible, or takes too long.
    """
    try:
        return await asyncio.wait_for(part.measure(bench), _PART_S)
    except (TimeoutError, asyncio.TimeoutError) as error:  # one class from Python 3.11 on
        raise SpeechError(f"not done within {_PART_S / 60:.0f} minutes") from error


def _model(url: str) -> str:
    """Which model speaks, as the server says."""
    model = fetch(http_url(url, "/api/status")).get("model", {})
    return f"{model.get('name', '?')}, {model.get('precision', '?')} on {model.get('device', '?')}"


def _save(report: dict[str, Any], out: Path) -> None:
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
