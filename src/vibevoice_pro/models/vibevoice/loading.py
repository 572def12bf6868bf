"""Load a model from a checkpoint directory, or one with random weights."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
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
from vibevoice_pro.models.vibevoice.executors.base import ALL, Executor
from vibevoice_pro.models.vibevoice.executors.offload import ON_CARD, ON_HOST, OffloadingExecutor
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.network import Network
from vibevoice_pro.models.vibevoice.plan import (
    PRECISIONS,
    Computes,
    Prompts,
    device_and_precision,
    host_side,
    plan_memory,
)
from vibevoice_pro.models.vibevoice.published import describe

log = logging.getLogger(__name__)

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
    main = Computes(counted.device, counted.precision, counted.kernels)
    aside = host_side(loading, counted.device, counted.precision)
    executor: Executor
    if aside is None:
        executor = _executor(source, main, ALL, loading.on_progress)
    else:
        card = _executor(source, main, ON_CARD, loading.on_progress)
        executor = OffloadingExecutor(card, _executor(source, aside, ON_HOST, loading.on_progress))
    if loading.cpu_offload and aside is None:
        log.info("cpu_offload changes nothing: without a card everything is on the CPU")
    voices = {name: executor.hold(voice) for name, voice in prompts.items()}
    return VibeVoiceModel(executor, tokenizer, voices, source.name, counted)


def _prepare(source: Source, loading: Loading) -> tuple[Mapping[str, VoicePrompt], MemoryPlan]:
    _, precision = device_and_precision(loading)
    prompts = source.prompts(PRECISIONS.get(precision, torch.float32), loading.wants)
    if not prompts:
        raise BadParameter(f"{source.name} has none of the voices that languages names")
    text = speech = 0
    for voice in prompts.values():
        for name, branch in voice.items():
            numbers = branch.prompt.keys.numel() + branch.prompt.values.numel()
            text, speech = (text, speech + numbers) if "tts" in name else (text + numbers, speech)
    return prompts, plan_memory(source.config, loading, Prompts(text, speech))


def hold_to(limit: int) -> None:
    """Let PyTorch take at most so many bytes of the card; beyond, an allocation fails."""
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(min(1.0, limit / total))


def _executor(
    source: Source, computes: Computes, parts: Collection[str], on_progress: Progress
) -> Executor:
    """An executor that has some parts of the network."""
    with torch.device("meta"):
        network = Network(source.config)
    if computes.kernels == "torch":
        weights = source.weights(network, PRECISIONS[computes.precision], on_progress)
        for name in parts:
            weights.fill(network.get_submodule(name), name)
        if computes.device == "cpu":
            return network
        from vibevoice_pro.models.vibevoice.executors.cuda import CudaExecutor

        return CudaExecutor(network)
    weights = source.weights(network, None, on_progress)
    # Little is left to PyTorch, and two thread pools would compete for the cores.
    torch.set_num_threads(1)
    if computes.kernels == "native":
        from vibevoice_pro.models.vibevoice.executors.native_executor import NativeExecutor

        return NativeExecutor(network, weights, cores(), parts=parts)
    from vibevoice_pro.models.vibevoice.executors.onnx_executor import OnnxExecutor

    return OnnxExecutor(network, weights, computes.precision == "int8", cores(), parts)
