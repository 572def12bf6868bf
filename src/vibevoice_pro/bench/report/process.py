"""A server of ours in a process of its own, with the defaults and a memory limit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from types import TracebackType

import psutil

from vibevoice_pro.errors import SpeechError

_START_S = 600.0  # a large checkpoint may be loaded from a slow disk
_STOP_S = 10.0
_KEPT = ("VIBEVOICE_HOME",)  # where pulled voices are; all other settings are the defaults
_STREAM = re.compile(r"ws://(127\.0\.0\.1:\d+)/stream")
_ERROR = re.compile(r"^error: (.*)$", re.M)


class Served:
    """`vibevoice-pro serve` on a free port, for as long as the context lasts.

    Settings from the environment and from config/ are left out, so that figures of two machines
    are figures of the same server.

    Attributes:
        command: the command, as a user would type it.
        url: its address.
        process: its process.
        start_s: seconds from the start of the process until it served.
    """

    def __init__(self, model: str, memory_limit: str) -> None:
        """Nothing is started yet.

        Args:
            model: what `--model` takes.
            memory_limit: what `--memory-limit` takes.
        """
        self._arguments = ["serve", "--model", model, "--memory-limit", memory_limit]
        self.command = " ".join(["vibevoice-pro", *self._arguments])
        self.url = ""
        self.start_s = 0.0

    def __enter__(self) -> Served:
        """Start it, and wait until it serves.

        Raises:
            SpeechError: it does not start; says what it said.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="vibevoice-bench-")
        self._said = tempfile.TemporaryFile()
        began = time.perf_counter()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "vibevoice_pro.cli", *self._arguments, "--host", "127.0.0.1",
             "--port", "0", "--folder", self._folder.name],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._said,
            env=_environment(), start_new_session=True,
        )  # fmt: skip
        try:
            self.process = psutil.Process(self._child.pid)
            self.url = f"ws://{self._wait(began + _START_S)}"
        except BaseException:
            self._stop()
            raise
        self.start_s = round(time.perf_counter() - began, 2)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _wait(self, deadline: float) -> str:
        while time.perf_counter() < deadline:
            ended = self._child.poll() is not None
            self._said.seek(0)
            said = self._said.read().decode("utf-8", "replace")
            if match := _STREAM.search(said):
                return match[1]
            if ended:
                why = _ERROR.search(said)
                reason = why[1] if why else f"exit status {self._child.returncode}"
                raise SpeechError(f"the server did not start: {reason}")
            time.sleep(0.02)
        raise SpeechError(f"the server did not start within {_START_S:g} s")

    def _stop(self) -> None:
        self._child.terminate()
        try:
            self._child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._said.close()
        self._folder.cleanup()


def _environment() -> dict[str, str]:
    """The environment without settings of ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or not name.startswith(("VIBEVOICE_", "VIBE_"))
    }
    return {**kept, "COLUMNS": "200", "NO_COLOR": "1"}
