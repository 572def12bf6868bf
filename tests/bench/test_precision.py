"""Errors of each precision against fp32, on the small recorded model."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install .[vibevoice]")

from tests.support.vibevoice import DATA, native_executor  # noqa: E402
from vibevoice_pro.bench.precision import compare, table_rows  # noqa: E402
from vibevoice_pro.models.base import MemoryPlan  # noqa: E402
from vibevoice_pro.models.vibevoice.assets.tokens import ByteTokenizer  # noqa: E402
from vibevoice_pro.models.vibevoice.assets.voices import load_voice  # noqa: E402
from vibevoice_pro.models.vibevoice.assets.weights import Checkpoint  # noqa: E402
from vibevoice_pro.models.vibevoice.executors.base import Executor  # noqa: E402
from vibevoice_pro.models.vibevoice.executors.onnx_executor import OnnxExecutor  # noqa: E402
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel  # noqa: E402
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig  # noqa: E402
from vibevoice_pro.models.vibevoice.network.network import Network  # noqa: E402

LARGEST = {"fp32": 1e-4, "fp16": 5e-3, "bf16": 0.04, "onnx int8": 0.1, "native int8": 0.1}
"""Relative error that no call of any part may exceed."""


def small_model(precision: str) -> VibeVoiceModel:
    config = VibeVoiceConfig.read(DATA / "checkpoint" / "config.json")
    with torch.device("meta"):
        network = Network(config)
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    weights = Checkpoint(network, DATA / "checkpoint", kinds.get(precision))
    executor: Executor = network
    if precision == "native int8":
        executor = native_executor(network, weights)
    elif precision in {"fp32", "onnx int8"}:
        executor = OnnxExecutor(network, weights, precision == "onnx int8", threads=2)
    else:
        weights.fill(network, "")
    voice = load_voice(DATA / "voice.safetensors", config, executor.dtype)
    voice = {name: executor.hold(branch) for name, branch in voice.items()}
    plan = MemoryPlan({}, precision, "cpu", "", streams=1, window=64, stream_bytes=0)
    return VibeVoiceModel(executor, ByteTokenizer(config.vocab), {"en-A": voice}, "tiny", plan)


@pytest.mark.parametrize("precision", LARGEST)
def test_every_part_is_close_to_fp32(precision: str) -> None:
    config = VibeVoiceConfig.read(DATA / "checkpoint" / "config.json")
    with torch.device("meta"):
        network = Network(config)
    Checkpoint(network, DATA / "checkpoint").fill(network, "")
    plan = MemoryPlan({}, "fp32", "cpu", "torch", streams=1, window=64, stream_bytes=0)
    voices = {"en-A": load_voice(DATA / "voice.safetensors", config)}
    exact = VibeVoiceModel(network, ByteTokenizer(config.vocab), voices, "tiny", plan)
    report = compare(copy.copy(exact), small_model(precision), frames=6)
    assert set(report["parts"]) == {
        "text LM", "TTS LM", "shifts of the diffusion head", "diffusion head", "acoustic decoder",
        "connector", "stop classifier",
    }  # fmt: skip
    for part, errors in report["parts"].items():
        assert 0 <= errors["median"] <= errors["largest"] < LARGEST[precision], part
    assert len(table_rows(report)) == 7 + len(report["end_to_end"])
