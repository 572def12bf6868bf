"""`doctor`."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vibevoice_pro import __version__
from vibevoice_pro.cli.common import DeviceOption, FolderOption, ModelOption, app, read_all

_MARKS = {"ok": "[green]OK[/]", "warn": "[yellow]warn[/]", "fail": "[bold red]fail[/]"}


@app.command()
def doctor(
    folder: FolderOption = None,
    model: ModelOption = None,
    device: DeviceOption = None,
    port: Annotated[int | None, typer.Option(help="Port that `serve` will use.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine and the settings, and say how to fix what is wrong.

    The exit status is 1 if something failed; a warning is no failure.
    """
    from vibevoice_pro.doctor import hardware, surroundings
    from vibevoice_pro.doctor.checks import Patient, Status, examine

    found, working = read_all(folder, model=model, device=device, port=port)
    findings = examine(
        Patient(found.settings, working, dict(os.environ)),
        [
            ("GPU", hardware.card), ("CPU", hardware.processor), ("memory", hardware.limits),
            ("folders", surroundings.folders), ("network", surroundings.port),
            ("voices", surroundings.voices), ("sessions", surroundings.store),
            ("audio", surroundings.player),
        ],
    )  # fmt: skip
    failed = sum(finding.status is Status.FAIL for finding in findings)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        version = ".".join(map(str, sys.version_info[:3]))
        out = Console(highlight=False)
        out.print(f"VibeVoice Pro {__version__}, Python {version}")
        table = Table(box=None, padding=(0, 1), show_header=False)
        area = ""
        for f in findings:
            shown = escape(f.value) + (f"\n[bold]{escape(f.cure)}[/]" if f.cure else "")
            table.add_row("" if f.area == area else f.area, f.name, _MARKS[f.status.value], shown)
            area = f.area
        out.print(table)
        warned = sum(finding.status is Status.WARN for finding in findings)
        out.print(
            f"{failed} failed, {warned} to think about" if failed or warned else "all is well"
        )
    if failed:
        raise typer.Exit(1)
