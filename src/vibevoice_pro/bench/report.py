"""What every benchmark report holds: machine, versions, command, percentiles."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from vibevoice_pro import __version__

_PACKAGES = ("hibari-tts", "onnxruntime", "numpy", "uvicorn", "websockets", "soxr", "torch")


def percentile(values: Sequence[float], q: float) -> float | None:
    """The q-th percentile (0 to 100), linear between neighbours, one decimal; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * q / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return round(ordered[low] + (ordered[high] - ordered[low]) * (place - low), 1)


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Median, 95th and 99th percentile."""
    return {f"p{q}": percentile(values, q) for q in (50, 95, 99)}


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), "")


def environment() -> dict[str, object]:
    """Machine, versions and command line, so that a figure can be compared with another."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "command": " ".join(["vibevoice-pro", *sys.argv[1:]]),
        "version": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "packages": versions,
    }
