"""The small recorded VibeVoice model, and what tests of it share. Needs PyTorch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vibevoice_pro.models.vibevoice.assets.weights import Weights
from vibevoice_pro.models.vibevoice.executors import native
from vibevoice_pro.models.vibevoice.executors.native_executor import NativeExecutor
from vibevoice_pro.models.vibevoice.network.network import Network

DATA = Path(__file__).parents[1] / "models" / "vibevoice" / "data"
"""Recorded from Microsoft's implementation; see its README."""

VOICE = "en-Tiny_woman"
TEXT = "Hello there, my friend. It is 5 p.m. and I have to go home now."


def need_native() -> None:
    """Skip where the kernels cannot run."""
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
