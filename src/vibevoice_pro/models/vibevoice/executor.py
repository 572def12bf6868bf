"""The seam between the generation loop and whatever computes: plain PyTorch, or compiled graphs."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.diffusion import Head


class Executor(Head, Protocol):
    """The parts that carry weights; they hold no state of any stream.

    `network.Network` is the exact one. What stands between the parts (attention and its caches,
    guidance, the sampler, noise) is the same code for all, in fp32.
    """

    config: VibeVoiceConfig

    @property
    def dtype(self) -> torch.dtype:
        """Type of what goes into the blocks, and of the caches."""

    @property
    def input_types(self) -> Tensor:
        """What is added at a speech position and at a text position, (2, H)."""

    def embed(self, ids: Tensor) -> Tensor:
        """Token ids (B, T) → (B, T, H)."""

    def text_block(
        self, index: int, x: Tensor, mixed: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """The text LM between two attentions, see `transformer.Block`."""

    def speech_block(
        self, index: int, x: Tensor, mixed: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """The TTS LM between two attentions, see `transformer.Block`."""

    def decode(self, latents: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (B, latent) as sampled, states (B, S) → samples (B, hop), fp32; new states."""

    def connect(self, latents: Tensor) -> Tensor:
        """Latents (B, latent) as sampled → (B, H), what the TTS LM reads at a speech position."""

    def stop(self, hidden: Tensor) -> Tensor:
        """(B, H) → (B,), the stop classifier's logit; positive: stop."""
