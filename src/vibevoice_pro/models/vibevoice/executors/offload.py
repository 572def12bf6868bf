"""Two executors as one: what takes most memory on the CPU, what takes most time on the card."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from torch import Tensor

from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt
from vibevoice_pro.models.vibevoice.executors.base import ALL, Executor, Stage
from vibevoice_pro.models.vibevoice.network.attention import KVCache

ON_HOST = ("embed_tokens", "language_model", "decoder", "latent_scale")
"""Parts that need not be on the card: read once for each token or latent, while the TTS LM and the
diffusion head are read many times."""

ON_CARD = tuple(name for name in ALL if name not in ON_HOST)


class OffloadingExecutor:
    """An `Executor` with the embedding, the text LM and the acoustic decoder on the CPU.

    Between them pass, for each stream, the text LM's outputs (5 rows in a window) and a latent.

    Args:
        card: runs at least the parts in `ON_CARD`.
        host: runs at least those in `ON_HOST`, on the CPU.
    """

    reads_ahead = False  # the decoder keeps the calling thread busy: nothing is queued meanwhile

    def __init__(self, card: Executor, host: Executor) -> None:
        self.config = card.config
        self.together = host.together
        self.dtype = card.dtype
        self.places = {**host.places, "acoustic": card.places["acoustic"]}
        self._card, self._host = card, host

    @property
    def input_types(self) -> Tensor:
        """What is added at a speech position and at a text position, (2, H)."""
        return self._card.input_types

    def stage(self, name: Stage, *used: Tensor) -> AbstractContextManager[None]:
        """Inside, work is queued for this stage, after all work queued for the one before it."""
        return self._card.stage(name, *used)

    def wait(self, name: Stage) -> None:
        """Wait until everything queued for a stage is done."""
        self._card.wait(name)

    def put(self, tensor: Tensor) -> Tensor:
        """Copy a tensor from the host to the card; may return before it is done."""
        return self._card.put(tensor)

    def fetch(self, tensor: Tensor) -> Tensor:
        """Copy a tensor to the host; done when `wait` for the stage returns."""
        on_host = tensor.device == self.places["vocoder"].device
        return (self._host if on_host else self._card).fetch(tensor)

    def hold(self, voice: VoicePrompt) -> VoicePrompt:
        """A voice's prompt, each branch for the cache it is used with."""
        text = {name: branch for name, branch in voice.items() if name == "lm"}
        rest = {name: branch for name, branch in voice.items() if name != "lm"}
        return {**self._host.hold(text), **self._card.hold(rest)}

    def embed(self, ids: Tensor) -> Tensor:
        """Token ids (N,) on the host → (N, H)."""
        return self._host.embed(ids)

    def read_text(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """Run the text LM on the CPU, and put its outputs on the card."""
        return self._card.put(self._host.read_text(x, cache, slots, counts).to(self.dtype))

    def read_speech(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """Run the TTS LM over the next positions of some rows, see `transformer.run_layers`."""
        return self._card.read_speech(x, cache, slots, counts)

    def decode(self, latents: Tensor, pool: Tensor, slots: Sequence[int]) -> Tensor:
        """Latents (B, T, latent) as sampled, on the card → samples (B, T·hop), fp32, on the CPU."""
        here = latents.to(pool.device)  # waits for the stage before, whose stream this one follows
        return self._host.decode(here, pool, slots)

    def condition(self, hidden: Tensor) -> Tensor:
        """Hidden states of the TTS LM (B, hidden) → their part of the condition, fp32."""
        return self._card.condition(hidden)

    def timestep(self, time: int) -> Tensor:
        """The timestep's part of the condition, (hidden,), fp32."""
        return self._card.timestep(time)

    def shifts(self, condition: Tensor) -> Tensor:
        """Conditions (B, hidden) → shifts (B, S), the input of `velocity`."""
        return self._card.shifts(condition)

    def velocity(self, latent: Tensor, shifts: Tensor) -> Tensor:
        """(B, latent), (B, S) → (B, latent), fp32."""
        return self._card.velocity(latent, shifts)

    def connect(self, latents: Tensor) -> Tensor:
        """Latents (B, latent) as sampled → (B, H), what the TTS LM reads at a speech position."""
        return self._card.connect(latents)

    def stop(self, hidden: Tensor) -> Tensor:
        """(B, H) → (B,), the stop classifier's logit; positive: stop."""
        return self._card.stop(hidden)
