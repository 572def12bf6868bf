"""How much memory there is and how much is in use."""

from __future__ import annotations

import re
from pathlib import Path

import psutil

from vibevoice_pro.errors import BadParameter

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}
_LIBRARIES = 400 * 10**6
"""What PyTorch, ONNX Runtime and the server take once they are loaded (measured: 350 MB)."""

_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def parse_bytes(text: str) -> int:
    """`4500MB`, `2GiB` or a number of bytes.

    Raises:
        BadParameter: it is none of those, or not positive.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?I?)B?\s*", text.upper())
    size = round(float(match[1]) * _UNITS[match[2]]) if match and match[2] in _UNITS else 0
    if size <= 0:
        raise BadParameter(f"a memory size looks like 4500MB or 2GiB; got {text!r}")
    return size


def available_budget() -> int:
    """Bytes this process may use: the machine's memory or its container's limit."""
    total = int(psutil.virtual_memory().total)
    for path in _CGROUP_LIMITS:
        try:
            limit = path.read_text().strip()
        except OSError:
            continue
        if limit.isdigit():
            total = min(total, int(limit))
    return total


def used_bytes() -> int:
    """Resident memory of this process."""
    return int(psutil.Process().memory_info().rss)


def model_budget(limit: str) -> int:
    """Bytes a model may take, given the operator's limit for the whole process, or none.

    Without one, a fifth of the machine is left to others.

    Raises:
        BadParameter: `limit` is no memory size.
    """
    whole = parse_bytes(limit) if limit else available_budget() * 4 // 5
    return max(0, whole - used_bytes() - _LIBRARIES)
