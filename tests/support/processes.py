"""Real servers in processes of their own: ours, and Redis."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Served:
    """A server of ours in a process of its own; it can be killed and started again.

    Attributes:
        process, port: its process, and where it listens.
        shown: what it said until it was up.
    """

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.command = [
            sys.executable, "-m", "vibevoice_pro.cli", "serve", "--port", "0", *arguments
        ]  # fmt: skip
        # One model unless it is asked for more: the others take seconds to load.
        self.environment = {
            **os.environ,
            "COLUMNS": "120",
            "VIBEVOICE_MODEL": "compact",
            **environment,
        }
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start it; returns when it serves."""
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, env=self.environment)
        assert self.process.stderr is not None
        self.shown, end = b"", time.monotonic() + 60
        while b"/docs" not in self.shown:
            assert time.monotonic() < end, self.shown
            assert self.process.poll() is None, self.shown
            if select.select([self.process.stderr], [], [], 1)[0]:
                self.shown += os.read(self.process.stderr.fileno(), 4096)
        match = re.search(rb"https?://127\.0\.0\.1:(\d+)/", self.shown)
        assert match, self.shown
        self.port = int(match[1])

    def kill(self) -> None:
        """SIGKILL: it can say nothing more."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A Redis of our own that keeps nothing on disk; gives its address."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server: scripts/install-system-packages.sh")
    port = free_port()
    command = [program, "--port", str(port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert time.monotonic() < deadline, "Redis does not start"
            time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()
