"""The report as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vibevoice_pro.bench.report.part import Part, Rows

_NOTE = (
    "Client and server are processes of their own on the same machine and share its cores, so what "
    "the client takes is missing to the server. What each figure means: [README.md](README.md). "
    "All raw numbers: [report.json](report.json)."
)
_QUICK = "**A quick run, to see whether it works: its figures say little.**"
_PLOTS = {
    "first-sound.png": ("latency", "First sound, share of requests"),
    "streams.png": ("streams", "Listeners, pauses and load"),
    "endurance.png": ("endurance", "Memory and processor over the time"),
}


def render(report: Mapping[str, Any], parts: Sequence[Part]) -> str:
    """The whole report; `parts`: in the order in which they are shown."""
    lines = ["# Benchmark report", ""]
    if report["quick"]:
        lines += [_QUICK, ""]
    lines += [*_environment(report["environment"]), "", _NOTE, ""]
    lines += _servers(report["limits"])
    pictures = report.get("plots", {})
    for part in parts:
        columns = [limit["parts"].get(part.name) for limit in report["limits"]]
        if not any(columns):
            continue
        lines += ["", f"## {part.title}", "", part.how, ""]
        lines += _side_by_side(part, report["limits"], columns)
        for file, (name, title) in _PLOTS.items():
            if name == part.name and file in pictures.get("files", ()):
                lines += ["", f"![{title}]({file})"]
    if "left_out" in pictures:
        lines += ["", f"Plots are {pictures['left_out']}."]
    return "\n".join(lines) + "\n"


def _environment(environment: Mapping[str, Any]) -> list[str]:
    version = environment["version"]
    if environment.get("commit"):
        version += f", commit {environment['commit']}"
    packages = ", ".join(f"{name} {v}" for name, v in environment["packages"].items())
    cpu = f"{environment['cpu']}, {environment['cores']} cores"
    if environment["simd"]:
        cpu += f" ({', '.join(environment['simd'])})"
    system = f"{environment['os']}, {environment['system']}, kernel {environment['kernel']}"
    rows = [
        ("date", environment["date"]),
        ("command", f"`{environment['command']}`"),
        ("version", version),
        ("processor", cpu),
        ("memory", f"{environment['memory_gb']} GB"),
        ("system", system),
        ("Python", f"{environment['python']}; {packages}"),
    ]  # fmt: skip
    return _table(["", ""], [[name, text] for name, text in rows])


def _servers(limits: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was started, and how it fared."""
    rows = [
        ["command", *(f"`{limit['command']}`" for limit in limits)],
        ["model", *(limit.get("model", "–") for limit in limits)],
        ["start, s", *(_or_dash(limit.get("start_s")) for limit in limits)],
        ["peak memory while starting, MB", *(_or_dash(x.get("start_peak_mb")) for x in limits)],
        ["peak memory of all that follows, MB", *(_or_dash(x.get("peak_mb")) for x in limits)],
    ]
    if any("failure" in limit for limit in limits):
        rows.append(["failed", *(limit.get("failure", "no") for limit in limits)])
    return _table(["memory limit", *(limit["memory_limit"] for limit in limits)], rows)


def _side_by_side(
    part: Part, limits: Sequence[Mapping[str, Any]], columns: Sequence[Mapping[str, Any] | None]
) -> list[str]:
    """A table with a column for each limit; a part that failed says why in its first line."""
    shown = [_shown(part, column) for column in columns]
    names = list(dict.fromkeys(name for rows in shown for name, _ in rows))
    cells = [dict(rows) for rows in shown]
    return _table(
        ["memory limit", *(limit["memory_limit"] for limit in limits)],
        [[name, *(cell.get(name, "–") for cell in cells)] for name in names],
    )


def _shown(part: Part, result: Mapping[str, Any] | None) -> Rows:
    if result is None:
        return []
    if "failure" in result:
        return [("failed", result["failure"])]
    return part.rows(dict(result))


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(_cell(cell) for cell in cells)} |"

    return [line(head), "|" + "---|" * len(head), *map(line, rows)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
