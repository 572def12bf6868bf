"""Load a model from a checkpoint directory, or one with random weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch

from vibevoice_pro.errors import BadCheckpoint, BadParameter
from vibevoice_pro.models.base import Loading, MemoryPlan, Progress, Wants
from vibevoice_pro.models.cores import cores
from vibevoice_pro.models.vibevoice.assets.random_weights import (
    PUBLISHED,
    RandomWeights,
    random_voice,
)
from vibevoice_pro.models.vibevoice.assets.tokens import ByteTokenizer, Tokenizer, load_tokenizer
from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt, load_voice, voice_files
from vibevoice_pro.models.vibevoice.assets.weights import Checkpoint, Weights
from vibevoice_pro.models.vibevoice.executors.base import Executor
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.network import Network
from vibevoice_pro.models.vibevoice.plan import PRECISIONS, device_and_precision, plan_memory
from vibevoice_pro.models.vibevoice.published import describe

_RANDOM_VOICES = ("en-Random_man", "en-Random_woman")


class Source(Protocol):
    """Where a model comes from."""

    name: str
    config: VibeVoiceConfig

    def tokenizer(self) -> Tokenizer:
        """Its tokenizer."""

    def prompts(self, dtype: torch.dtype, wants: Wants) -> Mapping[str, VoicePrompt]:
        """Those of its voices that are wanted."""

    def weights(
        self, network: Network, dtype: torch.dtype | None, on_progress: Progress
    ) -> Weights:
        """Its weights, converted to `dtype`; None: as they are stored."""


class CheckpointSource:
    """A checkpoint directory; its voices are in `voices/`, as safetensors or `*.pt`.

    Args:
        folder: the checkpoint.
        voices: a folder with further voices; those in the checkpoint come first.
        name: the model's name; empty: that of the folder.

    Raises:
        BadCheckpoint: its configuration is invalid, or there is no voice.
    """

    def __init__(self, folder: Path, voices: Path | None = None, name: str = "") -> None:
        self.name = name or folder.resolve().name
        self.config = VibeVoiceConfig.read(folder / "config.json")
        self._folder = folder
        self._voices = {**(voice_files(voices) if voices else {}), **voice_files(folder / "voices")}
        if not self._voices:
            raise BadCheckpoint(f"{folder}/voices has no voice files (*.safetensors or *.pt)")

    def tokenizer(self) -> Tokenizer:
        """See `Source`; raises `BadCheckpoint`."""
        return load_tokenizer(self._folder)

    def prompts(self, dtype: torch.dtype, wants: Wants) -> Mapping[str, VoicePrompt]:
        """See `Source`; raises `BadVoice`."""
        return {
            name: load_voice(path, self.config, dtype)
            for name, path in self._voices.items()
            if wants(name, describe(name).language)
        }

    def weights(
        self, network: Network, dtype: torch.dtype | None, on_progress: Progress
    ) -> Weights:
        """See `Source`; raises `BadCheckpoint`."""
        return Checkpoint(network, self._folder, dtype, on_progress)


class RandomSource:
    """The published size, random weights, a stand-in tokenizer: for benchmarks and load tests."""

    name = "random:vibevoice-0.5b"
    config = PUBLISHED

    def tokenizer(self) -> Tokenizer:
        """Its tokenizer."""
        return ByteTokenizer(self.config.vocab)

    def prompts(self, dtype: torch.dtype, wants: Wants) -> Mapping[str, VoicePrompt]:
        """Those of its voices that are wanted."""
        return {
            name: random_voice(self.config, dtype, seed)
            for seed, name in enumerate(_RANDOM_VOICES)
            if wants(name, describe(name).language)
        }

    def weights(
        self, network: Network, dtype: torch.dtype | None, on_progress: Progress
    ) -> Weights:
        """Its weights, converted to `dtype`; None: as they are stored."""
        return RandomWeights(network, dtype, on_progress)


def plan(source: Source, loading: Loading) -> MemoryPlan:
    """The memory that `load` would allocate.

    Raises:
        BadVoice: a voice of the source is invalid.
        BadParameter: a value of `loading` is not allowed, or the memory limit is too low.
    """
    return _prepare(source, loading)[1]


def load(source: Source, loading: Loading) -> VibeVoiceModel:
    """Load a model.

    Raises:
        BadCheckpoint, BadVoice: a file of the source is invalid.
        BadParameter: a value of `loading` is not allowed, or the memory limit is too low.
    """
    prompts, counted = _prepare(source, loading)
    if counted.device == "cuda" and not torch.cuda.is_available():
        raise BadParameter("device cuda: PyTorch finds no CUDA device here; use cpu")
    if counted.device == "cuda" and loading.memory is not None:
        hold_to(loading.memory)
    tokenizer = source.tokenizer()
    executor: Executor
    with torch.device("meta"):
        network = Network(source.config)
    if counted.kernels != "torch":
        executor = _compiled(source.weights(network, None, loading.on_progress), network, counted)
    else:
        weights = source.weights(network, PRECISIONS[counted.precision], loading.on_progress)
        weights.fill(network, "")
        executor = _on_card(network) if counted.device == "cuda" else network
    voices = {
        name: {branch: executor.hold(held) for branch, held in voice.items()}
        for name, voice in prompts.items()
    }
    return VibeVoiceModel(executor, tokenizer, voices, source.name, counted)


def _prepare(source: Source, loading: Loading) -> tuple[Mapping[str, VoicePrompt], MemoryPlan]:
    _, precision = device_and_precision(loading)
    prompts = source.prompts(PRECISIONS.get(precision, torch.float32), loading.wants)
    if not prompts:
        raise BadParameter(f"{source.name} has none of the voices that languages names")
    branches = [branch for voice in prompts.values() for branch in voice.values()]
    numbers = sum(b.prompt.keys.numel() + b.prompt.values.numel() for b in branches)
    return prompts, plan_memory(source.config, loading, numbers)


def hold_to(limit: int) -> None:
    """Let PyTorch take at most so many bytes of the card; beyond, an allocation fails."""
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(min(1.0, limit / total))


def _on_card(network: Network) -> Executor:
    from vibevoice_pro.models.vibevoice.executors.cuda import CudaExecutor

    return CudaExecutor(network)


def _compiled(weights: Weights, network: Network, counted: MemoryPlan) -> Executor:
    # Little is left to PyTorch, and two thread pools would compete for the cores.
    torch.set_num_threads(1)
    if counted.kernels == "native":
        from vibevoice_pro.models.vibevoice.executors.native_executor import NativeExecutor

        return NativeExecutor(network, weights, cores())
    from vibevoice_pro.models.vibevoice.executors.onnx_executor import OnnxExecutor

    return OnnxExecutor(network, weights, counted.precision == "int8", cores())
