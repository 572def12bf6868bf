"""The interface between the generation loop and what computes: PyTorch, ONNX or native kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt
from vibevoice_pro.models.vibevoice.network.attention import KVCache
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.diffusion import Head
from vibevoice_pro.models.vibevoice.network.transformer import Block, run_layers

Stage = Literal["text", "acoustic", "vocoder"]
"""The pipeline: text LM → TTS LM and diffusion head → acoustic decoder."""


@dataclass(frozen=True)
class Place:
    """Where the state of the streams in one stage is, and the type of its numbers."""

    device: torch.device
    dtype: torch.dtype


HOST = torch.device("cpu")

ALL = (
    "embed_tokens",
    "language_model",
    "tts_language_model",
    "tts_input_types",
    "prediction_head",
    "acoustic_connector",
    "tts_eos_classifier",
    "decoder",
    "latent_scale",
)
"""The parts of a network that have weights, in the order of `network.Network`."""


def on_host(caches: torch.dtype, states: torch.dtype) -> Mapping[Stage, Place]:
    """Everything on the host, with these types of the KV caches and of the decoder's states."""
    kept = Place(HOST, caches)
    return {"text": kept, "acoustic": kept, "vocoder": Place(HOST, states)}


class Host:
    """The pipeline methods of an executor on the CPU: a stage is done when its block ends."""

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
    text_block: Block
    speech_block: Block
    vocode: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    """Latents (B, T, latent) as sampled, states (B, S) → samples (B, T·hop), fp32; new states."""

    @property
    def places(self) -> Mapping[Stage, Place]:
        """See `Executor`."""
        raise NotImplementedError

    def hold(self, voice: VoicePrompt) -> VoicePrompt:
        """See `Executor`."""
        place = self.places["acoustic"]
        return {name: branch.to(place.device, place.dtype) for name, branch in voice.items()}

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
        which = torch.tensor(slots).to(pool.device, non_blocking=True)
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
    def places(self) -> Mapping[Stage, Place]:
        """Of each stage, the state of the streams: caches of the text LM and of the TTS LM, and the
        states of the decoder."""

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
        """Copy a tensor from the host to where the TTS LM and the diffusion head are; may return
        before it is done."""

    def fetch(self, tensor: Tensor) -> Tensor:
        """Copy a tensor to the host; done when `wait` for the stage returns."""

    @property
    def dtype(self) -> torch.dtype:
        """Type of the inputs of the TTS LM."""

    @property
    def input_types(self) -> Tensor:
        """What is added at a speech position and at a text position, (2, H)."""

    def embed(self, ids: Tensor) -> Tensor:
        """Token ids (N,) on the host → (N, H)."""

    def hold(self, voice: VoicePrompt) -> VoicePrompt:
        """A voice's prompt in this executor's type and layout, for its caches."""

    def read_text(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """Run the text LM over the next positions of some rows, see `transformer.run_layers`.

        The result is where the TTS LM reads it.
        """

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
