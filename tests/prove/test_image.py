"""What the image is made of: the install of the Dockerfile in an environment of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.support.processes import free_port

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.prove, pytest.mark.timeout(900)]


def test_the_image_s_install_serves(tmp_path: Path) -> None:
    docker = (ROOT / "Dockerfile").read_text()
    extras = re.findall(r"^ARG EXTRAS=(\S+)$", docker, re.M)[0]
    (supervisor,) = set(re.findall(r"supervisor==\S+", docker))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    programs = tmp_path / "venv" / "bin"
    install = [programs / "pip", "install", "--quiet", f"{ROOT}[{extras}]", supervisor]
    subprocess.run(install, check=True)
    for name in ("config", "logs", "cache"):
        (tmp_path / name).mkdir()
    port = free_port()
    process = subprocess.Popen(
        [programs / "supervisord", "-c", ROOT / "deploy/supervisord.conf"], cwd=tmp_path,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "VIBEVOICE_PORT": str(port),
             "SUPERVISOR_RUN": str(tmp_path), "VIBEVOICE_FOLDER": str(tmp_path)},
    )  # fmt: skip
    check = re.findall(r'CMD \["python", "-c", "(.*?)"\]', docker)[0].replace("7860", str(port))
    try:
        end = time.monotonic() + 60
        while subprocess.run(
            [programs / "python", "-c", check], stderr=subprocess.DEVNULL
        ).returncode:
            assert time.monotonic() < end, "the HEALTHCHECK does not pass"
        with connect(f"ws://127.0.0.1:{port}/stream?text=Hello%20there.&events=0") as ws:
            assert sum(len(pcm) for pcm in ws) > 16_000
    finally:
        process.terminate()
        assert process.wait(60) == 0
