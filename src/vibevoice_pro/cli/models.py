"""`voices`, `voices convert`, `pull`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from vibevoice_pro.cli.common import (
    ModelOption,
    app,
    bars,
    console,
    fail,
    load,
    read_settings,
    voices_app,
)
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.errors import SpeechError
from vibevoice_pro.models.base import Voice
from vibevoice_pro.models.hub import OnFile
from vibevoice_pro.models.vibevoice import extra
from vibevoice_pro.models.vibevoice.assets import hub


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help=f"owner/name on the hub; none: {hub.DEFAULT}.")] = "",
    voices: Annotated[
        bool, typer.Option("--voices", help="Only the voices of the small model, compact.")
    ] = False,
    voice: Annotated[
        list[str] | None, typer.Option(help="A voice wanted; can be given several times.")
    ] = None,
    voices_from: Annotated[
        str,
        typer.Option(
            help="Where a checkpoint's voices are: a directory, or owner/name or "
            "owner/name/folder on the hub."
        ),
    ] = "",
    revision: Annotated[str, typer.Option(help="Branch, tag or commit; none: main.")] = "",
) -> None:
    """Download the VibeVoice model; or with --voices, more voices of the small one.

    A checkpoint comes with its tokenizer and voices, and is then found by --model.
    Complete files are not downloaded again. HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE apply;
    VIBEVOICE_VOICES_URL is a mirror of the published voices.
    """
    settings = read_settings()
    if not voices:
        checkpoint = f"{name or hub.DEFAULT}@{revision}" if revision else name or hub.DEFAULT
        _pull_checkpoint(checkpoint, voices_from, voice or (), settings)
        return
    if name or voices_from or revision:
        raise fail(
            "--voices fetches the embedded model's voices and takes no name; a checkpoint's voices "
            "come from where --voices-from says"
        )
    from vibevoice_pro.models.hibari.voices import pull as fetch

    with _fetching("voices of the embedded model") as on_progress:
        here = fetch(settings.home, voice or (), on_progress)
    console.print(f"{', '.join(here)}\nnow: vibevoice-pro serve --model compact", highlight=False)


def _pull_checkpoint(name: str, source: str, voices: Sequence[str], settings: Settings) -> None:
    from vibevoice_pro.models.vibevoice.assets.pull import pull as fetch

    with _fetching(name) as on_progress:
        extra.require("pull")
        found = fetch(name, settings.home, source, voices, settings.voices_url, on_progress)
    given = "" if name == hub.DEFAULT else f" --model {name}"
    console.print(
        escape(f"{found.folder}\nnow: vibevoice-pro serve{given}"), highlight=False, soft_wrap=True
    )


@contextlib.contextmanager
def _fetching(what: str) -> Iterator[OnFile]:
    """Say what is fetched, with bars for its files; errors leave the program with a sentence."""
    console.print(f"fetching {escape(what)} …", highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    try:
        with bars(*columns) as progress:
            tasks: dict[str, TaskID] = {}

            def on_progress(file: str, done: int, total: int) -> None:
                if file not in tasks:
                    tasks[file] = progress.add_task(escape(file), completed=done, total=total)
                progress.update(tasks[file], completed=done, total=total)

            yield on_progress
    except SpeechError as error:
        raise fail(str(error), 1) from None
    except KeyboardInterrupt:
        raise fail("stopped; complete files are kept", 130) from None


@voices_app.callback()
def voices(context: typer.Context, model: ModelOption = None) -> None:
    """List the voices: those here, the names they speak for, and those that can be had."""
    if context.invoked_subcommand is not None:
        return
    from vibevoice_pro.models.aliases import SHOWN
    from vibevoice_pro.speech.build import build_catalog

    settings = read_settings(model=model)
    try:
        catalog = build_catalog(load(settings), settings)
    except SpeechError as error:
        raise fail(str(error)) from None
    out = Console()
    out.print(
        _table("voice", [(e.voice, e.voice.description) for e in catalog.entries.values()], "about")
    )
    for id_ in catalog.entries:
        if names := catalog.names_of(id_, *SHOWN):
            out.print(escape(f" {id_} also speaks for {', '.join(names)}"), highlight=False)
    if offers := catalog.offers.values():
        rows = [(offer.voice, offer.install) for offer in offers]
        out.print(_table("not installed", rows, "install with"))


def _table(title: str, rows: Sequence[tuple[Voice, str]], last: str) -> Table:
    """Voices, with one more column."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in (title, "language", "gender", "licence"):
        table.add_column(name, no_wrap=True)
    table.add_column(last, overflow="fold")
    for voice, more in rows:
        table.add_row(voice.id, voice.language, voice.gender, voice.licence, escape(more))
    return table


@voices_app.command("convert")
def voices_convert(
    files: Annotated[list[Path], typer.Argument(help="Voices as Microsoft publishes them, *.pt.")],
) -> None:
    """Write a safetensors copy beside each VibeVoice voice file; nothing in the file is run."""
    try:
        extra.require("voices convert")
    except SpeechError as error:
        raise fail(str(error)) from None
    from vibevoice_pro.models.vibevoice.assets.voices import convert_voice

    for file in files:
        try:
            convert_voice(file, file.with_suffix(".safetensors"))
        except SpeechError as error:
            raise fail(str(error), 1) from None
        typer.echo(file.with_suffix(".safetensors"))
