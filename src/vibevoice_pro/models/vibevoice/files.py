"""Files from outside: only regular ones are opened, and only as much of them as is sensible."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

_MAX_JSON = 64 * 2**20  # bytes; tokenizers have 10 MB


def check_regular(path: Path) -> int:
    """See whether a file, or what a link leads to, is a regular one; returns its bytes.

    A pipe would block whoever opens it, a device may have no end.

    Raises:
        OSError: it is not there.
        ValueError: it is something else.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is no regular file")
    return found.st_size


def read_json(path: Path) -> Any:
    """What is in a JSON file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no regular file, too large, not JSON or nested too deep.
    """
    if check_regular(path) > _MAX_JSON:
        raise ValueError(f"it has more than {_MAX_JSON >> 20} MiB")
    try:
        return json.loads(path.read_text())
    except RecursionError:
        raise ValueError("it is nested too deep") from None
