"""What the doctor finds, on machines as they are and as they could be."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import redis_server
from tests.support.serving import serving
from tests.support.tone import ToneModel
from vibevoice_pro.cli import outputs
from vibevoice_pro.config.folder import Folder
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.doctor import hardware, surroundings
from vibevoice_pro.doctor.checks import Check, Finding, Patient, Status, examine

OK, WARN, FAIL = Status


def patient(path: Path | str = "", folder: Folder | None = None, **settings: object) -> Patient:
    return Patient(Settings.model_validate(settings), folder, {"PATH": str(path)})


def statuses(check: Check, who: Patient) -> dict[str, Status]:
    return {finding.name: finding.status for finding in check(who)}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("NVIDIA L4, 8.9, 22000, 550.54.15", [OK, OK, OK]),
        ("Tesla T4, 7.5, 15000, 535.1.1", [FAIL, OK, OK]),
        ("NVIDIA A10, 8.6, 900, 515.65.01", [OK, FAIL, FAIL]),
        ("NVIDIA A10, 8.6, 4500, 525.60.13\nNVIDIA A10, 8.6, 1, 1", [OK, OK, OK]),
        ("", [WARN]),
        ("No devices were found", [WARN]),
    ],
)
def test_cards(tmp_path: Path, answer: str, expected: list[Status]) -> None:
    script = tmp_path / "nvidia-smi"
    script.write_text(f"#!/bin/sh\nprintf '%s\\n' '{answer}'\n")
    script.chmod(0o755)
    found = list(hardware.card(patient(tmp_path)))
    assert [finding.status for finding in found] == expected
    assert all(finding.cure for finding in found if finding.status is not OK)


def test_no_card() -> None:
    assert statuses(hardware.card, patient("/nonexistent")) == {"card": OK}
    assert statuses(hardware.card, patient("/nonexistent", device="cuda")) == {"card": FAIL}


def test_a_card_whose_driver_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "nvidia-smi"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setattr(hardware, "_SMI_S", 0.1)
    who = patient(f"{tmp_path}:/bin:/usr/bin")
    (finding,) = examine(who, [("GPU", hardware.card)])
    assert finding.status is FAIL
    assert "TimeoutExpired" in finding.value


def test_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr("vibevoice_pro.models.cores._CPUINFO", cpuinfo)
    monkeypatch.setattr(hardware.platform, "machine", lambda: "x86_64")
    cpuinfo.write_text("processor : 0\nflags\t\t: fpu avx2 avx512f avx512_vnni avx512_bf16\n")
    assert set(statuses(hardware.processor, patient()).values()) == {OK}
    cpuinfo.write_text("flags\t\t: fpu sse2\n")
    found = {finding.name: finding for finding in hardware.processor(patient())}
    assert found["AVX2"].status is WARN
    assert found["VNNI"].value == "no: int8 is slower than it could be"
    monkeypatch.setattr(hardware.platform, "machine", lambda: "aarch64")
    cpuinfo.write_text("Features\t: fp asimd asimddp\n")
    assert statuses(hardware.processor, patient()) == {"kind": OK, "NEON": OK, "dotprod": OK}


@pytest.mark.parametrize(
    ("text", "cpus"), [("max 100000", None), ("150000 100000", 1.5), ("", None), ("x", None)]
)
def test_quotas(text: str, cpus: float | None) -> None:
    assert hardware._quota(text) == cpus


def test_a_container_with_less_than_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text("50000 100000")
    monkeypatch.setattr(hardware, "_QUOTA", quota)
    assert statuses(hardware.limits, patient())["quota of the container"] is WARN
    monkeypatch.setattr(hardware, "available_budget", lambda: 10**8)
    assert statuses(hardware.limits, patient())["free"] is FAIL
    odd = Patient(Settings(), None, {"OMP_NUM_THREADS": "0"})
    assert statuses(hardware.limits, odd)["OMP_NUM_THREADS"] is WARN


def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path / "build")
    folder.create()
    who = patient(folder=folder, home=str(tmp_path / "cache" / "below"))
    assert {s for n, s in statuses(surroundings.folders, who).items() if "room" not in n} == {OK}
    (tmp_path / "file").touch()
    bad = patient(home=str(tmp_path / "file" / "below"))
    assert statuses(surroundings.folders, bad)["voices"] is FAIL
    monkeypatch.setattr(surroundings, "PULL_BYTES", 2**80)
    assert statuses(surroundings.folders, who)["room for voices"] is WARN


def test_ports() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        taken = sock.getsockname()[1]
        assert statuses(surroundings.port, patient(port=taken)) == {"port": FAIL}
    assert statuses(surroundings.port, patient(port=taken)) == {"port": OK}
    with serving(ToneModel()) as server:
        (finding,) = surroundings.port(patient(port=server.port))
        assert finding == Finding(
            "network", "port", OK, f"a server of ours answers at 127.0.0.1:{server.port}"
        )


def test_voices(tmp_path: Path) -> None:
    found = statuses(surroundings.voices, patient(home=str(tmp_path)))
    assert set(found.values()) == {OK}
    voice = surroundings.VOICES["en-GB-Emma_woman"]
    voice.path(tmp_path).parent.mkdir(parents=True)
    voice.path(tmp_path).write_bytes(b"damaged")
    found = statuses(surroundings.voices, patient(home=str(tmp_path)))
    assert found["en-GB-Emma_woman"] is FAIL


def test_stores(redis_url: str) -> None:
    assert statuses(surroundings.store, patient()) == {"store": OK}
    (finding,) = surroundings.store(patient(store=redis_url))
    assert finding.value.startswith("Redis ")
    for wrong in ("redis://127.0.0.1:1/0", "http://example"):
        (finding,) = surroundings.store(patient(store=wrong))
        assert finding.status is FAIL
        assert finding.cure


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    with redis_server(tmp_path) as url:
        yield url


def test_players(tmp_path: Path) -> None:
    assert tuple(name for name, _ in outputs._PLAYERS) == surroundings.PLAYERS
    assert statuses(surroundings.player, patient(tmp_path)) == {"player": WARN}
    (tmp_path / "aplay").write_text("#!/bin/sh\n")
    (tmp_path / "aplay").chmod(0o755)
    assert statuses(surroundings.player, patient(tmp_path)) == {"player": OK}


def test_a_check_that_fails_itself_is_a_finding() -> None:
    def breaks(who: Patient) -> list[Finding]:
        raise OSError("no such thing")

    def works(who: Patient) -> list[Finding]:
        return [Finding("a", "b", OK, "c")]

    found = examine(patient(), [("x", breaks), ("a", works)])
    assert [(f.area, f.status) for f in found] == [("x", FAIL), ("a", OK)]
    assert "no such thing" in found[0].value


def test_the_command() -> None:
    command = [sys.executable, "-m", "vibevoice_pro.cli", "doctor", "--port", "0"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60)
    rows = json.loads(done.stdout)
    assert {row["area"] for row in rows} >= {"GPU", "CPU", "memory", "folders", "voices"}
    assert done.returncode == any(row["status"] == "fail" for row in rows)
    done = subprocess.run(
        [*command, "--device", "cuda"], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PATH": "/nonexistent"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "install NVIDIA's driver, or set device to cpu" in " ".join(done.stdout.split())
