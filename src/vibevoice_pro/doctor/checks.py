"""Checks: each gives findings, and never more than a few seconds."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vibevoice_pro.config.folder import Folder
from vibevoice_pro.config.settings import Settings


class Status(str, enum.Enum):
    """How something is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        area: what it belongs to, e.g. `CPU`.
        name: what was looked at.
        status: how it is.
        value: what was found, for people.
        cure: what can be done, one sentence; empty where it is OK.
    """

    area: str
    name: str
    status: Status
    value: str
    cure: str = ""


def judged(
    area: str, name: str, value: str, good: bool, cure: str, bad: Status = Status.FAIL
) -> Finding:
    """A finding that is OK, or else `bad`, with its cure."""
    return Finding(area, name, Status.OK if good else bad, value, "" if good else cure)


@dataclass(frozen=True)
class Patient:
    """What is looked at.

    Attributes:
        settings: as `serve` would have them.
        folder: the working folder, if there is one.
        environment: of the process.
    """

    settings: Settings
    folder: Folder | None
    environment: dict[str, str]


Check = Callable[[Patient], Iterable[Finding]]


def examine(patient: Patient, checks: Iterable[tuple[str, Check]]) -> list[Finding]:
    """Run checks, each by itself: one that raises is a finding of its area, the others go on."""
    findings: list[Finding] = []
    for area, check in checks:
        try:
            findings += check(patient)
        except Exception as error:  # a check meets a machine nobody thought of
            findings.append(
                Finding(area, check.__name__, Status.FAIL, f"{type(error).__name__}: {error}",
                        "this check failed itself; please report it")
            )  # fmt: skip
    return findings
