"""A part of the report: how it is measured, and which rows show it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from vibevoice_pro.bench.report.sizes import Sizes
from vibevoice_pro.bench.server import Heard
from vibevoice_pro.errors import SpeechError

Result = dict[str, Any]
"""What a part has measured; can be written as JSON."""

Rows = list[tuple[str, str]]
"""Name and figure of each line of a table."""


@dataclass
class Bench:
    """What is measured: a running server, and how much is asked of it.

    Attributes:
        url: address of the server.
        process: the server's process.
        sizes: how long each part takes.
        found: results of the parts that were measured before, by name.
        tell: is told what is being done, a few words.
    """

    url: str
    process: psutil.Process
    sizes: Sizes
    found: dict[str, Result] = field(default_factory=dict)
    tell: Callable[[str], None] = lambda words: None


@dataclass(frozen=True)
class Part:
    """A part of the report.

    Attributes:
        name: short word, its key in the JSON.
        title: its heading.
        how: how it is measured, for people; Markdown.
        measure: measures it. Raises SpeechError where that is not possible.
        rows: shows a result.
    """

    name: str
    title: str
    how: str
    measure: Callable[[Bench], Awaitable[Result]]
    rows: Callable[[Result], Rows]


def answered(heard: Sequence[Heard]) -> list[Heard]:
    """Those who heard something.

    Raises:
        SpeechError: nobody did.
    """
    good = [h for h in heard if h.ttfa is not None]
    if not good:
        why = next((h.error for h in heard if h.error), "the server sent no audio")
        raise SpeechError(f"no request was answered with audio: {why}")
    return good


def milliseconds(values: Sequence[float | None]) -> list[float]:
    """Seconds as milliseconds with two decimals, without those that are None."""
    return [round(v * 1e3, 2) for v in values if v is not None]


def number(value: float | None, digits: int = 0) -> str:
    """A figure in a table; a dash where there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def percentiles(figures: Mapping[str, float | None], digits: int = 0) -> str:
    """`p50 / p95 / p99`."""
    return " / ".join(number(figures[name], digits) for name in ("p50", "p95", "p99"))


def median(figures: Mapping[str, float | None], digits: int = 0) -> str:
    """`median (smallest to largest)`."""
    low, high = (number(figures[name], digits) for name in ("min", "max"))
    return f"{number(figures['median'], digits)} ({low} to {high})"
