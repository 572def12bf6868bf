"""`config`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from vibevoice_pro.cli.common import FolderOption, app, console, fail, read_all
from vibevoice_pro.config.folder import Folder
from vibevoice_pro.config.live import table
from vibevoice_pro.errors import BadParameter


@app.command("config")
def show_config(
    folder: FolderOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Say only whether all settings are allowed.")
    ] = False,
    init: Annotated[
        bool, typer.Option("--init", help="Make config/, logs/ and cache/, with commented files.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print every setting: its value, where that comes from, its unit and its meaning.

    Flags count most, then the environment (VIBEVOICE_STEPS, or VIBE_STEPS), config/.env,
    config/model.yaml, and the defaults. A star marks what may change while the server runs.
    """
    if init:
        try:
            Folder(folder or Path(".")).create()
        except BadParameter as error:
            raise fail(str(error), 1) from None
    found, working = read_all(folder)
    rows = table(found)
    if check:
        where = working.path if working else "the environment"
        console.print(f"{len(found.given)} settings of {where} are given, all are allowed")
        return
    out = Console(highlight=False)
    if as_json:
        typer.echo(json.dumps({name: asdict(row) for name, row in rows.items()}, indent=2))
        return
    for name, row in rows.items():
        value = ", ".join(row.value) if isinstance(row.value, dict) else row.value
        shown = "–" if value in ("", None) else f"{value} {row.unit}".strip()
        mark = "*" if row.live else " "
        source = "" if row.source == "default" else f"[cyan]{escape(row.source)}[/]"
        out.print(f"{mark} [bold]{name}[/] = {escape(shown)}  {source}")
        about = row.meaning if row.allowed == "text" else f"{row.meaning}; {row.allowed}"
        out.print(Padding(f"[dim]{escape(about)}[/]", (0, 0, 0, 4)))
