"""`plan`: the memory of a model."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from vibevoice_pro.cli.common import (
    DeviceOption,
    ModelOption,
    OffloadOption,
    PrecisionOption,
    WindowOption,
    app,
    fail,
    read_settings,
)
from vibevoice_pro.config.sizes import parse_bytes
from vibevoice_pro.errors import SpeechError
from vibevoice_pro.models.base import Loading, MemoryPlan


@app.command()
def plan(
    model: ModelOption = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Most memory for the model, e.g. 4500MB: how many streams fit?"),
    ] = None,
    streams: Annotated[
        int | None, typer.Option(min=1, help="Streams wanted at once: how much do they take?")
    ] = None,
    precision: PrecisionOption = None,
    device: DeviceOption = None,
    kv_window: WindowOption = None,
    cpu_offload: OffloadOption = None,
) -> None:
    """Count the memory that a model takes, part by part, without loading it."""
    from vibevoice_pro.models.registry import plan_model

    settings = read_settings(
        model=model, precision=precision, device=device, kv_window=kv_window,
        cpu_offload=cpu_offload,
    )  # fmt: skip
    loading = Loading(
        precision=settings.precision,
        device=settings.device,
        kernels=settings.kernels,
        kv_window=settings.kv_window,
        cpu_offload=settings.cpu_offload,
        streams=streams,
        home=settings.home,
    )
    try:
        limit = parse_bytes(budget) if budget else None
        counted = plan_model(settings.model, replace(loading, memory=limit))
        same = replace(loading, streams=counted.streams, kv_window=str(counted.window))
        other = plan_model(settings.model, replace(same, cpu_offload=not loading.cpu_offload))
    except SpeechError as error:
        raise fail(str(error)) from None
    console = Console(highlight=False)
    console.print(_table(counted, settings.model))
    short = "" if streams is None or counted.streams == streams else f" of the {streams} wanted"
    console.print(
        f"{counted.streams} streams{short}, {counted.window:,} positions of the past each; "
        f"one stream takes {counted.stream_bytes / 1e6:,.1f} MB. "
        "Python and its libraries come on top."
    )
    saved = f"{abs(counted.total - other.total) / 1e6:,.1f} MB off {counted.device}"
    if counted.offloaded:
        console.print(f"cpu_offload keeps {saved}.")
    elif other.offloaded:
        console.print(
            f"cpu_offload would keep {saved}: embedding, text LM and acoustic decoder would run on "
            "the CPU."
        )
    elif loading.cpu_offload:
        console.print("cpu_offload saves nothing: without a card everything is on the CPU.")


def _table(counted: MemoryPlan, model: str) -> Table:
    """The parts, with a column for each device that holds some."""
    table = Table("part", show_footer=True,
                  title=f"{model}, {counted.precision} on {counted.device}")  # fmt: skip
    table.columns[0].footer = "together"
    sides = {counted.device: counted.parts}
    if counted.offloaded:
        sides["CPU"] = counted.offloaded
    for device, parts in sides.items():
        heading = "MB" if len(sides) == 1 else f"MB on {device}"
        table.add_column(heading, f"{sum(parts.values()) / 1e6:,.1f}", justify="right")
    for name in {**counted.parts, **counted.offloaded}:
        sizes = [parts.get(name) for parts in sides.values()]
        table.add_row(name, *("" if size is None else f"{size / 1e6:,.1f}" for size in sizes))
    return table
