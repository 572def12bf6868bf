"""The seam between the generation loop and whatever computes: plain PyTorch, or compiled graphs."""

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
    """What an executor on the CPU is to the pipeline: each stage is done when it returns."""

    device = torch.device("cpu")
    reads_ahead = False
    together = 1

    def stage(self, name: Stage, *used: Tensor) -> AbstractContextManager[None]:
        """Inside, work is queued for this stage, after what the stage before has queued so far."""
        return nullcontext()

    def wait(self, name: Stage) -> None:
        """Wait until everything queued for a stage is done."""

    def put(self, tensor: Tensor) -> Tensor:
        """A tensor on its way from the host to the device."""
        return tensor

    def fetch(self, tensor: Tensor) -> Tensor:
        """See `Executor`; a copy, because the executor may use its memory again."""
        return tensor.clone()


class Parts:
    """An executor of which each part takes tensors and gives tensors.

    It has the layers of the language models up to their attentions, and the decoder up to the
    states of its streams; attention, caches and states are the same code in PyTorch for all.
    """

    config: VibeVoiceConfig
    device: torch.device
    text_block: Block
    speech_block: Block
    put: Callable[[Tensor], Tensor]
    vocode: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    """Latents (B, T, latent) as sampled, states (B, S) → samples (B, T·hop), fp32; new states."""

    def hold(self, branch: Branch) -> Branch:
        """A voice's prompt as this executor wants to find it in a cache."""
        return branch.to(self.device)

    def read_text(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """The text LM over some more positions of some rows, see `transformer.run_layers`."""
        return run_layers(self.config.text_lm, self.text_block, x, cache, slots, counts)

    def read_speech(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """The TTS LM over some more positions of some rows, see `transformer.run_layers`."""
        return run_layers(self.config.tts_lm, self.speech_block, x, cache, slots, counts)

    def decode(self, latents: Tensor, pool: Tensor, slots: Sequence[int]) -> Tensor:
        """Latents (B, T, latent) as sampled → samples (B, T·hop), fp32."""
        which = self.put(torch.tensor(slots))
        audio, state = self.vocode(latents, pool[which])
        pool[which] = state
        return audio


class Executor(Head, Protocol):
    """Runs the parts that carry weights; the state of the streams is the caller's.

    `network.Network` is the exact one. Guidance, the sampler and noise are the same code for all,
    in fp32.
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

    @property
    def together(self) -> int:
        """Latents of a lone stream that are worth decoding in one pass.

        Worth it where the decoder's weights, read from memory, cost more than its arithmetic.
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
        """Type of what goes into the blocks, and of the decoder's states."""

    @property
    def kv_dtype(self) -> torch.dtype:
        """Type of the keys and values in the caches."""

    @property
    def input_types(self) -> Tensor:
        """What is added at a speech position and at a text position, (2, H)."""

    def embed(self, ids: Tensor) -> Tensor:
        """Token ids (B, T) → (B, T, H)."""

    def hold(self, branch: Branch) -> Branch:
        """A voice's prompt as this executor wants to find it in a cache."""

    def read_text(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """The text LM over some more positions of some rows, see `transformer.run_layers`."""

    def read_speech(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """The TTS LM over some more positions of some rows, see `transformer.run_layers`."""

    def decode(self, latents: Tensor, pool: Tensor, slots: Sequence[int]) -> Tensor:
        """Latents (B, T, latent) as sampled → samples (B, T·hop), fp32.

        `pool` (slots, S): the state of each stream, which goes on.
        """

    def connect(self, latents: Tensor) -> Tensor:
        """Latents (B, latent) as sampled → (B, H), what the TTS LM reads at a speech position."""

    def stop(self, hidden: Tensor) -> Tensor:
        """(B, H) → (B,), the stop classifier's logit; positive: stop."""
