"""The small recorded model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install .[vibevoice]")

from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt, load_voice  # noqa: E402
from vibevoice_pro.models.vibevoice.assets.weights import Checkpoint, Weights  # noqa: E402
from vibevoice_pro.models.vibevoice.executors import native  # noqa: E402
from vibevoice_pro.models.vibevoice.executors.native_executor import NativeExecutor  # noqa: E402
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig  # noqa: E402
from vibevoice_pro.models.vibevoice.network.network import Network  # noqa: E402

DATA = Path(__file__).parent / "data"

# Threads that wait for each other by spinning make these tests 20 times slower on busy cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def need_native() -> None:
    """Skip where the kernels cannot run: they are for processors with AVX-512 VNNI."""
    try:
        native.load()
    except native.NotHere as why:
        pytest.skip(str(why))


class Filled:
    """Weights of a network that has them already."""

    def fill(self, part: torch.nn.Module, name: str) -> None:
        pass


def native_executor(network: Network, weights: Weights) -> NativeExecutor:
    need_native()
    return NativeExecutor(network, weights, threads=2)


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
