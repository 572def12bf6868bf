"""Whether a file has changed since it was looked at."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int]
"""When a file was written last (ns), and its size."""


def stamp(path: Path | None) -> Stamp | None:
    """That of a file; None: there is none, or it can't be looked at."""
    try:
        stat = path.stat() if path else None
    except OSError:
        return None
    return (stat.st_mtime_ns, stat.st_size) if stat else None
