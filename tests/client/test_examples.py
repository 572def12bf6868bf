"""The examples do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import wave
from pathlib import Path

from tests.support.serving import Running

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], cwd=folder, timeout=60, check=True,
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip
    return done.stdout


def test_a_language_model_is_spoken_while_it_writes(server: Running, tmp_path: Path) -> None:
    shown = run("llm.py", f"{server.ws}/stream", folder=tmp_path)
    times = [float(t) for t in re.findall(r"^([\d.]+) s", shown, re.M)]
    assert times == sorted(times)
    assert re.search("first sound\n.*text is complete", shown), shown
    with wave.open(str(tmp_path / "llm.wav")) as out:
        assert 10 < out.getnframes() / out.getframerate() < 25


def test_an_agent_knows_what_was_heard(server: Running, tmp_path: Path) -> None:
    shown = run("barge_in.py", f"{server.ws}/stream", folder=tmp_path)
    assert re.search(r"heard: 'Let me tell you \w.*'\nthen [1-4]\.\d s", shown), shown


def test_the_sound_card(server: Running, tmp_path: Path) -> None:
    """There is none here: a stand-in takes what it would play."""
    (tmp_path / "sounddevice.py").write_text(
        "class RawOutputStream:\n"
        "    def __init__(self, rate, channels, dtype): assert (channels, dtype) == (1, 'int16')\n"
        "    def __enter__(self): self.file = open('card.pcm', 'wb'); return self\n"
        "    def __exit__(self, *error): self.file.close()\n"
        "    def write(self, pcm): self.file.write(pcm)\n"
    )
    run("play.py", "Hello there, my friend.", f"{server.ws}/stream", folder=tmp_path)
    assert 1.0 < (tmp_path / "card.pcm").stat().st_size / 48_000 < 3.0
