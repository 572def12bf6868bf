"""The command line as a user runs it, in a process of its own."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import ssl
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
import trustme
from websockets.sync.client import connect

from tests.support.processes import Served

COMMAND = [sys.executable, "-m", "vibevoice_pro.cli"]
TEXT = "Hello there, this is a test. It works from the command line."
GERMAN = "Ich möchte gerne wissen, wann der nächste Zug nach Hamburg fährt."


def run(
    *arguments: str, stdin: bytes = b"", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments], input=stdin, capture_output=True, timeout=120, cwd=cwd,
        env={**os.environ, "COLUMNS": "120", "VIBEVOICE_MODEL": "compact", **environment},
    )  # fmt: skip


def seconds(data: bytes | Path) -> float:
    with wave.open(io.BytesIO(data) if isinstance(data, bytes) else str(data)) as w:
        samples = np.frombuffer(w.readframes(w.getnframes()), "<i2")
        assert np.abs(samples).max() > 3000
        return len(samples) / w.getframerate()


def test_help_names_the_commands() -> None:
    shown = run("--help").stdout.decode()
    for command in ("serve", "config", "keys", "doctor", "say", "read", "voices", "pull", "bench"):
        assert command in shown
    assert run().stdout or run().stderr


def test_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", run("--version").stdout.decode())


def test_read() -> None:
    assert run("read", "It costs $5.\n\nCall 911!").stdout.decode().splitlines() == [
        "It costs five dollars.",
        "",
        "Call nine one one!",
    ]
    german = run("read", "--language", "de", stdin="am 17. Mai, 5 % 你好\n".encode())
    assert german.stdout.decode() == "am siebzehnten Mai, fünf prozent\n"
    assert "left out, as a voice of de cannot read it: Chinese characters" in german.stderr.decode()
    by_model = run("read", "--model", "compact", "5 km")
    assert by_model.stdout.decode() == "five kilometers\n"
    unknown = run("read", "--language", "xx", "5")
    assert unknown.returncode == 2
    assert "known are de, en, es, fr, it, ja, ko, nl, pl, pt, zh" in unknown.stderr.decode()
    assert "the text is empty" in run("read", " ").stderr.decode()


def test_voices() -> None:
    shown = run("voices", "--model", "compact", VIBEVOICE_HOME="/no/such/folder").stdout.decode()
    here, more = shown.split("not installed")
    assert re.search(r"en-Heart_woman +en-US +woman +Apache-2.0", here)
    assert "en-Heart_woman also speaks for en-Carter_man, " in here
    assert re.search(r"en-GB-Emma_woman +en-GB +woman +Apache-2.0 +vibevoice-pro pull --v", more)
    assert re.search(r"jp-Spk0_man +ja +man +MIT +.*vibevoice-pro pull --voice jp-Spk0_man", more)


def test_say_tells_who_speaks_instead() -> None:
    done = run("say", "Hello.", "-o", "-", "--voice", "alloy", "--model", "compact")
    assert done.returncode == 0
    assert b"there is no voice alloy here: en-Heart_woman speaks instead" in done.stderr
    done = run("say", "Hello.", "-o", "-", "--voice", "alloy", VIBEVOICE_STRICT_VOICES="1")
    assert done.returncode == 2
    assert b"but strict_voices is set" in done.stderr


def test_say_tells_of_another_language() -> None:
    done = run("say", GERMAN, "-o", "-", "--model", "compact")
    assert done.returncode == 0
    shown = " ".join(done.stderr.decode().split())
    assert "the text seems to be German, the voice en-Heart_woman speaks English; no voice" in shown
    one = run("say", TEXT, "-o", "-", "--model", "compact")
    auto = run("say", TEXT, "-o", "-", "--model", "compact", "--language", "auto")
    assert auto.stdout == one.stdout


def test_convert_voices(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    published = Path(__file__).parent / "models" / "vibevoice" / "data" / "voice.pt"
    voice, other = tmp_path / "en-Tiny_woman.pt", tmp_path / "other.pt"
    voice.write_bytes(published.read_bytes())
    other.write_bytes(b"no voice")
    done = run("voices", "convert", str(voice))
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().split() == [str(voice.with_suffix(".safetensors"))]
    assert voice.with_suffix(".safetensors").stat().st_size > 30_000
    done = run("voices", "convert", str(other))
    assert done.returncode == 1
    assert b"other.pt is no voice file" in done.stderr


def test_say_to_a_file(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    done = run("say", TEXT, "-o", str(out))
    assert done.returncode == 0, done.stderr
    assert 2 < seconds(out) < 7
    assert b"s of speech" in done.stderr
    other = tmp_path / "other.wav"
    run("say", "-o", str(other), stdin=TEXT.encode())
    assert other.read_bytes() == out.read_bytes(), "the same text, piped in"
    run("say", TEXT, "-o", str(other), "--speed", "2", "--rate", "8000")
    assert seconds(other) < 0.7 * seconds(out)


def test_say_to_a_pipe() -> None:
    done = run("say", TEXT, "-o", "-")
    data = done.stdout
    assert data[:4] == b"RIFF"
    samples = np.frombuffer(data[44:], "<i2")
    assert 2 < len(samples) / 24000 < 7
    assert np.abs(samples).max() > 3000


def test_say_speaks_while_it_is_typed(tmp_path: Path) -> None:
    """On a terminal a line is spoken when it is entered, before the text has ended."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "say", "-o", "-"],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    os.close(terminal)
    assert process.stdout is not None
    try:
        os.write(controller, b"Hello there.\n")
        assert len(process.stdout.read(44 + 10_000)) == 44 + 10_000
        os.write(controller, b"And now the end.\n\x04")
        rest = process.stdout.read()
        assert len(rest) > 20_000
        assert process.wait(30) == 0
    finally:
        process.kill()
        os.close(controller)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["say", "Hello"], "say where to"),
        (["say", "  ", "-o", "x.wav"], "the text is empty"),
        (["say", "🎉", "-o", "-"], "nothing that this voice can say"),
        (["say", "Hello", "-o", "-", "--rate", "11025"], "rate must be one of"),
        (["say", "Hello", "-o", "-", "--voice", "nobody"], "voice must be one of en-Heart_woman"),
        (["say", "Hello", "-o", "-", "--language", "tlh"], "language must be auto or one of en-"),
        (["say", "Hello", "-o", "/no/such/folder/x.wav"], "cannot write"),
        (["say", "Hello", "-o", "-", "--model", "huge"], "model must be one of auto, compact"),
        (["voices", "--model", "huge"], "model must be one of"),
        (["voices", "--model", "/no/[such]"], "got '/no/[such]'"),
        (["serve", "--port", "99999"], "port"),
        (
            ["serve", "--log-level", "loud"],
            "log_level must be debug, info, warning or error; got 'loud'",
        ),
        (["serve", "--port", "0", "--memory-limit", "much"], "looks like 4500MB"),
        (["bench", "server", "--listeners", "many"], "listeners must be numbers"),
        (
            ["bench", "server", "--url", "127.0.0.1:7860"],
            "the address must be like ws://host:7860",
        ),
    ],
)
def test_mistakes_are_told_in_a_sentence(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    said = done.stderr.decode()
    assert done.returncode != 0
    assert message in said
    assert "Traceback" not in said


def test_play_feeds_the_player(tmp_path: Path) -> None:
    """A player gets what a file would hold; this one writes it down instead of sounding it."""
    player, played = tmp_path / "aplay", tmp_path / "played"
    player.write_text(f"#!/bin/sh\ncat > {played}\n")
    player.chmod(0o755)
    out = tmp_path / "out.wav"
    done = run("say", TEXT, "--play", "-o", str(out), PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    with wave.open(str(out)) as file:
        assert played.read_bytes() == file.readframes(file.getnframes())


def test_play_without_a_player() -> None:
    done = run("say", "Hello", "--play", PATH="/nonexistent")
    assert done.returncode == 1
    assert b"needs one of these players: aplay" in done.stderr


@pytest.fixture
def served() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    server = Served(VIBEVOICE_MODEL="auto")
    assert b"vibevoice-pro pull\n" in server.shown, "how to get more than the embedded voice"
    yield server.process, server.port
    server.kill()


def test_serve_bench_and_stop(served: tuple[subprocess.Popen[bytes], int], tmp_path: Path) -> None:
    process, port = served
    report = tmp_path / "bench.json"
    done = run("bench", "server", "--url", f"ws://127.0.0.1:{port}", "--listeners", "1,3",
               "--seconds", "1", "--json", str(report))  # fmt: skip
    assert done.returncode == 0, done.stderr
    data = json.loads(report.read_text())
    assert [r["listeners"] for r in data["runs"]] == [1, 3]
    for result in data["runs"]:
        assert result["refused_or_failed"] == 0, result
        assert set(result["ttfa_ms"]) == {"p50", "p95", "p99"}
        assert 0 < result["ttfa_ms"]["p50"] <= result["first_audible_ms"]["p50"]
        assert result["audio_seconds"] == result["listeners"] * 1.0
        assert result["rtf"] > 0
        assert result["underruns"] >= 0
    assert data["environment"]["cores"]
    done = run("bench", "hostile", "--url", f"http://127.0.0.1:{port}", "--attackers", "1",
               "--chars", "2000", "--sentences", "2", "--json", str(report))  # fmt: skip
    assert done.returncode == 0, done.stderr
    data = json.loads(report.read_text())
    assert data["failed"] == 0
    assert data["hostile_texts"] >= 1
    assert 0 < data["alone_ms"]["p50"] <= data["alone_ms"]["p99"]
    busy = run("serve", "--port", str(port))
    assert b"cannot listen on 127.0.0.1" in busy.stderr
    with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
        assert json.load(answer) == {"status": "ok"}
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) in {0, -signal.SIGTERM}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("STORE", "http://example", "store must be like redis://host:6379/0"),
        ("SESSION_MEMORY", "much", "looks like 4500MB"),
        (
            "SESSION_TTL",
            "-1",
            "environment, VIBEVOICE_SESSION_TTL: session_ttl must be a number of at least 0",
        ),
    ],
)
def test_wrong_settings_of_sessions(name: str, value: str, message: str) -> None:
    done = run("serve", "--port", "0", **{f"VIBEVOICE_{name}": value})
    assert done.returncode == 2
    assert message in " ".join(done.stderr.decode().split())
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["server", "hostile"])
def test_bench_of_a_server_that_is_not_there(command: str) -> None:
    done = run("bench", command, "--url", "ws://127.0.0.1:9/stream")
    assert done.returncode == 2
    assert b"no server answers at ws://127.0.0.1:9" in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_keys(tmp_path: Path) -> None:
    none = run("keys", "list", cwd=tmp_path)
    assert none.returncode == 2
    assert b"vibevoice-pro config --init makes one" in none.stderr
    run("config", "--init", cwd=tmp_path)
    secret = run("keys", "add", "shop", "--streams", "20", cwd=tmp_path).stdout.decode().strip()
    assert secret.startswith("vvp_")
    assert b"there is a key shop already" in run("keys", "add", "shop", cwd=tmp_path).stderr
    assert b"a name has 1 to 64 letters" in run("keys", "add", "a b", cwd=tmp_path).stderr
    shown = run("keys", "list", cwd=tmp_path).stdout.decode()
    assert re.search(r"shop +no +20 +– +–", shown)
    assert secret not in shown
    assert (
        b"there is no key boss; there are shop"
        in run("keys", "remove", "boss", cwd=tmp_path).stderr
    )
    assert b"that was the last one" in run("keys", "remove", "shop", cwd=tmp_path).stderr


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A certificate for 127.0.0.1, its key, and the authority that has signed it."""
    folder, authority = tmp_path_factory.mktemp("tls"), trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return folder / "cert.pem", folder / "key.pem", folder / "ca.pem"


def test_tls(certificate: tuple[Path, Path, Path]) -> None:
    cert, key, authority = certificate
    trusted = ssl.create_default_context(cafile=authority)
    served = Served("--tls-certificate", str(cert), "--tls-key", str(key))
    try:
        assert f"wss://127.0.0.1:{served.port}/stream" in served.shown.decode()
        with urlopen(f"https://127.0.0.1:{served.port}/healthz", context=trusted) as answer:
            assert answer.status == 200
        url = f"wss://127.0.0.1:{served.port}/stream?text=Hello&events=0"
        with connect(url, ssl=trusted) as ws:
            assert sum(len(pcm) for pcm in ws) > 16_000
    finally:
        served.kill()


def test_tls_that_cannot_be(certificate: tuple[Path, Path, Path], tmp_path: Path) -> None:
    cert, key, authority = map(str, certificate)
    for arguments, said in (
        (("--tls-certificate", cert), b"needs both tls_certificate and tls_key"),
        (("--tls-certificate", f"{tmp_path}/no", "--tls-key", key), b"no cannot be read"),
        (("--tls-certificate", authority, "--tls-key", key), b"are no PEM certificate with its"),
    ):
        refused = run("serve", "--port", "0", *arguments)
        assert refused.returncode == 2
        assert said in refused.stderr.replace(b"\n", b" ")


def test_a_memory_limit_is_kept_or_refused() -> None:
    refused = run("serve", "--port", "0", "--memory-limit", "150MB")
    assert refused.returncode == 2
    said = refused.stderr.decode().replace("\n", " ")
    least = re.search(
        r"take \d+ MB; the memory limit is 150 MB. Ways out: memory_limit (\d+)MB", said
    )
    assert least, said
    served = Served("--memory-limit", f"{int(least[1]) + 20}MB")
    try:
        url = f"ws://127.0.0.1:{served.port}/stream?text=Hello%20there.&events=0"
        with connect(url) as ws:
            assert sum(len(pcm) for pcm in ws) > 16_000
        with urlopen(f"http://127.0.0.1:{served.port}/api/status") as answer:
            status = json.load(answer)
        assert status["memory_used"] < status["memory_budget"] == (int(least[1]) + 20) * 10**6
    finally:
        served.kill()
