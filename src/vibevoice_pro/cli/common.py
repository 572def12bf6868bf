"""What all commands share: the application, options, messages, bars, loading."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TextColumn,
)

from vibevoice_pro import __version__
from vibevoice_pro.cli import complete
from vibevoice_pro.config.folder import Folder
from vibevoice_pro.config.folder import find as find_folder
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.config.sources import Read, read
from vibevoice_pro.errors import BadParameter

app = typer.Typer(
    name="vibevoice-pro",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
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
        help="auto: VibeVoice if it was pulled, else compact. compact: small, English. kokoro: "
        "small, Japanese. Or a VibeVoice checkpoint: a directory or owner/name on the hub. "
        "random:vibevoice-0.5b: its size without its voice, to measure. Several: a,b.",
        autocompletion=complete.models,
    ),
]
VoiceOption = Annotated[
    str,
    typer.Option(
        "--voice",
        help="Who speaks; `vibevoice-pro voices` lists them. None: the model's own.",
        autocompletion=complete.voices,
    ),
]
PrecisionOption = Annotated[
    str | None,
    typer.Option("--precision", help="VibeVoice's numbers: auto, fp32, bf16, fp16 or int8."),
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", help="Where VibeVoice computes: auto, cpu or cuda.")
]
WindowOption = Annotated[
    str | None,
    typer.Option(
        "--kv-window",
        help="VibeVoice: how many positions of its past each stream keeps: a number, auto or full.",
    ),
]
OffloadOption = Annotated[
    bool | None,
    typer.Option(
        "--cpu-offload/--no-cpu-offload",
        help="VibeVoice on a GPU: keep embedding, text LM and acoustic decoder on the CPU, which "
        "saves GPU memory.",
    ),
]


def default(setting: str) -> str:
    """The default of a setting, for --help."""
    return str(Settings.model_fields[setting].default)


def fail(message: str, code: int = 2) -> typer.Exit:
    """Say what was wrong; raise what is returned."""
    console.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    return typer.Exit(code)


FolderOption = Annotated[
    Path | None,
    typer.Option(
        help="Working folder with config/, logs/ and cache/. Without it: this one, if it has a "
        "config/."
    ),
]


def read_all(folder: Path | None = None, **given: Any) -> tuple[Read, Folder | None]:
    """Settings from all sources, with what the command line gave on top; and the working folder."""
    try:
        found = find_folder(folder)
        flags = {name: value for name, value in given.items() if value is not None}
        return read(flags, os.environ, found), found
    except BadParameter as error:
        raise fail(str(error)) from None


def read_settings(**given: Any) -> Settings:
    """Settings from all sources, with what the command line gave on top."""
    return read_all(**given)[0].settings


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
    """Streaming text-to-speech: it speaks while the text is still being written.

    To begin: vibevoice-pro say "Hello there." -o hello.wav, or vibevoice-pro serve and a browser.
    """
    if version:
        typer.echo(__version__)
        raise typer.Exit
