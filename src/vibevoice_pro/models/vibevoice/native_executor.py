"""The network in int8 on our own kernels: the CPU's executor where they can run.

Rounded as in the ONNX graphs: weights per output, inputs per row, sums exact. What is fused around
the products (norms, activations, residuals, attention, the decoder's convolutions) never leaves the
processor's caches, which is where the time goes with an operator at a time.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from ctypes import POINTER, Structure, byref, c_float, c_int, c_int64, c_void_p
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vibevoice_pro.models.vibevoice.attention import KVCache, Prompt, held_prompt, rotary
from vibevoice_pro.models.vibevoice.codec import Block, CausalConv, Decoder, Upsample
from vibevoice_pro.models.vibevoice.config import KERNEL, VibeVoiceConfig
from vibevoice_pro.models.vibevoice.diffusion import DiffusionHead, HeadLayer, TimestepEmbedder
from vibevoice_pro.models.vibevoice.executor import Host
from vibevoice_pro.models.vibevoice.native import LANES, load
from vibevoice_pro.models.vibevoice.network import SPEECH, Network
from vibevoice_pro.models.vibevoice.transformer import Layer, Mlp, RMSNorm, Transformer
from vibevoice_pro.models.vibevoice.voices import Branch
from vibevoice_pro.models.vibevoice.weights import Weights, give_back_memory

_PANEL = 32  # outputs that lie together, see native/linear.h


def _fields(names: str, kind: Any) -> list[tuple[str, Any]]:
    return [(name, kind) for name in names.split()]


class _Linear(Structure):
    _fields_ = [
        *_fields("outputs inputs", c_int),
        *_fields("weights scales offsets bias", c_void_p),
    ]


class _Layer(Structure):
    _fields_ = [*_fields("qkv out gate_up down", _Linear), *_fields("norm post_norm", c_void_p)]


class _Stack(Structure):
    _fields_ = [
        *_fields("hidden heads kv_heads head_dim mlp layers", c_int), ("eps", c_float),
        ("layer", POINTER(_Layer)), ("final_norm", c_void_p),
    ]  # fmt: skip


class _Row(Structure):
    _fields_ = [
        *_fields("keys values", c_void_p), *_fields("positions padding", c_int),
        *_fields("slot first count", c_int), ("written", c_int64),
    ]  # fmt: skip


class _Pass(Structure):
    _fields_ = [
        ("rows", POINTER(_Row)), *_fields("count positions", c_int),
        *_fields("cos sin far_cos far_sin pool", c_void_p), *_fields("slots window", c_int),
    ]  # fmt: skip


class _HeadLayer(Structure):
    _fields_ = [*_fields("gate_up down", _Linear), ("norm", c_void_p)]


class _Head(Structure):
    _fields_ = [
        *_fields("hidden ffn layers", c_int), ("eps", c_float), ("modulation", _Linear),
        ("layer", POINTER(_HeadLayer)),
    ]  # fmt: skip


class _Block(Structure):
    _fields_ = [
        *_fields("first second", _Linear),
        *_fields("norm ffn_norm mixer mixer_bias", c_void_p),
    ]


class _Stage(Structure):
    _fields_ = [
        *_fields("width ratio blocks", c_int), ("upsample", _Linear), ("block", POINTER(_Block)),
    ]  # fmt: skip


class _Decoder(Structure):
    _fields_ = [
        *_fields("stages hop state_width", c_int), ("eps", c_float), ("stage", POINTER(_Stage)),
        *_fields("head head_bias", c_void_p),
    ]  # fmt: skip


def _halves(x: Tensor) -> Tensor:
    """In fp16, as the kernels do it: what is too large becomes the largest there is."""
    most = torch.finfo(torch.float16).max
    return x.float().clamp(-most, most).half()


def _weight(norm: RMSNorm) -> Tensor:
    return torch.ones(norm.width) if norm.weight is None else norm.weight


class _Keeper:
    """Lays numbers out for the kernels and keeps them alive."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def floats(self, x: Tensor) -> int:
        """The address of fp32 numbers."""
        x = x.detach().float().contiguous()
        self._kept.append(x)
        return x.data_ptr()

    def array(self, kind: Any, items: Sequence[Any]) -> Any:
        """A C array."""
        made = (kind * len(items))(*items)
        self._kept.append(made)
        return made

    def linear(self, weight: Tensor, bias: Tensor | None = None) -> _Linear:
        """A map with weight (outputs, inputs), rounded."""
        weight = weight.detach().float().contiguous()
        outputs, inputs = weight.shape
        wide, deep = -outputs % _PANEL + outputs, -inputs % 4 + inputs
        levels = torch.empty(wide * deep, dtype=torch.int8)
        scales, offsets = torch.empty(wide), torch.empty(wide, dtype=torch.int32)
        full = torch.zeros(wide)
        if bias is not None:
            full[:outputs] = bias.detach()
        parts = (levels, scales, offsets, full)
        addresses = [part.data_ptr() for part in parts]
        load().vv_pack(
            c_void_p(weight.data_ptr()), outputs, inputs, *(c_void_p(a) for a in addresses[:3])
        )
        self._kept += parts
        return _Linear(outputs, inputs, *addresses)

    def gated(self, mlp: Mlp) -> _Linear:
        """The gates and values of a SwiGLU, 16 and 16 by turns: they are at hand together."""
        half = _PANEL // 2
        pair = [
            functional.pad(m.weight.detach().float(), (0, 0, 0, -len(m.weight) % half))
            for m in (mlp.gate_proj, mlp.up_proj)
        ]
        both = torch.stack([w.view(-1, half, w.shape[1]) for w in pair], dim=1)
        return self.linear(both.flatten(0, 2))


class _Counter(_Keeper):
    """Counts the bytes instead; takes meta tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def floats(self, x: Tensor) -> int:
        """See `_Keeper`."""
        self.bytes += 4 * x.numel()
        return 0

    def linear(self, weight: Tensor, bias: Tensor | None = None) -> _Linear:
        """See `_Keeper`."""
        outputs, inputs = weight.shape
        self.bytes += (-outputs % _PANEL + outputs) * (-inputs % 4 + inputs + 12)
        return _Linear()


class _Exact(nn.Module):
    """A linear map in fp32 whose result for a row does not depend on the other rows."""

    def __init__(self, weight: Tensor, bias: Tensor | None, threads: int) -> None:
        super().__init__()
        self.weight: Tensor
        self.bias: Tensor | None
        self.register_buffer("weight", weight.detach().float().T.contiguous())
        self.register_buffer("bias", None if bias is None else bias.detach().float())
        self._threads = threads

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) → (B, outputs)."""
        x = x.contiguous()
        inputs, outputs = self.weight.shape
        y = torch.empty(len(x), outputs)
        load().vv_product(
            c_void_p(x.data_ptr()), len(x), inputs, c_void_p(self.weight.data_ptr()),
            None if self.bias is None else c_void_p(self.bias.data_ptr()), outputs,
            c_void_p(y.data_ptr()), self._threads,
        )  # fmt: skip
        return y


def _make_exact(part: nn.Module, threads: int) -> nn.Module:
    """The same part, in fp32 and with exact linear maps."""
    if isinstance(part, nn.Linear):
        return _Exact(part.weight, part.bias, threads)
    if isinstance(part, CausalConv):  # over one frame and its past, side by side
        return _Exact(part.weight.transpose(1, 2).flatten(1), part.bias, threads)
    if not isinstance(part, TimestepEmbedder):
        for name, child in part.named_children():
            part.set_submodule(name, _make_exact(child, threads))
    return part.float()


def _stack(keep: _Keeper, part: Transformer) -> _Stack:
    config = part.config
    layers = []
    for layer in part.layers:
        assert isinstance(layer, Layer)
        attention = layer.self_attn
        maps = (attention.q_proj, attention.k_proj, attention.v_proj)
        layers.append(
            _Layer(
                keep.linear(torch.cat([m.weight for m in maps]), torch.cat([m.bias for m in maps])),
                keep.linear(attention.o_proj.weight),
                keep.gated(layer.mlp),
                keep.linear(layer.mlp.down_proj.weight),
                keep.floats(_weight(layer.input_layernorm)),
                keep.floats(_weight(layer.post_attention_layernorm)),
            )
        )
    return _Stack(
        config.hidden, config.heads, config.kv_heads, config.head_dim, config.mlp, len(layers),
        config.norm_eps, keep.array(_Layer, layers),
        None if part.norm is None else keep.floats(_weight(part.norm)),
    )  # fmt: skip


def _head(keep: _Keeper, head: DiffusionHead) -> _Head:
    """The layers; what maps latents and conditions into them and out of them stays PyTorch."""
    config = head.config
    layers = []
    for layer in head.layers:
        assert isinstance(layer, HeadLayer)
        gated, down = keep.gated(layer.ffn), keep.linear(layer.ffn.down_proj.weight)
        layers.append(_HeadLayer(gated, down, keep.floats(_weight(layer.norm))))
    return _Head(
        config.hidden, config.ffn, len(layers), config.norm_eps,
        keep.linear(torch.cat(head.modulations)), keep.array(_HeadLayer, layers),
    )  # fmt: skip


def _decoder(keep: _Keeper, decoder: Decoder) -> _Decoder:
    """All behind the stem, which stays PyTorch."""
    config = decoder.config
    stages = []
    for i, (blocks, width) in enumerate(zip(decoder.stages, config.channels, strict=True)):
        assert isinstance(blocks, nn.ModuleList)
        upsample, ratio = _Linear(), 0
        if i:
            up = decoder.upsamples[i - 1]
            assert isinstance(up, Upsample)
            ratio = up.stride
            upsample = keep.linear(torch.cat(up.maps(), dim=1), up.bias.repeat(ratio))
        array = keep.array(_Block, [_block(keep, block) for block in blocks])
        stages.append(_Stage(width, ratio, len(blocks), upsample, array))
    head = decoder.head
    return _Decoder(
        len(stages), config.hop, config.state_width, config.norm_eps, keep.array(_Stage, stages),
        keep.floats(head.weight[0].T), keep.floats(head.bias),
    )  # fmt: skip


def _block(keep: _Keeper, block: nn.Module) -> _Block:
    assert isinstance(block, Block)
    mixer, first, second = block.mixer, block.linear1, block.linear2
    gamma, ffn_gamma = block.gamma.detach().float(), block.ffn_gamma.detach().float()
    return _Block(
        keep.linear(first.weight, first.bias),
        keep.linear(second.weight.detach() * ffn_gamma[:, None], second.bias.detach() * ffn_gamma),
        keep.floats(_weight(block.norm)),
        keep.floats(_weight(block.ffn_norm)),
        keep.floats((mixer.weight[:, 0].detach() * gamma[:, None]).T),
        keep.floats(mixer.bias.detach() * gamma),
    )


_BUILDERS: Mapping[str, Callable[[_Keeper, Any], Any]] = {
    "decoder": _decoder,
    "tts_language_model": _stack,
    "language_model": _stack,
    "prediction_head": _head,
}
_OUTSIDE = {
    "prediction_head": ("noisy_images_proj", "cond_proj", "t_embedder", "final_layer.linear"),
    "decoder": ("stem",),
}
"""What of these parts stays PyTorch, in fp32: small, and close to the latents."""


@functools.lru_cache(maxsize=4)
def weight_bytes(config: VibeVoiceConfig) -> Mapping[str, int]:
    """Memory that the weights of each part take in a `NativeExecutor`."""
    with torch.device("meta"):
        network = Network(config)
    sizes = {}
    for name, part in network.named_children():
        size = 2 if name == "embed_tokens" else 4  # that one stays as it is published, bf16
        outside = [part.get_submodule(n) for n in _OUTSIDE.get(name, ())]
        kept = outside if name in _BUILDERS else [part]
        sizes[name] = sum(size * t.numel() for p in kept for t in p.state_dict().values())
        if name in _BUILDERS:
            counter = _Counter()
            _BUILDERS[name](counter, part)
            sizes[name] += counter.bytes
    return sizes


class NativeExecutor(Host):
    """An `Executor` on the kernels in `native/`."""

    dtype = torch.float32
    kv_dtype = torch.float16  # an eighth of the rounding of bf16; what it cannot hold is cut off
    together = 3

    def __init__(self, network: Network, weights: Weights, threads: int) -> None:
        """Lay out the parts of `network`, which is on the meta device, one after the other.

        Each is filled from `weights` for that long only; the whole is never in memory.

        Raises:
            native.NotHere: the kernels cannot run on this machine.
        """
        self._kernels = load()
        self._threads = threads
        self._keeper = _Keeper()
        self.config = network.config
        built: dict[str, Any] = {}
        for name, part in network.named_children():
            weights.fill(part, name)
            if name in _BUILDERS:
                built[name] = _BUILDERS[name](self._keeper, part)
                outside = {
                    path: _make_exact(copy.deepcopy(part.get_submodule(path)), threads)
                    for path in _OUTSIDE.get(name, ())
                }
                part.to("meta")
                for path, kept in outside.items():
                    part.set_submodule(path, kept)
            elif name != "embed_tokens":
                _make_exact(part, threads)
            give_back_memory()
        self._speech: _Stack = built["tts_language_model"]
        self._text: _Stack = built["language_model"]
        self._head: _Head = built["prediction_head"]
        self._decoder: _Decoder = built["decoder"]
        self._network = network
        self.input_types = network.input_types

    def hold(self, branch: Branch) -> Branch:
        """See `Executor`; here keys lie as native/attention.h wants them."""
        keys, values = _halves(branch.prompt.keys), _halves(branch.prompt.values)
        full = functional.pad(keys, (0, 0, 0, -keys.shape[2] % LANES))
        blocks = full.view(*full.shape[:2], -1, LANES, full.shape[3]).transpose(3, 4)
        return Branch(branch.hidden.float(), Prompt(blocks.contiguous(), values.contiguous()))

    def embed(self, ids: Tensor) -> Tensor:
        """See `Executor`."""
        return self._network.embed(ids).float()

    def read_text(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """See `Executor`."""
        return self._run(self._text, self.config.text_lm.rope_theta, x, cache, slots, counts)

    def read_speech(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        """See `Executor`."""
        return self._run(self._speech, self.config.tts_lm.rope_theta, x, cache, slots, counts)

    def _run(
        self, stack: _Stack, theta: float, x: Tensor, cache: KVCache, slots: Sequence[int],
        counts: Sequence[int],
    ) -> Tensor:  # fmt: skip
        assert cache.layers.dtype == self.kv_dtype
        rows: list[_Row] = []
        places: list[int] = []
        far: list[int] = []
        for slot, count in zip(slots, counts, strict=True):
            prompt, written = held_prompt(cache, slot), cache.written[slot]
            keys, values = prompt.keys.data_ptr(), prompt.values.data_ptr()
            rows.append(_Row(keys, values, prompt.positions, 0, slot, len(places), count, written))
            own = range(written, written + count)
            places += [prompt.positions + i for i in own]
            far += [prompt.positions + min(i, cache.positions - 1) for i in own]
            cache.written[slot] += count
        turns = rotary(torch.tensor([places, far]), stack.head_dim, theta)
        cos, sin = (turn[:, 0].contiguous() for turn in turns)
        x = x.clone(memory_format=torch.contiguous_format)
        now = _Pass(
            (_Row * len(rows))(*rows), len(rows), len(places), cos[0].data_ptr(), sin[0].data_ptr(),
            cos[1].data_ptr(), sin[1].data_ptr(), cache.layers.data_ptr(), cache.layers.shape[1],
            cache.positions,
        )  # fmt: skip
        self._kernels.vv_stack(byref(stack), byref(now), c_void_p(x.data_ptr()), self._threads)
        return x

    def condition(self, hidden: Tensor) -> Tensor:
        """See `diffusion.Head`."""
        return self._network.condition(hidden)

    def timestep(self, time: int) -> Tensor:
        """See `diffusion.Head`."""
        return self._network.timestep(time)

    def shifts(self, condition: Tensor) -> Tensor:
        """See `diffusion.Head`."""
        condition = condition.contiguous()  # and alive until the kernels have read it
        shifts = torch.empty(len(condition), self._head.modulation.outputs)
        self._kernels.vv_shifts(
            byref(self._head), c_void_p(condition.data_ptr()), len(condition),
            c_void_p(shifts.data_ptr()), self._threads,
        )  # fmt: skip
        return shifts

    def velocity(self, latent: Tensor, shifts: Tensor) -> Tensor:
        """See `diffusion.Head`."""
        head = self._network.prediction_head
        x: Tensor = head.noisy_images_proj(latent)
        self._kernels.vv_head(
            byref(self._head), c_void_p(x.data_ptr()), c_void_p(shifts.data_ptr()), len(x),
            self._threads,
        )  # fmt: skip
        out: Tensor = head.final_layer.linear(x)
        return out

    def decode(self, latents: Tensor, pool: Tensor, slots: Sequence[int]) -> Tensor:
        """See `Executor`."""
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
        """See `Executor`."""
        read: Tensor = self._network.acoustic_connector(latents)
        return read + self.input_types[SPEECH]

    def stop(self, hidden: Tensor) -> Tensor:
        """See `Executor`."""
        return self._network.stop(hidden)
