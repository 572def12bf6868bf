"""What there is to compute with: cores, and what they can do."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def cores() -> int:
    """Those that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def processor_flags() -> frozenset[str]:
    """The processor's features, by their names in /proc/cpuinfo; none without such a file."""
    with contextlib.suppress(OSError), _CPUINFO.open(errors="replace") as file:
        for line in file:
            if line.startswith(("flags", "Features")):
                return frozenset(line.split(":", 1)[1].split())
    return frozenset()
