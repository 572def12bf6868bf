"""`try`: somebody else's package, pointed at a server of ours."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from vibevoice_pro.cli import complete
from vibevoice_pro.cli.common import app, fail

_PROGRAMS = Path(__file__).with_name("try_programs")

NAMES = tuple(sorted(path.stem.removeprefix("with_") for path in _PROGRAMS.glob("with_*.py")))
"""The packages there is a program for: each is a file of `try_programs`.

It begins with the comment that tells how its package is installed, has the server's address in a
line `URL = "…"`, writes a file and prints what it did.
"""

_URL = re.compile(r'^URL = "(.*)"', re.M)


@app.command("try")
def try_(
    name: Annotated[
        str,
        typer.Argument(
            help=f"Whose package: {', '.join(NAMES)}.", autocompletion=complete.programs
        ),
    ],
    url: Annotated[
        str | None,
        typer.Option(help="Address of the server; none: the one that the program shows."),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the program, do not run it.")] = False,
) -> None:
    """Print the program that a user of another package writes for this server, and run it.

    A server has to be running: vibevoice-pro serve. If it has API keys, VIBEVOICE_API_KEY is used.
    """
    if name not in NAMES:
        raise fail(f"there are programs for {', '.join(NAMES)}; got {name[:80]!r}")
    program = (_PROGRAMS / f"with_{name}.py").read_text("utf-8")
    if url is not None:
        line = f"URL = {json.dumps(url)}"
        program = _URL.sub(lambda _: line, program, count=1)
    typer.echo(program)
    if show:
        return
    install = program.partition("\n")[0].removeprefix("# ")
    if missing := [package for package in _packages(install) if not _is_here(package)]:
        raise fail(f"{missing[0]} is not installed for {sys.executable}: {install}", 1)
    done = subprocess.run([sys.executable, "-c", program], check=False)
    if done.returncode:
        raise fail(f"the program failed; is a server running there? status {done.returncode}", 1)


def _packages(install: str) -> list[str]:
    """The packages that a pip command installs."""
    return [re.sub(r"\[.*", "", word) for word in shlex.split(install)[2:]]


def _is_here(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False
