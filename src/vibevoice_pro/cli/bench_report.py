"""`bench report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from vibevoice_pro.cli.common import bench_app, console, fail
from vibevoice_pro.errors import SpeechError


@bench_app.command("report")
def bench_report(
    model: Annotated[str, typer.Option(help="What `serve --model` takes.")] = "compact",
    memory_limits: Annotated[
        str, typer.Option(help="Memory budgets, separated by commas; a server is started for each.")
    ] = "1000MB,4500MB",
    out: Annotated[
        Path, typer.Option(help="Folder for report.md, report.json and the plots.")
    ] = Path("docs/benchmarks"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Minutes instead of an hour: does it work here?")
    ] = False,
    parts: Annotated[
        str, typer.Option(help="Only these parts, separated by commas; empty: all.")
    ] = "",
) -> None:
    """Start a server for each memory limit, and measure all that users compare; about an hour.

    Nothing else should run on the machine meanwhile.
    """
    from vibevoice_pro.bench.report.run import PARTS, Wanted, make_report
    from vibevoice_pro.bench.report.sizes import FULL, QUICK

    names = _listed(parts) or [part.name for part in PARTS]
    limits = _listed(memory_limits)
    if not limits:
        raise fail("memory-limits must be one or more sizes like 1000MB,4500MB")
    wanted = Wanted(model, limits, out, names, QUICK if quick else FULL)
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=len(limits) * len(names))
            report = make_report(
                wanted,
                lambda words: progress.update(task, description=words),
                lambda: progress.advance(task),
            )
    except (SpeechError, OSError) as error:
        raise fail(str(error)) from None
    for limit in report["limits"]:
        for name, result in [("server", limit), *limit["parts"].items()]:
            if "failure" in result:
                said = escape(f"{limit['memory_limit']}, {name}: {result['failure']}")
                console.print(f"[yellow]{said}[/]", highlight=False, soft_wrap=True)
    console.print(f"written: {out / 'report.md'}", highlight=False, soft_wrap=True)
    if all("failure" in limit for limit in report["limits"]):
        raise typer.Exit(1)


def _listed(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
