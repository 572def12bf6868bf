"""Qwen2 decoder layers.

Shapes: B rows (a row is one branch of one stream), T new positions, H hidden, N query heads, G
key/value heads, D head width.

Source: Qwen2 Technical Report (2024), arXiv 2407.10671.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vibevoice_pro.models.vibevoice.network.attention import KVCache, attend, plan_pass
from vibevoice_pro.models.vibevoice.network.config import TransformerConfig

Block = Callable[[int, Tensor, Tensor | None], tuple[Tensor, Tensor | None]]
"""What lies between two attentions: `block(i, x, mixed)` ends layer i − 1 and begins layer i.

Takes the residual stream (…, H) and the output (…, N·D) of the attention of layer i − 1 (None for
i = 0). Returns the new residual stream (…, H), normed after the last layer, and the queries, keys
and values (…, (N + 2·G)·D) of layer i (None after the last layer).
"""


class RMSNorm(nn.Module):
    """Root mean square norm over the last axis, computed in fp32."""

    def __init__(self, width: int, eps: float, affine: bool = True) -> None:
        super().__init__()
        self.width = width
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(width)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) → the same shape and type."""
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        if self.weight is not None:
            wide = wide * self.weight.float()
        return wide.to(x.dtype)


class Attention(nn.Module):
    """The linear maps around the attention of one layer; biases on query, key and value alone."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        inner = config.heads * config.head_dim
        shared = config.kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.hidden, inner)
        self.k_proj = nn.Linear(config.hidden, shared)
        self.v_proj = nn.Linear(config.hidden, shared)
        self.o_proj = nn.Linear(inner, config.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, H) → (B, T, (N + 2·G)·D), queries, keys and values."""
        return torch.cat([self.q_proj(x), self.k_proj(x), self.v_proj(x)], dim=-1)


class Mlp(nn.Module):
    """SwiGLU: Shazeer, GLU Variants Improve Transformer (2020), arXiv 2002.05202."""

    def __init__(self, hidden: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(…, hidden) → (…, hidden)."""
        out: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    """Attention and MLP, each behind a norm and around a residual."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden, config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden, config.norm_eps)
        self.mlp = Mlp(config.hidden, config.mlp)


class Transformer(nn.Module):
    """A stack of layers, with a final norm in the TTS LM and without in the text LM."""

    def __init__(self, config: TransformerConfig, final_norm: bool) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.hidden, config.norm_eps) if final_norm else None

    def block(self, index: int, x: Tensor, mixed: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """One layer of the stack."""
        if mixed is not None:
            ending = self.layers[index - 1]
            assert isinstance(ending, Layer)
            x = x + ending.self_attn.o_proj(mixed)
            x = x + ending.mlp(ending.post_attention_layernorm(x))
        if index == len(self.layers):
            return (x if self.norm is None else self.norm(x)), None
        begun = self.layers[index]
        assert isinstance(begun, Layer)
        return x, begun.self_attn(begun.input_layernorm(x))


def run_layers(
    config: TransformerConfig, block: Block, x: Tensor, cache: KVCache, slots: Sequence[int],
    counts: Sequence[int],
) -> Tensor:  # fmt: skip
    """Process the next positions of each row and return their hidden states.

    The blocks get all positions as one batch, so that rows of different lengths need no padding;
    only attention works on rows.

    Args:
        x: (sum of counts, H), the positions of the first row, then those of the next.
        cache: keys and values of the rows' past; the new ones are written to it.
        slots: the slot of each row, all different.
        counts: how many positions each row takes.

    Returns:
        (sum of counts, H).
    """
    width = max(counts)
    now = plan_pass(config, cache, slots, counts, width)
    even = min(counts) == width
    flat, qkv = block(0, x[:, None], None)
    for layer in range(config.layers):
        assert qkv is not None
        if even:
            rows = qkv.view(len(slots), width, -1)
        else:
            rows = qkv.new_zeros(len(slots), width, qkv.shape[-1])
            rows[now.row, now.new] = qkv[:, 0]
        mixed = attend(config, rows, cache, layer, now)
        mixed = mixed.flatten(0, 1) if even else mixed[now.row, now.new]
        flat, qkv = block(layer + 1, flat, mixed[:, None])
    for slot, count in zip(slots, counts, strict=True):
        cache.written[slot] += count
    return flat[:, 0]
