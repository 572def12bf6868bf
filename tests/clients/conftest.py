"""Programs that use other people's packages, run by a Python that has them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PYTHON = Path(sys.prefix) / "clients" / "bin" / "python"
"""Made by `make test`."""

PROGRAMS = Path(__file__).parent / "programs"

Run = Callable[..., Any]


@pytest.fixture
def program(tmp_path: Path) -> Run:
    """Runs a program of `programs/` with arguments, in a folder of its own.

    Gives what it prints, as JSON; a program that fails, fails the test.
    """
    if not PYTHON.exists():
        pytest.skip("the clients' packages are not installed: make test does it")

    def run(name: str, *arguments: str, timeout: float = 120) -> Any:
        done = subprocess.run(
            [PYTHON, PROGRAMS / f"{name}.py", *arguments], cwd=tmp_path, text=True,
            capture_output=True, timeout=timeout,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run
