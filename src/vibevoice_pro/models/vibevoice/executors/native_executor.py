"""The network in int8 on our own kernels: the CPU's executor on processors with AVX-512 VNNI.

Quantized as in the ONNX graphs: weights per output, inputs per row, exact integer sums. What
surrounds the products (norms, activations, residuals, attention, the decoder's convolutions) is
fused with them and stays in the processor's caches; run operator by operator, it would cost most of
the time.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from ctypes import CDLL, byref, c_void_p
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vibevoice_pro.memory import give_back_memory
from vibevoice_pro.models.vibevoice.assets.voices import Branch, VoicePrompt
from vibevoice_pro.models.vibevoice.assets.weights import Weights
from vibevoice_pro.models.vibevoice.executors.base import ALL, Host, on_host
from vibevoice_pro.models.vibevoice.executors.native import Isa, load
from vibevoice_pro.models.vibevoice.executors.native_layout import (
    BUILDERS,
    OUTSIDE,
    CDecoder,
    CHead,
    CPass,
    CRow,
    CStack,
    Keeper,
)
from vibevoice_pro.models.vibevoice.network.attention import (
    BLOCK,
    KVCache,
    Prompt,
    held_prompt,
    rotary,
)
from vibevoice_pro.models.vibevoice.network.codec import CausalConv
from vibevoice_pro.models.vibevoice.network.config import KERNEL
from vibevoice_pro.models.vibevoice.network.diffusion import TimestepEmbedder
from vibevoice_pro.models.vibevoice.network.network import SPEECH, Network


def _halves(x: Tensor) -> Tensor:
    """Convert to fp16 as the kernels do, clamped to its range."""
    most = torch.finfo(torch.float16).max
    return x.float().clamp(-most, most).half()


class _Exact(nn.Module):
    """A linear map in fp32 whose result for a row does not depend on the other rows."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, kernels: CDLL, threads: int
    ) -> None:  # fmt: skip
        super().__init__()
        self.weight: Tensor
        self.bias: Tensor | None
        self.register_buffer("weight", weight.detach().float().T.contiguous())
        self.register_buffer("bias", None if bias is None else bias.detach().float())
        self._kernels = kernels
        self._threads = threads

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) → (B, outputs)."""
        x = x.contiguous()
        inputs, outputs = self.weight.shape
        y = torch.empty(len(x), outputs)
        self._kernels.vv_product(
            c_void_p(x.data_ptr()), len(x), inputs, c_void_p(self.weight.data_ptr()),
            None if self.bias is None else c_void_p(self.bias.data_ptr()), outputs,
            c_void_p(y.data_ptr()), self._threads,
        )  # fmt: skip
        return y


def _make_exact(part: nn.Module, kernels: CDLL, threads: int) -> nn.Module:
    """The same part in fp32, with linear maps that do not depend on the batch."""
    if isinstance(part, nn.Linear):
        return _Exact(part.weight, part.bias, kernels, threads)
    if isinstance(part, CausalConv):  # over one frame and its past, side by side
        return _Exact(part.weight.transpose(1, 2).flatten(1), part.bias, kernels, threads)
    if not isinstance(part, TimestepEmbedder):
        for name, child in part.named_children():
            part.set_submodule(name, _make_exact(child, kernels, threads))
    return part.float()


class NativeExecutor(Host):
    """An `Executor` on the kernels in `native/`."""

    dtype = torch.float32
    # An eighth of the rounding error of bf16; clamped to its range.
    places = on_host(torch.float16, torch.float32)
    together = 3

    def __init__(
        self, network: Network, weights: Weights, threads: int, isa: Isa = "auto",
        parts: Collection[str] = ALL,
    ) -> None:  # fmt: skip
        """Lay out `parts` of `network`, which is on the meta device, one at a time.

        Each part is loaded from `weights` only while it is laid out, so that the original weights
        are never in memory all together.

        Raises:
            native.NotHere: the kernels cannot run on this machine.
        """
        self._kernels = load(isa)
        self._threads = threads
        self._keeper = Keeper(self._kernels)
        self.config = network.config
        built: dict[str, Any] = dict.fromkeys(BUILDERS)
        for name in parts:
            part = network.get_submodule(name)
            weights.fill(part, name)
            if name in BUILDERS:
                built[name] = BUILDERS[name](self._keeper, part)
                outside = {
                    path: _make_exact(
                        copy.deepcopy(part.get_submodule(path)), self._kernels, threads
                    )
                    for path in OUTSIDE.get(name, ())
                }
                part.to("meta")
                for path, kept in outside.items():
                    part.set_submodule(path, kept)
            elif name != "embed_tokens":
                _make_exact(part, self._kernels, threads)
            give_back_memory()
        self._speech: CStack = built["tts_language_model"]
        self._text: CStack = built["language_model"]
        self._head: CHead = built["prediction_head"]
        self._decoder: CDecoder = built["decoder"]
        self._network = network
        self.input_types = network.input_types

    @property
    def weight_bytes(self) -> int:
        """Memory that the weights take."""
        tensors = self._network.state_dict().values()
        outside: int = sum(t.numel() * t.element_size() for t in tensors if t.device.type == "cpu")
        return self._keeper.bytes + outside

    def hold(self, voice: VoicePrompt) -> VoicePrompt:
        """See `Executor`; keys are laid out in blocks, see native/attention.h."""
        return {name: self._hold(branch) for name, branch in voice.items()}

    def _hold(self, branch: Branch) -> Branch:
        keys, values = _halves(branch.prompt.keys), _halves(branch.prompt.values)
        full = functional.pad(keys, (0, 0, 0, -keys.shape[2] % BLOCK))
        blocks = full.view(*full.shape[:2], -1, BLOCK, full.shape[3]).transpose(3, 4)
        return Branch(branch.hidden.float(), Prompt(blocks.contiguous(), values.contiguous()))

    def embed(self, ids: Tensor) -> Tensor:
        """Token ids (N,) → (N, H)."""
        return self._network.embed(ids).float()

    def read_text(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """Run the text LM over the next positions of some rows, see `transformer.run_layers`."""
        return self._run(self._text, self.config.text_lm.rope_theta, x, cache, slots, counts)

    def read_speech(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """Run the TTS LM over the next positions of some rows, see `transformer.run_layers`."""
        return self._run(self._speech, self.config.tts_lm.rope_theta, x, cache, slots, counts)

    def _run(
        self, stack: CStack, theta: float, x: Tensor, cache: KVCache, slots: Sequence[int],
        counts: Sequence[int],
    ) -> Tensor:  # fmt: skip
        assert cache.layers.dtype == self.places["text"].dtype
        rows: list[CRow] = []
        places: list[int] = []
        far: list[int] = []
        for slot, count in zip(slots, counts, strict=True):
            prompt, written = held_prompt(cache, slot), cache.written[slot]
            keys, values = prompt.keys.data_ptr(), prompt.values.data_ptr()
            rows.append(CRow(keys, values, prompt.positions, 0, slot, len(places), count, written))
            own = range(written, written + count)
            places += [prompt.positions + i for i in own]
            far += [prompt.positions + min(i, cache.positions - 1) for i in own]
            cache.written[slot] += count
        turns = rotary(torch.tensor([places, far]), stack.head_dim, theta)
        cos, sin = (turn[:, 0].contiguous() for turn in turns)
        x = x.clone(memory_format=torch.contiguous_format)
        now = CPass(
            (CRow * len(rows))(*rows), len(rows), len(places), cos[0].data_ptr(), sin[0].data_ptr(),
            cos[1].data_ptr(), sin[1].data_ptr(), cache.layers.data_ptr(), cache.layers.shape[1],
            cache.positions,
        )  # fmt: skip
        self._kernels.vv_stack(byref(stack), byref(now), c_void_p(x.data_ptr()), self._threads)
        return x

    def condition(self, hidden: Tensor) -> Tensor:
        """Hidden states of the TTS LM (B, hidden) → their part of the condition, fp32."""
        return self._network.condition(hidden)

    def timestep(self, time: int) -> Tensor:
        """The timestep's part of the condition, (hidden,), fp32."""
        return self._network.timestep(time)

    def shifts(self, condition: Tensor) -> Tensor:
        """Conditions (B, hidden) → shifts (B, S), the input of `velocity`."""
        condition = condition.contiguous()  # and alive until the kernels have read it
        shifts = torch.empty(len(condition), self._head.modulation.outputs)
        self._kernels.vv_shifts(
            byref(self._head), c_void_p(condition.data_ptr()), len(condition),
            c_void_p(shifts.data_ptr()), self._threads,
        )  # fmt: skip
        return shifts

    def velocity(self, latent: Tensor, shifts: Tensor) -> Tensor:
        """(B, latent), (B, S) → (B, latent), fp32."""
        head = self._network.prediction_head
        x: Tensor = head.noisy_images_proj(latent)
        self._kernels.vv_head(
            byref(self._head), c_void_p(x.data_ptr()), c_void_p(shifts.data_ptr()), len(x),
            self._threads,
        )  # fmt: skip
        out: Tensor = head.final_layer.linear(x)
        return out

    def decode(self, latents: Tensor, pool: Tensor, slots: Sequence[int]) -> Tensor:
        """Latents (B, T, latent) as sampled → samples (B, T·hop), fp32."""
        streams, count, width = latents.shape
        past = (KERNEL - 1) * width
        which = torch.tensor(slots)
        whole = torch.cat([pool[which, :past], self._network.latent_scale(latents).flatten(1)], 1)
        pool[which, :past] = whole[:, count * width :]
        x: Tensor = self._network.decoder.stem(
            whole.unfold(1, KERNEL * width, width).reshape(streams * count, -1)
        )
        audio = torch.empty(streams, count * self.config.decoder.hop)
        states = (c_void_p * len(slots))(*(pool[slot].data_ptr() for slot in slots))
        self._kernels.vv_decoder(
            byref(self._decoder), c_void_p(x.data_ptr()), states, past, streams, count,
            c_void_p(audio.data_ptr()), self._threads,
        )  # fmt: skip
        return audio

    def connect(self, latents: Tensor) -> Tensor:
        """Latents (B, latent) as sampled → (B, H), what the TTS LM reads at a speech position."""
        read: Tensor = self._network.acoustic_connector(latents)
        return read + self.input_types[SPEECH]

    def stop(self, hidden: Tensor) -> Tensor:
        """(B, H) → (B,), the stop classifier's logit; positive: stop."""
        return self._network.stop(hidden)
