"""The small recorded VibeVoice model and what its tests share; needs PyTorch.

The numbers in `DATA` were recorded from Microsoft's implementation, see its README.md.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from vibevoice_pro.models.base import MemoryPlan, Options
from vibevoice_pro.models.vibevoice.assets.tokens import ByteTokenizer
from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt
from vibevoice_pro.models.vibevoice.assets.weights import Checkpoint, Weights
from vibevoice_pro.models.vibevoice.executors import native
from vibevoice_pro.models.vibevoice.executors.base import Executor
from vibevoice_pro.models.vibevoice.executors.native_executor import NativeExecutor
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel, VibeVoiceUtterance
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.network import Network

DATA = Path(__file__).parents[1] / "models" / "vibevoice" / "data"
CHECKPOINT = DATA / "checkpoint"

VOICE = "en-Tiny_woman"
TEXT = "Hello there, my friend. It is 5 p.m. and I have to go home now."


class Filled:
    """Weights of a network that has them already."""

    def fill(self, part: torch.nn.Module, name: str) -> None:
        pass


def tiny_config() -> VibeVoiceConfig:
    return VibeVoiceConfig.read(CHECKPOINT / "config.json")


def empty_network(config: VibeVoiceConfig) -> Network:
    """A network on the meta device: sizes without numbers."""
    with torch.device("meta"):
        return Network(config)


def tiny_network() -> Network:
    """The recorded checkpoint's network, fp32."""
    network = empty_network(tiny_config())
    Checkpoint(network, CHECKPOINT).fill(network, "")
    return network


def need_native(isa: native.Isa = "auto") -> None:
    """Skip where the kernels cannot run: `vnni` on other processors, all without a compiler."""
    try:
        native.load(isa)
    except native.NotHere as why:
        pytest.skip(str(why))


def native_executor(network: Network, weights: Weights, isa: native.Isa = "auto") -> NativeExecutor:
    need_native(isa)
    return NativeExecutor(network, weights, threads=2, isa=isa)


def tiny_model(
    executor: Executor, voice: VoicePrompt, kernels: str = "torch", precision: str = "fp32",
    streams: int = 4, window: int = 256,
) -> VibeVoiceModel:  # fmt: skip
    """A model with one voice, `VOICE`."""
    plan = MemoryPlan({}, precision, "cpu", kernels, streams, window, stream_bytes=0)
    tokenizer = ByteTokenizer(executor.config.vocab)
    return VibeVoiceModel(executor, tokenizer, {VOICE: executor.hold(voice)}, "tiny", plan)


def drain(model: VibeVoiceModel, utterance: VibeVoiceUtterance) -> list[np.ndarray]:
    """Step one utterance for as long as it is ready; its waves, without the empty ones."""
    waves = []
    utterance.prepare()
    while utterance.ready:
        waves += [c.wave for c in model.step([utterance])]
        utterance.prepare()
    return [w for w in waves if w.size]


def speak(model: VibeVoiceModel, *parts: str, options: Options | None = None) -> np.ndarray:
    """The waveform of a text that is fed in parts."""
    utterance = model.open(next(iter(model.voices)), options or Options())
    waves = []
    for part in parts:
        utterance.feed(part)
        waves += drain(model, utterance)
    utterance.finish()
    waves += drain(model, utterance)
    assert utterance.done
    assert utterance.waiting == 0
    utterance.close()
    return np.concatenate(waves) if waves else np.zeros(0, np.float32)


def letter_tokenizer() -> str:
    """A `tokenizer.json` whose tokens are letters."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocab = {c: i for i, c in enumerate(["?", *"abcdefghijklmnopqrstuvwxyz.\n"])}
    made = Tokenizer(models.WordLevel(vocab, unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    text: str = made.to_str()
    return text


def copy_checkpoint(
    folder: Path, files: Sequence[str] = ("config.json", "model.safetensors")
) -> Path:
    """Copy files of the recorded checkpoint into a folder."""
    for name in files:
        shutil.copy(CHECKPOINT / name, folder / name)
    return folder
