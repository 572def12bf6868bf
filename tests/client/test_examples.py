"""The examples do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from tests.support.serving import Running

EXAMPLES = Path(__file__).parents[2] / "examples"


def start(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], cwd=folder, timeout=60,
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def run(name: str, *arguments: str, folder: Path) -> str:
    done = start(name, *arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_language_model_is_spoken_while_it_writes(server: Running, tmp_path: Path) -> None:
    shown = run("llm.py", "--url", server.ws, folder=tmp_path)
    times = [float(t) for t in re.findall(r"^([\d.]+) s", shown, re.M)]
    assert times == sorted(times)
    assert re.search("first sound\n.*text is complete", shown), shown
    with wave.open(str(tmp_path / "llm.wav")) as out:
        assert 10 < out.getnframes() / out.getframerate() < 25


def test_an_agent_knows_what_was_heard(server: Running, tmp_path: Path) -> None:
    shown = run("barge_in.py", "--url", f"{server.ws}/stream", folder=tmp_path)
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
    run("play.py", "Hello there, my friend.", "--url", server.http, folder=tmp_path)
    assert 1.0 < (tmp_path / "card.pcm").stat().st_size / 48_000 < 3.0


@pytest.mark.parametrize("name", ["barge_in.py", "llm.py", "play.py"])
def test_help_and_errors_in_one_line(name: str, server: Running, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text(
        "import contextlib\ndef RawOutputStream(*a, **k): return contextlib.nullcontext()\n"
        "class PortAudioError(Exception): pass\n"
    )
    shown = run(name, "--help", folder=tmp_path)
    assert "--url" in shown
    assert "--voice" in shown
    for arguments, words in [
        (["--url", "localhost:7860"], "the address must be like"),
        (["--url", "ws://127.0.0.1:1"], "cannot be reached"),
        (["--url", server.ws, "--voice", "nobody"], "voice must be one of"),
    ]:
        done = start(name, *arguments, folder=tmp_path)
        assert done.returncode == 1
        assert words in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr


def test_a_sound_card_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    done = start("play.py", folder=tmp_path)
    assert done.stderr == "play.py needs: pip install sounddevice; apt install libportaudio2\n"
    assert "sounddevice" in run("play.py", "--help", folder=tmp_path)
    (tmp_path / "sounddevice.py").write_text(
        "class PortAudioError(Exception): pass\n"
        "def RawOutputStream(*a, **k): raise PortAudioError('Error querying device -1')\n"
    )
    assert start("play.py", folder=tmp_path).stderr == "Error querying device -1\n"
