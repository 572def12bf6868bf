"""Opening files from outside: regular files only, of bounded size, so that reading always ends."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

_MAX_JSON = 2**24  # bytes; the largest, the index of a checkpoint in many files, has some 100 kB


def check_regular(path: Path) -> None:
    """Make sure that a path, links followed, is a regular file.

    Raises:
        OSError: it is missing, or a directory, FIFO, socket or device.
    """
    _check(os.stat(path), path)


def open_regular(path: Path, limit: int) -> BinaryIO:
    """Open a regular file of at most `limit` bytes for reading; never blocks.

    Raises:
        OSError: it cannot be opened, is no regular file, or is larger.
    """
    check_regular(path)  # opening a device can have effects
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    try:
        found = os.fstat(file.fileno())
        _check(found, path)  # again: it may have been replaced in between
        if found.st_size > limit:
            raise OSError(errno.EFBIG, f"larger than {limit / 2**20:g} MiB", str(path))
    except OSError:
        file.close()
        raise
    return file


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        OSError: see `open_regular`.
        ValueError: it is not JSON, or nested too deeply.
    """
    with open_regular(path, _MAX_JSON) as file:
        data = file.read(_MAX_JSON + 1)
    if len(data) > _MAX_JSON:  # a file of /proc has no size
        raise ValueError(f"larger than {_MAX_JSON >> 20} MiB")
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _check(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
