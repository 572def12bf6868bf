"""How much memory there is and how much is in use."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

from vibevoice_pro.config.sizes import parse_bytes

_LIBRARIES = 400 * 10**6
"""What PyTorch, ONNX Runtime and the server take once they are loaded (measured: 350 MB); on a
card, what CUDA takes beside PyTorch's allocator."""

_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


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


def card_budget() -> int:
    """Bytes of the graphics card; 0 without one."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return 0
    return int(torch.cuda.mem_get_info()[1])


def card_bytes() -> int:
    """Memory of the graphics card that PyTorch holds for this process; 0 without one."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return 0
    return int(torch.cuda.memory_reserved())


def model_budget(limit: str, on_card: bool = False) -> int:
    """Bytes a model may take, given the operator's limit for the whole process, or none.

    Without one, a fifth of the machine is left to others. On a card, its memory is meant.

    Raises:
        BadParameter: `limit` is no memory size.
    """
    there, used = (card_budget, card_bytes) if on_card else (available_budget, used_bytes)
    whole = parse_bytes(limit) if limit else there() * 4 // 5
    return max(0, whole - used() - _LIBRARIES)
