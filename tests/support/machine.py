"""A machine of its own for the command line: its folders, and the hub that it speaks with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import vibevoice_pro
from tests.support.hub import Hub


@dataclass
class Machine:
    """Somebody's machine: a folder, and the hub that it speaks with.

    Attributes:
        prelude: Python that is run before the command line.
    """

    home: Path
    hub: Hub
    prelude: str = ""

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        if self.prelude:
            code = f"{self.prelude}\nfrom vibevoice_pro.cli import app\napp()"
            return self.python("-c", code, *arguments, **environment)
        return self.python("-m", "vibevoice_pro.cli", *arguments, **environment)

    def python(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.home,
            env={
                "PATH": os.environ["PATH"], "HOME": str(self.home), "NO_PROXY": "*",
                "PYTHONPATH": str(Path(vibevoice_pro.__file__).parents[1]),
                "COLUMNS": "200", "HF_ENDPOINT": self.hub.url, "HF_HUB_CACHE": str(self.cache),
                "HF_TOKEN": "secret", "VIBEVOICE_HOME": str(self.home / "ours"),
                "VIBEVOICE_VOICES_URL": f"{self.hub.url}/voices/", **environment,
            },
            # What runs in the background of a shell has inherited that SIGINT is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        with self.start(*arguments, **environment) as process:
            out, err = process.communicate()
        return process.returncode, out, err

    def pull(self, *arguments: str, **environment: str) -> str:
        code, _, said = self.run("pull", *arguments, **environment)
        assert code == 0, said
        return said

    def fails(self, *arguments: str, **environment: str) -> str:
        """The one sentence that a pull which fails says."""
        code, _, said = self.run("pull", *arguments, **environment)
        assert code == 1, said
        lines = said.splitlines()
        assert [line.startswith("error: ") for line in lines] == [False, True], said
        return lines[1].removeprefix("error: ")
