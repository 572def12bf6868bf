"""`keys`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from vibevoice_pro.cli.common import FolderOption, app, console, fail, read_all
from vibevoice_pro.config.keys import Key, digest, new_secret, read_keys, write_keys
from vibevoice_pro.errors import BadParameter

keys_app = typer.Typer(
    help="API keys: who may use the server, and how much. A running server takes a change within "
    "seconds.",
    no_args_is_help=True,
)
app.add_typer(keys_app, name="keys")

NameArgument = Annotated[str, typer.Argument(help="Whose key it is.")]


@keys_app.command("add")
def add(
    name: NameArgument,
    admin: Annotated[
        bool, typer.Option("--admin", help="It may change settings of a running server.")
    ] = False,
    streams: Annotated[int | None, typer.Option(min=1, help="Most listeners at once.")] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, help="Most requests in a minute.")
    ] = None,
    characters_per_day: Annotated[
        int | None, typer.Option(min=1, help="Most characters of text in a day.")
    ] = None,
    folder: FolderOption = None,
) -> None:
    """Make a key and print it: this is the only time it is seen, as only its hash is kept."""
    path, keys = _file(folder)
    if any(key.name == name for key in keys):
        raise fail(f"there is a key {name} already: vibevoice-pro keys remove {name}")
    secret = new_secret()
    try:
        key = Key(
            name=name, sha256=digest(secret), admin=admin, streams=streams,
            requests_per_minute=requests_per_minute, characters_per_day=characters_per_day,
        )  # fmt: skip
        write_keys(path, [*keys, key])
    except ValueError:
        raise fail(f"a name has 1 to 64 letters, digits, dots, - or _; got {name[:80]!r}") from None
    except BadParameter as error:
        raise fail(str(error), 1) from None
    typer.echo(secret)


@keys_app.command("list")
def list_(folder: FolderOption = None) -> None:
    """List the keys and what they allow."""
    _, keys = _file(folder)
    table = Table("key", "admin", *_LIMITS.values(), box=box.SIMPLE_HEAD)
    for key in keys:
        limits = [getattr(key, name) for name in _LIMITS]
        shown = ("–" if limit is None else f"{limit:,}" for limit in limits)
        table.add_row(key.name, "yes" if key.admin else "no", *shown)
    Console().print(table)


@keys_app.command("remove")
def remove(name: NameArgument, folder: FolderOption = None) -> None:
    """Remove a key. The file stays: with no key in it, nobody is let in."""
    path, keys = _file(folder)
    rest = [key for key in keys if key.name != name]
    if len(rest) == len(keys):
        raise fail(f"there is no key {name}; there are {', '.join(k.name for k in keys) or 'none'}")
    try:
        write_keys(path, rest)
    except BadParameter as error:
        raise fail(str(error), 1) from None
    if not rest:
        console.print(f"that was the last one; delete {path} to let everybody in", highlight=False)


_LIMITS = {
    "streams": "streams at once",
    "requests_per_minute": "requests a minute",
    "characters_per_day": "characters a day",
}


def _file(folder: Path | None) -> tuple[Path, tuple[Key, ...]]:
    """The file of keys, and what is in it."""
    settings = read_all(folder)[0].settings
    if not settings.keys:
        raise fail(
            "there is no working folder to keep keys in: vibevoice-pro config --init makes one "
            "here, or set VIBEVOICE_KEYS to a file"
        )
    path = Path(settings.keys).expanduser()
    try:
        return path, read_keys(path) if path.exists() else ()
    except BadParameter as error:
        raise fail(str(error)) from None
