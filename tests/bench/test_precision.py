"""Errors of each precision against fp32, on the small recorded model."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install .[vibevoice]")

from tests.support.vibevoice import (  # noqa: E402
    CHECKPOINT,
    DATA,
    empty_network,
    native_executor,
    tiny_config,
    tiny_model,
    tiny_network,
)
from vibevoice_pro.bench.precision import compare, table_rows  # noqa: E402
from vibevoice_pro.models.vibevoice.assets.voices import load_voice  # noqa: E402
from vibevoice_pro.models.vibevoice.assets.weights import Checkpoint  # noqa: E402
from vibevoice_pro.models.vibevoice.executors.base import Executor  # noqa: E402
from vibevoice_pro.models.vibevoice.executors.onnx_executor import OnnxExecutor  # noqa: E402
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel  # noqa: E402

LARGEST = {"fp32": 1e-4, "fp16": 5e-3, "bf16": 0.04, "onnx int8": 0.1, "native int8": 0.1}
"""Relative error that no call of any part may exceed."""


def model_in(precision: str) -> VibeVoiceModel:
    """The recorded model in a precision."""
    config = tiny_config()
    network = empty_network(config)
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    weights = Checkpoint(network, CHECKPOINT, kinds.get(precision))
    executor: Executor = network
    if precision == "native int8":
        executor = native_executor(network, weights)
    elif precision in {"fp32", "onnx int8"}:
        executor = OnnxExecutor(network, weights, precision == "onnx int8", threads=2)
    else:
        weights.fill(network, "")
    voice = load_voice(DATA / "voice.safetensors", config, executor.dtype)
    return tiny_model(executor, voice, precision=precision, streams=1, window=64)


@pytest.mark.parametrize("precision", LARGEST)
def test_every_part_is_close_to_fp32(precision: str) -> None:
    voice = load_voice(DATA / "voice.safetensors", tiny_config())
    exact = tiny_model(tiny_network(), voice, streams=1, window=64)
    report = compare(exact, model_in(precision), frames=6)
    assert set(report["parts"]) == {
        "text LM", "TTS LM", "shifts of the diffusion head", "diffusion head", "acoustic decoder",
        "connector", "stop classifier",
    }  # fmt: skip
    for part, errors in report["parts"].items():
        assert 0 <= errors["median"] <= errors["largest"] < LARGEST[precision], part
    assert len(table_rows(report)) == 7 + len(report["end_to_end"])
