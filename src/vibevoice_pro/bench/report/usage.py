"""Memory and processor time of a process, measured from outside."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from vibevoice_pro.errors import SpeechError

_SAMPLED_S = 0.01


def peak_mb(process: psutil.Process) -> float | None:
    """Largest resident memory since the start or `reset_peak`; None: the kernel does not say."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{process.pid}/status").read_text()
        if match := re.search(r"VmHWM:\s*(\d+) kB", status):
            return round(int(match[1]) * 1024 / 1e6, 1)
    return None


def reset_peak(process: psutil.Process) -> bool:
    """Let `peak_mb` begin afresh; False: the kernel cannot."""
    try:
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def rss_mb(process: psutil.Process) -> float:
    """Resident memory.

    Raises:
        SpeechError: the process is gone.
    """
    try:
        return round(process.memory_info().rss / 1e6, 1)
    except psutil.NoSuchProcess as error:
        raise SpeechError("the server's process has ended") from error


def cpu_s(process: psutil.Process) -> float:
    """Processor time so far, of all threads, in seconds.

    Raises:
        SpeechError: the process is gone.
    """
    try:
        return float(sum(process.cpu_times()[:2]))
    except psutil.NoSuchProcess as error:
        raise SpeechError("the server's process has ended") from error


@dataclass
class Usage:
    """What a process used over time.

    Attributes:
        times: seconds since the beginning.
        rss_mb: resident memory at each.
        cpu_percent: processor time since the one before, in percent of a core.
    """

    times: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    cpu_percent: list[float] = field(default_factory=list)

    def slope_mb_per_minute(self, after: float) -> float | None:
        """By how much memory grows, from `after` seconds on; None: too few values."""
        return slope_per_minute(self.times, self.rss_mb, after)


def slope_per_minute(
    times: Sequence[float], values: Sequence[float], after: float = 0.0
) -> float | None:
    """Slope of the least-squares line through `values` at `times` (s) from `after` s on."""
    points = [(t, v) for t, v in zip(times, values, strict=True) if t >= after]
    if len(points) < 3:
        return None
    t, v = np.array(points).T
    return round(float(np.polyfit(t, v, 1)[0]) * 60, 3)


@contextlib.asynccontextmanager
async def watched(process: psutil.Process, interval: float = 1.0) -> AsyncIterator[Usage]:
    """Note every `interval` seconds what a process uses."""
    usage = Usage()
    began = time.perf_counter()

    async def note() -> None:
        last, spent = began, cpu_s(process)
        while True:
            await asyncio.sleep(interval)
            now, used = time.perf_counter(), cpu_s(process)
            usage.times.append(round(now - began, 2))
            usage.rss_mb.append(rss_mb(process))
            usage.cpu_percent.append(round((used - spent) / (now - last) * 100, 1))
            last, spent = now, used

    task = asyncio.create_task(note())
    try:
        yield usage
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass
class Peak:
    """The largest resident memory within a `peak` block, in MB; `exact`: from the kernel."""

    mb: float = 0.0
    exact: bool = True


@contextlib.asynccontextmanager
async def peak(process: psutil.Process) -> AsyncIterator[Peak]:
    """Find the largest resident memory within the block; `Peak.mb` holds after it."""
    if reset_peak(process):
        found = Peak()
        yield found
        found.mb = peak_mb(process) or rss_mb(process)
        return
    found = Peak(exact=False)
    async with watched(process, _SAMPLED_S) as usage:
        yield found
    found.mb = max([*usage.rss_mb, rss_mb(process)])
