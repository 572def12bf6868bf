"""What all commands share: the application, options, messages, bars, loading."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TextColumn,
)

from vibevoice_pro import __version__
from vibevoice_pro.config.settings import Settings

app = typer.Typer(
    name="vibevoice-pro",
    help="Streaming text-to-speech: it speaks while the text is still being written.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
bench_app = typer.Typer(
    help="Measure, and print figures that can be compared.", no_args_is_help=True
)
app.add_typer(bench_app, name="bench")
voices_app = typer.Typer(invoke_without_command=True)
app.add_typer(voices_app, name="voices")
console = Console(stderr=True)

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="auto, compact, kokoro, owner/name on the hub, a directory or random:vibevoice-0.5b; "
        "several are separated by commas.",
    ),
]
PrecisionOption = Annotated[
    str | None, typer.Option("--precision", help="auto, fp32, bf16, fp16 or int8.")
]
DeviceOption = Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda.")]
WindowOption = Annotated[
    str | None, typer.Option("--kv-window", help="Past each stream keeps: auto, full or a number.")
]


def fail(message: str, code: int = 2) -> typer.Exit:
    """Say what was wrong; raise what is returned."""
    console.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    return typer.Exit(code)


def read_settings(**given: Any) -> Settings:
    """Settings from the environment, with what the command line gave on top."""
    try:
        return Settings(**{k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise fail(f"{name.replace('_', '-')}: {first['msg']}; got {first['input']!r}") from None


def bars(*columns: ProgressColumn) -> Progress:
    """Progress that is shown on a terminal, and is gone when it has ended."""
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def load(settings: Settings, streams: int | None = None) -> Any:
    """Load the models, with a bar on a terminal; `streams`: how many each is to have room for."""
    from vibevoice_pro.speech.build import load_hosts

    with bars(TextColumn("loading the voice …"), BarColumn()) as bar:
        task = bar.add_task("", total=None)
        return load_hosts(
            settings, streams, lambda done, total: bar.update(task, completed=done, total=total)
        )


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
) -> None:
    """Streaming text-to-speech: it speaks while the text is still being written."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
