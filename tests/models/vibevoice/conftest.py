"""The small recorded model, bare and behind the contract."""

from __future__ import annotations

import copy
import gc
import os
from collections.abc import Iterator

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install .[vibevoice]")

from tests.support.vibevoice import (
    DATA,
    Filled,
    native_executor,
    tiny_config,
    tiny_model,
    tiny_network,
)
from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt, load_voice
from vibevoice_pro.models.vibevoice.executors.onnx_executor import OnnxExecutor
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.network import Network

# Threads that spin while they wait for each other make these tests 20 times slower on busy cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="module", autouse=True)
def _all_that_is_there_stays() -> Iterator[None]:
    """Models look for garbage when they are loaded; what other tests hold need not be searched."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def config() -> VibeVoiceConfig:
    return tiny_config()


@pytest.fixture(scope="session")
def network() -> Network:
    return tiny_network()


@pytest.fixture(scope="session")
def voice(config: VibeVoiceConfig) -> VoicePrompt:
    return load_voice(DATA / "voice.safetensors", config)


@pytest.fixture(params=["PyTorch", "onnx", "native"])
def model(
    network: Network, voice: VoicePrompt, request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[VibeVoiceModel]:  # fmt: skip
    """The model on each executor; turns are short and do not end by the stop classifier."""
    monkeypatch.setattr("vibevoice_pro.models.vibevoice.model._FRAMES_PER_TOKEN", 2)
    own = copy.deepcopy(network)
    own.tts_eos_classifier.fc2.bias.fill_(-6.0)  # with random weights it would stop at any frame
    if request.param == "PyTorch":
        model = tiny_model(own, voice, "PyTorch")
    elif request.param == "onnx":
        onnx = OnnxExecutor(own, Filled(), int8=True, threads=2)
        model = tiny_model(onnx, voice, "onnx", "int8")
    else:
        model = tiny_model(native_executor(own, Filled()), voice, "native", "int8")
    yield model
    assert model.caches.free == 4, "a slot was not given back"
