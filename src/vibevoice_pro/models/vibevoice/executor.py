"""The seam between the generation loop and whatever computes: plain PyTorch, or compiled graphs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.diffusion import Head

Stage = Literal["text", "acoustic", "vocoder"]
"""The pipeline: text LM → TTS LM and diffusion head → acoustic decoder."""


class Host:
    """What an executor on the CPU is to the pipeline: each stage is done when it returns."""

    device = torch.device("cpu")
    reads_ahead = False

    def stage(self, name: Stage, *used: Tensor) -> AbstractContextManager[None]:
        """See `Executor`."""
        return nullcontext()

    def wait(self, name: Stage) -> None:
        """See `Executor`."""

    def put(self, tensor: Tensor) -> Tensor:
        """See `Executor`."""
        return tensor

    def fetch(self, tensor: Tensor) -> Tensor:
        """See `Executor`; a copy, because the executor may use its memory again."""
        return tensor.clone()


class Executor(Head, Protocol):
    """The parts that carry weights; they hold no state of any stream.

    `network.Network` is the exact one. What stands between the parts (attention and its caches,
    guidance, the sampler, noise) is the same code for all, in fp32.
    """

    config: VibeVoiceConfig

    @property
    def device(self) -> torch.device:
        """Where it computes, and where the caches lie."""

    @property
    def reads_ahead(self) -> bool:
        """Whether the TTS LM reads a latent while that is decoded, and not when the next is due.

        Good where both go on at once; elsewhere the listener would wait for both.
        """

    def stage(self, name: Stage, *used: Tensor) -> AbstractContextManager[None]:
        """Inside, work is queued for this stage, after what the stage before has queued so far.

        `used`: tensors of another stage that it uses.
        """

    def wait(self, name: Stage) -> None:
        """Wait until everything queued for a stage is done."""

    def put(self, tensor: Tensor) -> Tensor:
        """A tensor on its way from the host to the device."""

    def fetch(self, tensor: Tensor) -> Tensor:
        """A tensor on its way to the host; it is there when `wait` for the stage returns."""

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
