"""The report's pictures; needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vibevoice_pro.bench.report.quality import lacking

Measured = Sequence[tuple[str, Mapping[str, Any]]]
"""Memory limit and result of a part, for each limit where it was measured."""


def draw(report: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Draw what was measured into `folder`; returns `files`, or `left_out` and why."""
    if why := lacking(["matplotlib"]):
        return {"left_out": why}
    files = []
    for name, part, picture in (
        ("first-sound.png", "latency", _first_sound),
        ("streams.png", "streams", _streams),
        ("endurance.png", "endurance", _endurance),
    ):
        measured = [
            (limit["memory_limit"], limit["parts"][part])
            for limit in report["limits"]
            if "failure" not in limit["parts"].get(part, {"failure": ""})
        ]
        if measured:
            _save(picture, measured, folder / name)
            files.append(name)
    return {"files": files}


def _save(picture: Callable[[Any, Measured], None], measured: Measured, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    picture(figure, measured)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    # Without the version of matplotlib, so that the same figures give the same file.
    figure.savefig(path, dpi=130, metadata={"Software": None})


def _first_sound(figure: Any, measured: Measured) -> None:
    """Share of requests whose first byte and first audible sample has come, over time."""
    axes = figure.subplots()
    for i, (limit, result) in enumerate(measured):
        for key, name, style in (
            ("first_byte_ms_all", "first byte", "-"),
            ("first_audible_ms_all", "first audible", "--"),
        ):
            values = sorted(result[key])
            values = [*values[:1], *values]  # from 0 % on
            shares = [k / (len(values) - 1) * 100 for k in range(len(values))]
            axes.step(values, shares, style, where="post", color=f"C{i}", label=f"{name}, {limit}")
    axes.set_xlabel("ms since the connection was opened")
    axes.set_ylabel("% of requests")
    axes.set_xlim(left=0)
    axes.legend(frameon=False, loc="lower right")


def _streams(figure: Any, measured: Measured) -> None:
    """Pauses, refusals and load at each number of listeners that was tried."""
    upper, lower = figure.subplots(2, 1, sharex=True)
    for i, (limit, result) in enumerate(measured):
        levels = sorted(result["levels"], key=lambda x: float(x["listeners"]))
        counts = [x["listeners"] for x in levels]
        for key, name, style in (
            ("underruns_over_100_ms", "pauses over 100 ms", "o-"),
            ("refused_or_failed", "refused", "x--"),
        ):
            upper.plot(counts, [x[key] for x in levels], style, color=f"C{i}",
                       label=f"{name}, {limit}")  # fmt: skip
        loads = [x["server_load_peak"] for x in levels]
        lower.plot(counts, loads, "o-", color=f"C{i}", label=f"load, {limit}")
    lower.axhline(1, color="black", linestyle=":", linewidth=1)
    lower.set_xlabel("listeners at once")
    upper.set_ylabel("how many")
    lower.set_ylabel("load, 1: all of it")
    for axes in (upper, lower):
        axes.set_ylim(0, max(1.1, axes.get_ylim()[1] * 1.1))
        axes.legend(frameon=False, fontsize=9, loc="upper left")


def _endurance(figure: Any, measured: Measured) -> None:
    """Resident memory and processor of the server over the time of one stream."""
    upper, lower = figure.subplots(2, 1, sharex=True)
    for limit, result in measured:
        usage = result["usage"]
        minutes = [t / 60 for t in usage["times"]]
        upper.plot(minutes, usage["rss_mb"], label=limit)
        lower.plot(minutes, usage["cpu_percent"], label=limit, linewidth=0.8)
    upper.set_ylabel("memory, MB")
    lower.set_ylabel("processor, % of a core")
    lower.set_xlabel("minutes")
    for axes in (upper, lower):
        axes.set_ylim(0, axes.get_ylim()[1] * 1.1)
        axes.legend(frameon=False, fontsize=9, loc="lower right")
