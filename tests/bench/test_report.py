"""`bench report`: the parts that can be computed, and a tiny run of all of it."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from typer.testing import CliRunner

from vibevoice_pro.bench.figures import middle, summary
from vibevoice_pro.bench.report import run
from vibevoice_pro.bench.report.arrivals import poisson
from vibevoice_pro.bench.report.part import Bench, Part, Result
from vibevoice_pro.bench.report.process import Served
from vibevoice_pro.bench.report.quality import lacking
from vibevoice_pro.bench.report.sizes import Sizes
from vibevoice_pro.bench.report.streams import search
from vibevoice_pro.bench.report.usage import peak, slope_per_minute, watched
from vibevoice_pro.bench.server import Heard
from vibevoice_pro.cli import app
from vibevoice_pro.errors import SpeechError

TINY = Sizes(
    memory_requests=1, latency_requests=2, rounds=1, round_s=0.5, most=2, level_s=2.0,
    confirmations=0, shares=(1.0,), arrivals_s=1.0, chars=40, endurance_s=2.0, sentences=2,
)  # fmt: skip


def test_mean_and_spread() -> None:
    figures = summary([10.0, 20.0, 30.0])
    assert figures == {"n": 3, "mean": 20.0, "sd": 10.0, "p50": 20.0, "p95": 29.0, "p99": 29.8}
    assert summary([7.0])["sd"] is None
    assert summary([])["mean"] is None
    assert middle([3.0, 1.0, 2.0]) == {"n": 3, "median": 2.0, "min": 1.0, "max": 3.0}
    assert middle([])["median"] is None


def test_arrivals_are_poisson_and_the_same_each_time() -> None:
    times = poisson(rate=50, seconds=100, seed=3)
    assert times == poisson(50, 100, 3) != poisson(50, 100, 4)
    assert times == sorted(times)
    assert 0 < times[0] <= times[-1] < 100
    assert abs(len(times) - 5000) < 4 * 5000**0.5
    gaps = np.diff(times)
    assert np.std(gaps) == pytest.approx(np.mean(gaps), rel=0.1), "as an exponential distribution"
    assert poisson(0.001, 1, 3) == [0.0], "somebody comes"


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 4, 7, 33, 88, 199, 255, 256, 1000])
async def test_the_largest_level_is_found(limit: int) -> None:
    tried: list[int] = []

    async def serves(level: int) -> bool:
        tried.append(level)
        return level <= limit

    found = await search(serves, most=256)
    assert found <= min(limit, 256) <= found + max(1, found // 10)
    assert found in [*tried, 0]
    assert len(tried) == len(set(tried)) <= 12
    assert max(tried) <= 256


def test_long_pauses_are_told_from_late_frames() -> None:
    heard, frame = Heard(), bytes(640)
    for now in (0.0, 0.3, 0.72):  # playback from 0.2 s on: 80 ms late, then 400 ms
        heard.hear(frame, now)
    assert (heard.underruns, heard.long_gaps) == (2, 1)
    assert heard.late == pytest.approx(0.4)
    heard.leave(1.5)
    assert heard.late == pytest.approx(0.76), "it was still waiting"


def test_slope_of_memory() -> None:
    noise = random.Random(1)
    times = [float(t) for t in range(120)]
    values = [500 + 0.1 * t + noise.uniform(-1, 1) + 50 * (t < 12) for t in times]
    assert slope_per_minute(times, values, after=12) == pytest.approx(6, abs=0.5)
    assert slope_per_minute([1.0, 2.0], [1.0, 2.0]) is None


async def test_a_peak_is_seen_though_it_has_passed() -> None:
    own = psutil.Process()
    async with peak(own) as before:
        pass
    async with peak(own) as during:
        np.ones(80_000_000, np.uint8).sum()
    async with watched(own, 0.01) as usage:
        await asyncio.sleep(0.1)
    assert during.mb - before.mb > 60
    assert usage.rss_mb[-1] == pytest.approx(own.memory_info().rss / 1e6, rel=0.2)


def test_what_is_not_installed_is_named() -> None:
    assert lacking(["numpy"]) == ""
    assert lacking(["numpy", "no_such_package"]) == (
        "left out: no-such-package not installed (pip install 'vibevoice-pro[bench]')"
    )


def test_a_server_that_does_not_start_says_why() -> None:
    with pytest.raises(SpeechError, match=r"^the server did not start: .*no-such-model"):
        Served("./no-such-model", "1000MB").__enter__()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--memory-limits", "1000MB,much"], "a memory size looks like 4500MB or 2GiB; got 'much'"),
        (["--memory-limits", ","], "memory-limits must be one or more sizes"),
        (["--parts", "latency,speed"], "parts are memory, latency, throughput"),
        (["--out", "/dev/null/here"], "/dev/null/here cannot be made"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["bench", "report", *arguments])
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.timeout(120)
def test_a_tiny_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers, the second of which does not start; a part that cannot be measured."""

    async def broken(bench: Bench) -> Result:
        raise ZeroDivisionError("as a library might")

    parts = [*run.PARTS, Part("odd", "Odd", "It fails.", broken, lambda result: [])]
    monkeypatch.setattr(run, "PARTS", tuple(parts))
    monkeypatch.setattr(
        run, "Served",
        lambda model, limit: Served(model if limit == "1000MB" else "./no-such-model", limit),
    )  # fmt: skip
    monkeypatch.setenv("VIBEVOICE_MAX_STREAMS", "not a number")  # settings here do not count
    told: list[str] = []
    done: list[None] = []
    wanted = run.Wanted(
        "compact", ["1000MB", "900MB"], tmp_path / "out", [part.name for part in parts], TINY
    )
    report = run.make_report(wanted, told.append, lambda: done.append(None))

    good, bad = report["limits"]
    assert "failure" not in good
    assert bad["failure"].startswith("the server did not start: ")
    assert len(done) == len(parts) + 1
    assert "1000MB: first sound, request 2 of 2" in told
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert written == json.loads(json.dumps(report))
    check_figures(good["parts"])
    check_markdown((tmp_path / "out" / "report.md").read_text(), bad["failure"])
    for name in report["plots"].get("files", []):
        assert (tmp_path / "out" / name).stat().st_size > 5000


def check_figures(parts: dict[str, Any]) -> None:
    assert parts["odd"] == {"failure": "ZeroDivisionError: as a library might"}
    assert parts["memory"]["first_peak_mb"] > parts["memory"]["idle_mb"] > 50
    latency = parts["latency"]
    assert latency["first_byte_ms"]["n"] == 2
    assert 0 < latency["first_byte_ms"]["mean"] <= latency["first_audible_ms"]["mean"]
    assert parts["throughput"]["requests_per_s"]["median"] > 0
    assert parts["throughput"]["refused_or_failed"] == 0
    assert parts["streams"]["levels"][0]["listeners"] == 2
    (level,) = parts["arrivals"]["levels"]
    assert level["requests"] == len(level["arrivals_s"])
    assert level["rate_per_s"] > 0
    assert parts["endurance"]["whole"]
    assert parts["endurance"]["received_s"] > 2
    for name in ("wer", "mos"):
        result = parts["quality"][name]
        assert "left_out" in result or parts["quality"]["sentences"] == 2


def check_markdown(text: str, failure: str) -> None:
    for part in run.PARTS:
        assert f"\n## {part.title}\n" in text
    assert "| memory limit | 1000MB | 900MB |" in text
    assert f"| failed | no | {failure} |" in text
    assert "| failed | ZeroDivisionError: as a library might | – |" in text
    assert "A quick run" in text
    for block in text.split("\n\n"):  # a table has as many cells in each of its lines
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1, block
