"""An executor whose calls pass through an observer: for benchmarks, which time or record them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt
from vibevoice_pro.models.vibevoice.executors.base import Executor, Place, Stage
from vibevoice_pro.models.vibevoice.network.attention import KVCache

Part = Literal[
    "read_text", "read_speech", "condition", "shifts", "velocity", "decode", "connect", "stop"
]
"""The methods of an `Executor` that run a part of the network."""

Call = Callable[..., Tensor]

Observer = Callable[[Part, Call, tuple[Any, ...]], Tensor]
"""Called instead of a part, with its name, the call and its arguments; returns its result."""

PARTS: Mapping[Part, Callable[[Executor], Call]] = {
    "read_text": lambda executor: executor.read_text,
    "read_speech": lambda executor: executor.read_speech,
    "condition": lambda executor: executor.condition,
    "shifts": lambda executor: executor.shifts,
    "velocity": lambda executor: executor.velocity,
    "decode": lambda executor: executor.decode,
    "connect": lambda executor: executor.connect,
    "stop": lambda executor: executor.stop,
}


class ObservedExecutor:
    """An `Executor` that runs each part of another through an observer."""

    def __init__(self, executor: Executor, observer: Observer) -> None:
        self._executor = executor
        self._observer = observer
        self.config = executor.config

    def _run(self, part: Part, *inputs: Any) -> Tensor:
        return self._observer(part, PARTS[part](self._executor), inputs)

    def read_text(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """Run the text LM over the next positions of some rows, see `transformer.run_layers`."""
        return self._run("read_text", x, cache, slots, counts)

    def read_speech(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """Run the TTS LM over the next positions of some rows, see `transformer.run_layers`."""
        return self._run("read_speech", x, cache, slots, counts)

    def condition(self, hidden: Tensor) -> Tensor:
        """Hidden states of the TTS LM (B, hidden) → their part of the condition, fp32."""
        return self._run("condition", hidden)

    def shifts(self, condition: Tensor) -> Tensor:
        """Conditions (B, hidden) → shifts (B, S), the input of `velocity`."""
        return self._run("shifts", condition)

    def velocity(self, latent: Tensor, shifts: Tensor) -> Tensor:
        """(B, latent), (B, S) → (B, latent), fp32."""
        return self._run("velocity", latent, shifts)

    def decode(self, latents: Tensor, pool: Tensor, slots: Sequence[int]) -> Tensor:
        """Latents (B, T, latent) as sampled → samples (B, T·hop), fp32."""
        return self._run("decode", latents, pool, slots)

    def connect(self, latents: Tensor) -> Tensor:
        """Latents (B, latent) as sampled → (B, H), what the TTS LM reads at a speech position."""
        return self._run("connect", latents)

    def stop(self, hidden: Tensor) -> Tensor:
        """(B, H) → (B,), the stop classifier's logit; positive: stop."""
        return self._run("stop", hidden)

    @property
    def places(self) -> Mapping[Stage, Place]:
        """Of each stage, the state of the streams."""
        return self._executor.places

    @property
    def reads_ahead(self) -> bool:
        """Whether the TTS LM reads a latent while it is decoded, instead of in the next step."""
        return self._executor.reads_ahead

    @property
    def together(self) -> int:
        """The most latents of a lone stream that are decoded in one pass."""
        return self._executor.together

    @property
    def dtype(self) -> torch.dtype:
        """Type of the inputs of the TTS LM."""
        return self._executor.dtype

    @property
    def input_types(self) -> Tensor:
        """What is added at a speech position and at a text position, (2, H)."""
        return self._executor.input_types

    def stage(self, name: Stage, *used: Tensor) -> AbstractContextManager[None]:
        """Inside, work is queued for this stage, after all work queued for the one before it."""
        return self._executor.stage(name, *used)

    def wait(self, name: Stage) -> None:
        """Wait until everything queued for a stage is done."""
        self._executor.wait(name)

    def put(self, tensor: Tensor) -> Tensor:
        """Copy a tensor from the host to where the TTS LM is; may return before it is done."""
        return self._executor.put(tensor)

    def fetch(self, tensor: Tensor) -> Tensor:
        """Copy a tensor to the host; done when `wait` for the stage returns."""
        return self._executor.fetch(tensor)

    def timestep(self, time: int) -> Tensor:
        """The timestep's part of the condition, (hidden,), fp32."""
        return self._executor.timestep(time)

    def embed(self, ids: Tensor) -> Tensor:
        """Token ids (N,) on the host → (N, H)."""
        return self._executor.embed(ids)

    def hold(self, voice: VoicePrompt) -> VoicePrompt:
        """A voice's prompt in this executor's type and layout, for its caches."""
        return self._executor.hold(voice)
