"""API keys: who may use the server, and how much. Only their SHA-256 is kept.

A key is 256 random bits, so a plain hash protects it: there is nothing to guess, and no need for a
slow one.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vibevoice_pro.errors import BadParameter

PREFIX = "vvp_"
"""What every key begins with, so that one is recognised where it does not belong."""

_MAX_BYTES = 2**20  # of the file


class Key(BaseModel):
    """A key, without what is secret of it.

    Attributes:
        name: whose it is; its sessions can be resumed with no other key.
        sha256: of the key, in hex digits.
        admin: whether it may change settings.
        streams: listeners at once; None: no limit of its own, as with the others.
        requests_per_minute: listeners begun or resumed.
        characters_per_day: text written.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    admin: bool = False
    streams: int | None = Field(None, ge=1)
    requests_per_minute: int | None = Field(None, ge=1)
    characters_per_day: int | None = Field(None, ge=1)


ANYONE = Key.model_construct(name="", sha256="", admin=True)
"""Who asks where no keys exist: may do everything."""


def new_secret() -> str:
    """A new key."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys in a file.

    Raises:
        BadParameter: the file can't be read, or is not what it should be.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BadParameter(f"{path} has more than {_MAX_BYTES:,} bytes", field="keys")
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadParameter(f"{path} cannot be read: {error.strerror}", field="keys") from None
    except (ValueError, RecursionError):
        raise BadParameter(f"{path} is no JSON", field="keys") from None
    if not isinstance(content, list):
        raise BadParameter(f"{path} must be a JSON list of keys", field="keys")
    try:
        keys = tuple(Key.model_validate(each) for each in content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "a key"
        raise BadParameter(f"{path}: {where}: {first['msg']}", field="keys") from None
    if len({key.name for key in keys}) < len(keys):
        raise BadParameter(f"{path}: two keys have the same name", field="keys")
    return keys


def write_keys(path: Path, keys: Iterable[Key]) -> None:
    """Replace the file, readable by its owner alone.

    Raises:
        BadParameter: it can't be written.
    """
    text = json.dumps([key.model_dump(exclude_defaults=True) for key in keys], indent=2) + "\n"
    part = path.with_name(f".{path.name}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        part.replace(path)
    except OSError as error:
        raise BadParameter(f"{path} cannot be written: {error.strerror}", field="keys") from None
