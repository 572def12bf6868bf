"""The engine's benchmark on the small recorded model: steps, parts, and where the time goes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install .[vibevoice]")

from tests.support.vibevoice import DATA, tiny_config, tiny_model, tiny_network  # noqa: E402
from vibevoice_pro.bench.engine import bench  # noqa: E402
from vibevoice_pro.config.settings import Settings  # noqa: E402
from vibevoice_pro.engine.host import Host  # noqa: E402
from vibevoice_pro.models.vibevoice.assets.voices import load_voice  # noqa: E402


def test_parts_of_every_step_are_timed() -> None:
    network = tiny_network()
    network.tts_eos_classifier.fc2.bias.fill_(-6.0)
    voice = load_voice(DATA / "voice.safetensors", tiny_config())
    model = tiny_model(network, voice, kernels="onnx")
    levels: list[int] = []
    report = bench(
        Host(model), Settings(), [1, 2], seconds=1.0, steps=2, cfg=1.5, repeat=1,
        on_level=lambda level: levels.append(level["streams"]), bulk=True,
    )  # fmt: skip
    assert model.executor is network, "the observer is gone"
    assert levels == [1, 2]
    assert report["model"]["kernels"] == "onnx"
    for level in report["levels"]:
        assert level["failed"] == []
        assert level["frames"] > 0
        assert set(level["shares"]) == {
            "text LM", "TTS LM", "diffusion head", "acoustic decoder",
            "connector, stop classifier", "sampler, glue",
        }  # fmt: skip
        assert sum(level["shares"].values()) == pytest.approx(1, abs=0.01)
