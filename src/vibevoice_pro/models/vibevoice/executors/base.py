"""The interface between the generation loop and what computes: PyTorch, ONNX or native kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.assets.voices import Branch
from vibevoice_pro.models.vibevoice.network.attention import KVCache
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.diffusion import Head
from vibevoice_pro.models.vibevoice.network.transformer import Block, run_layers

Stage = Literal["text", "acoustic", "vocoder"]
"""The pipeline: text LM → TTS LM and diffusion head → acoustic decoder."""


class Host:
    """The pipeline methods of an executor on the CPU: a stage is done when its block ends."""

    device = torch.device("cpu")
    reads_ahead = False
    together = 1

    def stage(self, name: Stage, *used: Tensor) -> AbstractContextManager[None]:
        """Inside, work is queued for this stage, after all work queued for the one before it."""
        return nullcontext()

    def wait(self, name: Stage) -> None:
        """Wait until everything queued for a stage is done."""

    def put(self, tensor: Tensor) -> Tensor:
        """Copy a tensor from the host to the device; may return before it is done."""
        return tensor

    def fetch(self, tensor: Tensor) -> Tensor:
        """See `Executor`; a copy, because the executor may reuse the memory."""
        return tensor.clone()


class Parts:
    """The rest of an executor whose parts are plain functions of tensors.

    It provides the language models between their attentions, and the decoder without its states;
    attention, caches and states are handled here, in PyTorch.
    """

    config: VibeVoiceConfig
    device: torch.device
    text_block: Block
    speech_block: Block
    put: Callable[[Tensor], Tensor]
    vocode: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    """Latents (B, T, latent) as sampled, states (B, S) → samples (B, T·hop), fp32; new states."""

    def hold(self, branch: Branch) -> Branch:
        """A voice's prompt in this executor's type and layout, for its caches."""
        return branch.to(self.device)

    def read_text(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """Run the text LM over the next positions of some rows, see `transformer.run_layers`."""
        return run_layers(self.config.text_lm, self.text_block, x, cache, slots, counts)

    def read_speech(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """Run the TTS LM over the next positions of some rows, see `transformer.run_layers`."""
        return run_layers(self.config.tts_lm, self.speech_block, x, cache, slots, counts)

    def decode(self, latents: Tensor, pool: Tensor, slots: Sequence[int]) -> Tensor:
        """Latents (B, T, latent) as sampled → samples (B, T·hop), fp32."""
        which = self.put(torch.tensor(slots))
        audio, state = self.vocode(latents, pool[which])
        pool[which] = state
        return audio


class Executor(Head, Protocol):
    """Runs the parts that have weights; the caller holds the state of the streams.

    `network.Network` is the exact one. Guidance, sampler and noise are the same code for all, in
    fp32.
    """

    config: VibeVoiceConfig

    @property
    def device(self) -> torch.device:
        """Where it computes and where the caches are."""

    @property
    def reads_ahead(self) -> bool:
        """Whether the TTS LM reads a latent while it is decoded, instead of in the next step.

        True where both run in parallel; elsewhere the audio would have to wait for both.
        """

    @property
    def together(self) -> int:
        """The most latents of a lone stream that are decoded in one pass.

        More than one pays off where reading the decoder's weights costs more than its arithmetic.
        """

    def stage(self, name: Stage, *used: Tensor) -> AbstractContextManager[None]:
        """Inside, work is queued for this stage, after all work queued for the one before it.

        `used`: tensors of other stages that it reads.
        """

    def wait(self, name: Stage) -> None:
        """Wait until everything queued for a stage is done."""

    def put(self, tensor: Tensor) -> Tensor:
        """Copy a tensor from the host to the device; may return before it is done."""

    def fetch(self, tensor: Tensor) -> Tensor:
        """Copy a tensor to the host; done when `wait` for the stage returns."""

    @property
    def dtype(self) -> torch.dtype:
        """Type of the inputs of the blocks, and of the decoder's states."""

    @property
    def kv_dtype(self) -> torch.dtype:
        """Type of the keys and values in the caches."""

    @property
    def input_types(self) -> Tensor:
        """What is added at a speech position and at a text position, (2, H)."""

    def embed(self, ids: Tensor) -> Tensor:
        """Token ids (B, T) → (B, T, H)."""

    def hold(self, branch: Branch) -> Branch:
        """A voice's prompt in this executor's type and layout, for its caches."""

    def read_text(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """Run the text LM over the next positions of some rows, see `transformer.run_layers`."""

    def read_speech(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """Run the TTS LM over the next positions of some rows, see `transformer.run_layers`."""

    def decode(self, latents: Tensor, pool: Tensor, slots: Sequence[int]) -> Tensor:
        """Latents (B, T, latent) as sampled → samples (B, T·hop), fp32.

        `pool` (slots, S): the states of all streams; those in `slots` are updated.
        """

    def connect(self, latents: Tensor) -> Tensor:
        """Latents (B, latent) as sampled → (B, H), what the TTS LM reads at a speech position."""

    def stop(self, hidden: Tensor) -> Tensor:
        """(B, H) → (B,), the stop classifier's logit; positive: stop."""
