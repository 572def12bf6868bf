"""`bench server`, `bench hostile`, `bench engine`, `bench precision`."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from vibevoice_pro.cli.common import (
    DeviceOption,
    ModelOption,
    PrecisionOption,
    WindowOption,
    bench_app,
    console,
    fail,
    load,
    read_settings,
)
from vibevoice_pro.config.defaults import CFG, STEPS
from vibevoice_pro.errors import SpeechError

UrlOption = Annotated[str, typer.Option(help="Address of the server, with or without /stream.")]


@bench_app.command("server")
def bench_server(
    url: UrlOption = "ws://127.0.0.1:7860",
    listeners: Annotated[
        str, typer.Option(help="How many listen at once; one run for each number.")
    ] = "1,10,25,50",
    seconds: Annotated[float, typer.Option(help="Audio each listener hears.")] = 60.0,
    chars: Annotated[
        int, typer.Option(help="Characters of each text; 0: enough for the seconds.")
    ] = 0,
    repeat: Annotated[
        int, typer.Option(help="Connections of each listener, one after the other.")
    ] = 1,
    ramp: Annotated[float, typer.Option(help="Seconds over which the listeners arrive.")] = 0.0,
    opening: Annotated[
        bool, typer.Option(help="Begin each text with a sentence of 20 characters, or with prose.")
    ] = True,
    voice: Annotated[str, typer.Option(help="Who speaks; empty: the server's own voice.")] = "",
    json_file: Annotated[Path | None, typer.Option("--json", help="JSON file to write.")] = None,
) -> None:
    """Load a running server with listeners who play in real time, and count what they notice."""
    from vibevoice_pro.bench.server import bench

    counts = _numbers("listeners", listeners)
    table = Table("at once", "failed", "first byte\np50 p95 p99 ms", "audible\np50 ms",
                  "under-\nruns", "late\nms", "rtf", "load", "MB")  # fmt: skip
    bar = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
    )
    with Progress(*bar, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("connections", total=sum(counts) * repeat)

        def on_run(run: dict[str, Any]) -> None:
            ttfa = " ".join(str(v) for v in run["ttfa_ms"].values())
            table.add_row(*map(str, (
                run["listeners"], run["refused_or_failed"], ttfa, run["first_audible_ms"]["p50"],
                run["underruns"], run["late_ms_max"], run["rtf"], run["server_load_peak"],
                round(run["server_memory_mb_peak"]),
            )))  # fmt: skip
            for error in run["errors"][:3]:
                progress.console.print(f"[yellow]{error}[/]", highlight=False)

        with _in_a_sentence():
            report = bench(
                url, counts, seconds, chars, repeat, ramp, opening,
                lambda: progress.advance(task), on_run, voice,
            )  # fmt: skip
    _finish(table, report, json_file)


@bench_app.command("hostile")
def bench_hostile(
    url: UrlOption = "ws://127.0.0.1:7860",
    attackers: Annotated[int, typer.Option(min=1, help="Clients that send hostile texts.")] = 8,
    chars: Annotated[int, typer.Option(min=1, help="Characters of each of their texts.")] = 500_000,
    sentences: Annotated[int, typer.Option(min=1, help="Sentences, each round.")] = 60,
    json_file: Annotated[Path | None, typer.Option("--json", help="Report to write.")] = None,
) -> None:
    """Measure how much later others hear their first frame while some send hostile texts."""
    from vibevoice_pro.bench.hostile import measure

    with _in_a_sentence(), console.status("speaking, alone and under attack …"):
        report = asyncio.run(measure(url, attackers, chars, sentences))
    table = Table("first frame, ms", "p50", "p95", "p99")
    for name in ("alone", "attacked", "moved"):
        table.add_row(name, *map(str, report[f"{name}_ms"].values()))
    if report["failed"]:
        console.print(f"[yellow]{report['failed']} sentences were not spoken[/]")
    _finish(table, report, json_file)


@bench_app.command("engine")
def bench_engine(
    model: ModelOption = None,
    streams: Annotated[
        str, typer.Option(help="How many speak at once; one run for each number.")
    ] = "1,2,4,8",
    seconds: Annotated[float, typer.Option(help="Audio each stream makes.")] = 20.0,
    steps: Annotated[int, typer.Option(min=1, max=100, help="Denoising steps.")] = STEPS,
    cfg: Annotated[float, typer.Option(min=0, max=10, help="Guidance scale.")] = CFG,
    repeat: Annotated[int, typer.Option(min=1, help="Runs of each level.")] = 1,
    bulk: Annotated[
        bool, typer.Option("--bulk", help="As fast as it goes, not in step with playback.")
    ] = False,
    precision: PrecisionOption = None,
    device: DeviceOption = None,
    kv_window: WindowOption = None,
    memory_limit: Annotated[str | None, typer.Option(help="Memory budget, e.g. 2500MB.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Report to write.")] = None,
) -> None:
    """Run many streams of a model in this process, and tell where the time goes."""
    from vibevoice_pro.bench.engine import bench

    levels = _numbers("streams", streams)
    settings = read_settings(
        model=model, precision=precision, device=device, kv_window=kv_window,
        memory_limit=memory_limit,
    )  # fmt: skip
    table = Table("streams", "first audio\np50 p95 ms", "frame\np50 p95 ms", "rtf", "under-\nruns",
                  "MB", "where the time goes")  # fmt: skip
    try:
        host, *others = load(settings, max(levels))
        if others:
            raise fail("bench engine measures one model; several are named")
        with console.status("warming up …") as status:

            def on_level(level: dict[str, Any]) -> None:
                shares = ", ".join(f"{n} {share:.0%}" for n, share in level["shares"].items())
                table.add_row(*map(str, (
                    level["streams"],
                    f"{level['ttfa_ms']['p50']} {level['ttfa_ms']['p95']}",
                    f"{level['frame_ms']['p50']} {level['frame_ms']['p95']}",
                    level["rtf"], level["underruns"], level["peak_rss_mb"], shares,
                )))  # fmt: skip
                status.update(f"{level['streams']} streams: rtf {level['rtf']}")

            report = bench(host, settings, levels, seconds, steps, cfg, repeat, on_level, bulk)
    except SpeechError as error:
        raise fail(str(error)) from None
    _finish(table, report, json_file)


@bench_app.command("precision")
def bench_precision(
    model: ModelOption = None,
    precision: Annotated[str, typer.Option(help="int8, bf16 or fp16.")] = "int8",
    frames: Annotated[int, typer.Option(min=1, help="Latents to speak.")] = 24,
    json_file: Annotated[Path | None, typer.Option("--json", help="Report to write.")] = None,
) -> None:
    """Tell how far a precision is from fp32, part by part and end to end; loads both."""
    from vibevoice_pro.models.base import Loading
    from vibevoice_pro.models.registry import find_source

    settings = read_settings(model=model)
    try:
        source = find_source(settings.model, settings.home)
        if source is None:
            raise fail("a small model has one precision; give a VibeVoice model")
        from vibevoice_pro.models.vibevoice.loading import load as load_source

        with console.status("loading both …"):
            exact, other = (
                load_source(
                    source,
                    Loading(
                        precision=p,
                        device="cpu",
                        streams=1,
                        kv_window="128",
                        home=settings.home,
                        kernels=settings.kernels,
                    ),
                )
                for p in ("fp32", precision)
            )
    except SpeechError as error:
        raise fail(str(error)) from None
    from vibevoice_pro.bench.precision import compare, table_rows

    report = compare(exact, other, frames)
    table = Table("part", "median error", "largest")
    for row in table_rows(report):
        table.add_row(*row)
    _finish(table, report, json_file)


def _finish(table: Table, report: dict[str, Any], json_file: Path | None) -> None:
    """Print the table, and write the report where one is wanted."""
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(report, indent=2) + "\n")


@contextlib.contextmanager
def _in_a_sentence() -> Iterator[None]:
    """Say in a sentence what was wrong."""
    try:
        yield
    except SpeechError as error:
        raise fail(str(error)) from None


def _numbers(name: str, text: str) -> list[int]:
    """Numbers separated by commas, each at least 1."""
    try:
        numbers = [int(x) for x in text.split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1:
        raise fail(f"{name} must be numbers like 1,10,25; got {text!r}")
    return numbers
