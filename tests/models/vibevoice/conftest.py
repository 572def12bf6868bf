"""The small recorded model."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install .[vibevoice]")

from tests.support.vibevoice import DATA, VOICE, Filled, native_executor  # noqa: E402
from vibevoice_pro.models.base import MemoryPlan  # noqa: E402
from vibevoice_pro.models.vibevoice.assets.tokens import ByteTokenizer  # noqa: E402
from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt, load_voice  # noqa: E402
from vibevoice_pro.models.vibevoice.assets.weights import Checkpoint  # noqa: E402
from vibevoice_pro.models.vibevoice.executors.base import Executor  # noqa: E402
from vibevoice_pro.models.vibevoice.executors.onnx_executor import OnnxExecutor  # noqa: E402
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel  # noqa: E402
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig  # noqa: E402
from vibevoice_pro.models.vibevoice.network.network import Network  # noqa: E402

# Threads that wait for each other by spinning make these tests 20 times slower on busy cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="session")
def config() -> VibeVoiceConfig:
    return VibeVoiceConfig.read(DATA / "checkpoint" / "config.json")


@pytest.fixture(scope="session")
def network(config: VibeVoiceConfig) -> Network:
    with torch.device("meta"):
        network = Network(config)
    Checkpoint(network, DATA / "checkpoint").fill(network, "")
    return network


@pytest.fixture(scope="session")
def voice(config: VibeVoiceConfig) -> VoicePrompt:
    return load_voice(DATA / "voice.safetensors", config)


@pytest.fixture(params=["PyTorch", "onnx", "native"])
def model(
    network: Network, config: VibeVoiceConfig, request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[VibeVoiceModel]:  # fmt: skip
    monkeypatch.setattr("vibevoice_pro.models.vibevoice.model._FRAMES_PER_TOKEN", 2)
    voice = load_voice(DATA / "voice.pt", config)
    bias = network.tts_eos_classifier.fc2.bias
    before = bias.clone()
    bias.fill_(-6.0)  # this random model would stop at any moment
    executor: Executor = network
    if request.param == "onnx":
        executor = OnnxExecutor(copy.deepcopy(network), Filled(), int8=True, threads=2)
    if request.param == "native":
        executor = native_executor(copy.deepcopy(network), Filled())
    voice = {name: executor.hold(branch) for name, branch in voice.items()}
    plan = MemoryPlan(
        {}, "fp32" if request.param == "PyTorch" else "int8", "cpu", request.param, streams=4,
        window=256, stream_bytes=0,
    )  # fmt: skip
    model = VibeVoiceModel(executor, ByteTokenizer(config.vocab), {VOICE: voice}, "tiny", plan)
    yield model
    bias.copy_(before)
    assert model.caches.free == 4, "a slot was not given back"
