"""The layout of weights for the native kernels: the structures of `native/` and their builders."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from ctypes import CDLL, POINTER, Structure, c_float, c_int, c_int64, c_void_p
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vibevoice_pro.models.vibevoice.network.codec import Block, Decoder, Upsample
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.diffusion import DiffusionHead, HeadLayer
from vibevoice_pro.models.vibevoice.network.network import Network
from vibevoice_pro.models.vibevoice.network.transformer import Layer, Mlp, RMSNorm, Transformer

_PANEL = 32  # outputs that lie together, see native/linear.h


def _fields(names: str, kind: Any) -> list[tuple[str, Any]]:
    return [(name, kind) for name in names.split()]


class CLinear(Structure):
    """`Linear` in native/linear.h."""

    _fields_ = [
        *_fields("outputs inputs", c_int),
        *_fields("weights scales offsets bias", c_void_p),
    ]


class CLayer(Structure):
    """`Layer` in native/stack.h."""

    _fields_ = [*_fields("qkv out gate_up down", CLinear), *_fields("norm post_norm", c_void_p)]


class CStack(Structure):
    """`Stack` in native/stack.h."""

    _fields_ = [
        *_fields("hidden heads kv_heads head_dim mlp layers", c_int), ("eps", c_float),
        ("layer", POINTER(CLayer)), ("final_norm", c_void_p),
    ]  # fmt: skip


class CRow(Structure):
    """`Row` in native/stack.h, with the `Prompt` in it."""

    _fields_ = [
        *_fields("keys values", c_void_p), *_fields("positions padding", c_int),
        *_fields("slot first count", c_int), ("written", c_int64),
    ]  # fmt: skip


class CPass(Structure):
    """`Pass` in native/stack.h."""

    _fields_ = [
        ("rows", POINTER(CRow)), *_fields("count positions", c_int),
        *_fields("cos sin far_cos far_sin pool", c_void_p), *_fields("slots window", c_int),
    ]  # fmt: skip


class CHeadLayer(Structure):
    """`HeadLayer` in native/head.h."""

    _fields_ = [*_fields("gate_up down", CLinear), ("norm", c_void_p)]


class CHead(Structure):
    """`Head` in native/head.h."""

    _fields_ = [
        *_fields("hidden ffn layers", c_int), ("eps", c_float), ("modulation", CLinear),
        ("layer", POINTER(CHeadLayer)),
    ]  # fmt: skip


class CBlock(Structure):
    """`Block` in native/decoder.h."""

    _fields_ = [
        *_fields("first second", CLinear),
        *_fields("norm ffn_norm mixer mixer_bias", c_void_p),
    ]


class CStage(Structure):
    """`Stage` in native/decoder.h."""

    _fields_ = [
        *_fields("width ratio blocks", c_int), ("upsample", CLinear), ("block", POINTER(CBlock)),
    ]  # fmt: skip


class CDecoder(Structure):
    """`Decoder` in native/decoder.h."""

    _fields_ = [
        *_fields("stages hop", c_int), ("eps", c_float), ("stage", POINTER(CStage)),
        *_fields("head head_bias", c_void_p),
    ]  # fmt: skip


def _weight(norm: RMSNorm) -> Tensor:
    return torch.ones(norm.width) if norm.weight is None else norm.weight


class Keeper:
    """Lays weights out for the kernels and keeps them alive.

    Attributes:
        bytes: memory that they take.
    """

    def __init__(self, kernels: CDLL | None) -> None:
        self.bytes = 0
        self._kernels = kernels
        self._kept: list[Any] = []

    def _keep(self, *numbers: Tensor) -> None:
        self._kept += numbers
        self.bytes += sum(x.numel() * x.element_size() for x in numbers)

    def floats(self, x: Tensor) -> int:
        """The address of fp32 numbers."""
        x = x.detach().float().contiguous()
        self._keep(x)
        return x.data_ptr()

    def array(self, kind: Any, items: Sequence[Any]) -> Any:
        """A C array."""
        made = (kind * len(items))(*items)
        self._kept.append(made)
        return made

    def linear(self, weight: Tensor, bias: Tensor | None = None) -> CLinear:
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
        assert self._kernels is not None
        self._kernels.vv_pack(
            c_void_p(weight.data_ptr()), outputs, inputs, *(c_void_p(a) for a in addresses[:3])
        )
        self._keep(*parts)
        return CLinear(outputs, inputs, *addresses)

    def gated(self, mlp: Mlp) -> CLinear:
        """The gates and values of a SwiGLU, 16 and 16 by turns: they are at hand together."""
        half = _PANEL // 2
        pair = [
            functional.pad(m.weight.detach().float(), (0, 0, 0, -len(m.weight) % half))
            for m in (mlp.gate_proj, mlp.up_proj)
        ]
        both = torch.stack([w.view(-1, half, w.shape[1]) for w in pair], dim=1)
        return self.linear(both.flatten(0, 2))


class _Counter(Keeper):
    """Counts the bytes only; takes meta tensors."""

    def __init__(self) -> None:
        super().__init__(None)

    def floats(self, x: Tensor) -> int:
        """The address of fp32 numbers."""
        self.bytes += 4 * x.numel()
        return 0

    def linear(self, weight: Tensor, bias: Tensor | None = None) -> CLinear:
        """A map with weight (outputs, inputs), rounded."""
        outputs, inputs = weight.shape
        self.bytes += (-outputs % _PANEL + outputs) * (-inputs % 4 + inputs + 12)
        return CLinear()


def _stack(keep: Keeper, part: Transformer) -> CStack:
    config = part.config
    layers = []
    for layer in part.layers:
        assert isinstance(layer, Layer)
        attention = layer.self_attn
        maps = (attention.q_proj, attention.k_proj, attention.v_proj)
        layers.append(
            CLayer(
                keep.linear(torch.cat([m.weight for m in maps]), torch.cat([m.bias for m in maps])),
                keep.linear(attention.o_proj.weight),
                keep.gated(layer.mlp),
                keep.linear(layer.mlp.down_proj.weight),
                keep.floats(_weight(layer.input_layernorm)),
                keep.floats(_weight(layer.post_attention_layernorm)),
            )
        )
    return CStack(
        config.hidden, config.heads, config.kv_heads, config.head_dim, config.mlp, len(layers),
        config.norm_eps, keep.array(CLayer, layers),
        None if part.norm is None else keep.floats(_weight(part.norm)),
    )  # fmt: skip


def _head(keep: Keeper, head: DiffusionHead) -> CHead:
    """The layers; the maps of latents and conditions into and out of them stay in PyTorch."""
    config = head.config
    layers = []
    for layer in head.layers:
        assert isinstance(layer, HeadLayer)
        gated, down = keep.gated(layer.ffn), keep.linear(layer.ffn.down_proj.weight)
        layers.append(CHeadLayer(gated, down, keep.floats(_weight(layer.norm))))
    return CHead(
        config.hidden, config.ffn, len(layers), config.norm_eps,
        keep.linear(torch.cat(head.modulations)), keep.array(CHeadLayer, layers),
    )  # fmt: skip


def _decoder(keep: Keeper, decoder: Decoder) -> CDecoder:
    """Everything after the stem, which stays in PyTorch."""
    config = decoder.config
    stages = []
    for i, (blocks, width) in enumerate(zip(decoder.stages, config.channels, strict=True)):
        assert isinstance(blocks, nn.ModuleList)
        upsample, ratio = CLinear(), 0
        if i:
            up = decoder.upsamples[i - 1]
            assert isinstance(up, Upsample)
            ratio = up.stride
            upsample = keep.linear(torch.cat(up.maps(), dim=1), up.bias.repeat(ratio))
        array = keep.array(CBlock, [_block(keep, block) for block in blocks])
        stages.append(CStage(width, ratio, len(blocks), upsample, array))
    head = decoder.head
    return CDecoder(
        len(stages), config.hop, config.norm_eps, keep.array(CStage, stages),
        keep.floats(head.weight[0].T), keep.floats(head.bias),
    )  # fmt: skip


def _block(keep: Keeper, block: nn.Module) -> CBlock:
    assert isinstance(block, Block)
    mixer, first, second = block.mixer, block.linear1, block.linear2
    gamma, ffn_gamma = block.gamma.detach().float(), block.ffn_gamma.detach().float()
    return CBlock(
        keep.linear(first.weight, first.bias),
        keep.linear(second.weight.detach() * ffn_gamma[:, None], second.bias.detach() * ffn_gamma),
        keep.floats(_weight(block.norm)),
        keep.floats(_weight(block.ffn_norm)),
        keep.floats((mixer.weight[:, 0].detach() * gamma[:, None]).T),
        keep.floats(mixer.bias.detach() * gamma),
    )


BUILDERS: Mapping[str, Callable[[Keeper, Any], Any]] = {
    "decoder": _decoder,
    "tts_language_model": _stack,
    "language_model": _stack,
    "prediction_head": _head,
}
"""The builders of the parts that run on the kernels."""

OUTSIDE = {
    "prediction_head": ("noisy_images_proj", "cond_proj", "t_embedder", "final_layer.linear"),
    "decoder": ("stem",),
}
"""What stays in PyTorch, in fp32, of these parts: small maps next to the latents."""


@functools.lru_cache(maxsize=4)
def weight_bytes(config: VibeVoiceConfig) -> Mapping[str, int]:
    """Memory that the weights of each part take in a `NativeExecutor`."""
    with torch.device("meta"):
        network = Network(config)
    sizes = {}
    for name, part in network.named_children():
        size = 2 if name == "embed_tokens" else 4  # kept as published, in bf16
        outside = [part.get_submodule(n) for n in OUTSIDE.get(name, ())]
        kept = outside if name in BUILDERS else [part]
        sizes[name] = sum(size * t.numel() for p in kept for t in p.state_dict().values())
        if name in BUILDERS:
            counter = _Counter()
            BUILDERS[name](counter, part)
            sizes[name] += counter.bytes
    return sizes
