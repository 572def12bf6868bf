"""The OpenAPI description, taken at its word by schemathesis."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import PYTHON
from tests.support.serving import serving
from tests.support.tone import ToneModel

# It also finds that what a schema allows may be refused: it can't tell which voices are installed.
NOT_CHECKED = "positive_data_acceptance"


@pytest.mark.parametrize("choice", ["--include-path=/api/config", "--exclude-path=/api/config"])
def test_it_holds(choice: str, tmp_path: Path) -> None:
    """Settings change what the rest answers, so they have a server of their own."""
    program = PYTHON.with_name("st")
    if not program.exists():
        pytest.skip("schemathesis is not installed: make test does it")
    with serving(ToneModel(), max_text=2000) as running:
        done = subprocess.run(
            [program, "run", f"{running.http}/openapi.json", choice, "--seed=1", "--warnings=off",
             "--max-examples=30", "--phases=examples,coverage,fuzzing", "--continue-on-failure",
             f"--exclude-checks={NOT_CHECKED}"],
            cwd=tmp_path, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        assert not running.service.sessions.speaking
