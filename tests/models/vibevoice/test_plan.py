"""What is counted is what is allocated."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from vibevoice_pro.engine.memory import model_budget
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import Loading
from vibevoice_pro.models.registry import plan_model

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install .[vibevoice]")

from tests.support.vibevoice import need_native  # noqa: E402
from vibevoice_pro.models.vibevoice.loading import hold_to  # noqa: E402

RANDOM = "random:vibevoice-0.5b"

ALLOCATE = """
import sys
import json, psutil, torch
from vibevoice_pro.models.vibevoice.executors import cuda
from vibevoice_pro.models.base import Loading, Options
from vibevoice_pro.models.registry import load_model, plan_model
from vibevoice_pro.models.vibevoice.executors.onnx_graph import exact_signed
from vibevoice_pro.memory import give_back_memory
rss = lambda: psutil.Process().memory_info().rss
offload = sys.argv[1] == "offload"
loading = "random:vibevoice-0.5b", Loading(
    precision="bf16" if offload else "int8", device="cuda" if offload else "cpu",
    kernels="auto" if offload else sys.argv[1], streams=4, kv_window="512", cpu_offload=offload,
)
if offload:  # the card is played by PyTorch on the CPU
    torch.cuda.is_available, cuda.CudaExecutor = (lambda: True), (lambda network: network)
plan_model(*loading), exact_signed(2)  # all libraries are there now
before = rss()
model = load_model(*loading)
utterances = [model.open(voice, Options()) for voice in [*model.voices] * 2]
for utterance in utterances:
    utterance.feed("one two three four five six seven eight nine ten " * 9)
for _ in range(4):
    for utterance in utterances:
        utterance.prepare()
    model.step(utterances)
give_back_memory()
plan = model.plan
print(json.dumps([rss() - before, plan.total + sum(plan.offloaded.values())]))
"""


@pytest.mark.parametrize("kernels", ["onnx", "native", "offload"])
def test_plan_is_what_is_allocated(kernels: str) -> None:
    """The true size, four streams, against the resident memory of a fresh process.

    All in int8; or in bf16 what is not offloaded.
    """
    if kernels == "native":
        need_native("vnni")
    command = [sys.executable, "-c", ALLOCATE, kernels]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    allocated, planned = json.loads(done.stdout)
    assert abs(allocated - planned) < 0.05 * planned, (allocated, planned)


def test_eight_streams_on_a_card_of_4500_mb() -> None:
    plan = plan_model(RANDOM, Loading(device="cuda", streams=8, memory=4500 * 10**6))
    assert (plan.streams, plan.precision) == (8, "bf16")
    assert plan.total <= 4500 * 10**6


def test_what_gives_way_when_memory_is_short() -> None:
    """First the length of the past, then the number of streams; then it is said."""

    def plan(megabytes: int, window: str = "auto") -> tuple[int, int]:
        counted = plan_model(
            RANDOM,
            Loading(precision="int8", device="cpu", kernels="onnx", streams=8, kv_window=window,
                    memory=megabytes * 10**6),
        )  # fmt: skip
        assert counted.total <= megabytes * 10**6
        return counted.streams, counted.window

    assert plan(6000) == (8, 1024)
    assert plan(2000) == (8, 1024)
    assert plan(1400) == (8, 128)
    assert plan(1150) == (2, 128)
    assert plan(6000, "300") == (8, 304), "a multiple of 16"
    assert plan(6000, "full") == (8, 8192)
    assert plan(2000, "full") == (2, 8192)
    with pytest.raises(BadParameter, match=r"one stream needs 1,\d\d\d MB in int8; 900 MB are"):
        plan(900)


def test_ways_out_when_nothing_fits() -> None:
    def said(megabytes: int, **wanted: str) -> str:
        memory = megabytes * 10**6
        with pytest.raises(BadParameter) as refused:
            plan_model(RANDOM, Loading(device="cpu", memory=memory, **wanted))
        assert refused.value.field == "memory_limit"
        return str(refused.value).partition("Ways out: ")[2]

    exact = said(1700, precision="fp32", kv_window="full")
    assert re.match(r"precision int8( with kernels native)? \(1,\d\d\d MB\), or 1,\d\d\d MB", exact)
    least = said(100)
    assert re.fullmatch(r"\d+ MB more memory, or model compact, which needs .*", least)
    long = said(1200, precision="int8", kernels="onnx", kv_window="full")
    assert "kv_window 128" in long
    for way in (exact, long):  # the first of them does fit
        assert int(re.findall(r"\(([\d,]+) MB\)", way)[0].replace(",", "")) <= 1700


def test_a_card_s_allocator_is_held_to_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    fractions: list[float] = []
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda: (7 * 10**9, 8 * 10**9))
    monkeypatch.setattr("torch.cuda.set_per_process_memory_fraction", fractions.append)
    hold_to(4 * 10**9)
    hold_to(9 * 10**9)
    assert fractions == [0.5, 1.0]


def test_a_card_s_memory_is_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the machine's, if no limit is set."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda: (7 * 10**9, 8 * 10**9))
    monkeypatch.setattr("torch.cuda.memory_reserved", lambda: 10**9)
    assert model_budget("", on_card=True) == 5 * 10**9  # a fifth, and what CUDA takes, are left
    assert model_budget("4500MB", on_card=True) == 3_100_000_000
    assert model_budget("4500MB") < 4_100_000_000


@pytest.mark.parametrize(
    ("loading", "message"),
    [
        (Loading(precision="int4"), "precision must be auto, fp32, bf16, fp16 or int8"),
        (Loading(device="tpu"), "device must be auto, cpu or cuda"),
        (Loading(device="cuda", precision="int8"), "int8 is for the CPU"),
        (Loading(precision="fp32", device="cpu", kernels="native"), "native are for int8 on the"),
        (Loading(kernels="fast"), "kernels must be auto, native or onnx"),
        (Loading(kv_window="many"), "kv_window must be auto, full or 16 to 8192"),
        (Loading(kv_window="9000"), "kv_window must be auto, full or 16 to 8192"),
        (Loading(streams=0), "streams must be at least 1"),
    ],
)
def test_values_that_are_not_allowed(loading: Loading, message: str) -> None:
    with pytest.raises(BadParameter, match=message):
        plan_model(RANDOM, loading)


def test_the_embedded_voice_needs_none() -> None:
    with pytest.raises(BadParameter, match="a small model needs no plan"):
        plan_model("compact", Loading())
