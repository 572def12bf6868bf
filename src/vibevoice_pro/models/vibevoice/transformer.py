"""Qwen2 decoder layers over a pool of key/value cache slots.

Shapes: B rows (a row is one branch of one stream), T new positions, H hidden, N query heads, G
key/value heads, D head width, S slots, P positions a slot holds.

Source: Qwen2 Technical Report (2024), arXiv 2407.10671; rotary embedding: Su et al., RoFormer
(2021), arXiv 2104.09864; grouped queries: Ainslie et al., GQA (2023), arXiv 2305.13245.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vibevoice_pro.models.vibevoice.config import TransformerConfig


class RMSNorm(nn.Module):
    """Root mean square norm over the last axis, computed in fp32."""

    def __init__(self, width: int, eps: float, affine: bool = True) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(width)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) → the same shape and type."""
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        if self.weight is not None:
            wide = wide * self.weight.float()
        return wide.to(x.dtype)


class KVCache:
    """One preallocated pool of slots for all layers of one transformer.

    A row owns a slot from `take` to `give_back`. `lengths[slot]` positions of it are in use.
    """

    def __init__(
        self, config: TransformerConfig, slots: int, positions: int, dtype: torch.dtype
    ) -> None:
        shape = (config.layers, slots, config.kv_heads, positions, config.head_dim)
        self.key = torch.zeros(shape, dtype=dtype)
        self.value = torch.zeros(shape, dtype=dtype)
        self.lengths = [0] * slots
        self._free = list(range(slots))[::-1]

    @property
    def positions(self) -> int:
        """Positions a slot holds."""
        return self.key.shape[3]

    @property
    def free(self) -> int:
        """Slots nobody owns."""
        return len(self._free)

    def take(self) -> int:
        """Own a slot; it is empty."""
        slot = self._free.pop()
        self.lengths[slot] = 0
        return slot

    def give_back(self, slot: int) -> None:
        """Give a slot back."""
        self._free.append(slot)

    def fill(self, slot: int, keys: Sequence[Tensor], values: Sequence[Tensor]) -> None:
        """Begin a slot with a prompt: for each layer keys (after RoPE) and values, (1, G, P, D)."""
        length = keys[0].shape[2]
        for layer, (key, value) in enumerate(zip(keys, values, strict=True)):
            self.key[layer, slot, :, :length] = key[0]
            self.value[layer, slot, :, :length] = value[0]
        self.lengths[slot] = length


def rotary(positions: Tensor, width: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosine and sine, (B, 1, T, width) each, of the rotary embedding at `positions` (B, T)."""
    rate = theta ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)
    angle = positions[:, None, :, None].float() * rate
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply the rotary embedding to (B, heads, T, D), in fp32."""
    wide = x.float()
    left, right = wide.chunk(2, dim=-1)
    return (wide * cos + torch.cat([-right, left], dim=-1) * sin).to(x.dtype)


class Attention(nn.Module):
    """Causal self-attention of one layer; biases on query, key and value alone."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        inner = config.heads * config.head_dim
        shared = config.kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.hidden, inner)
        self.k_proj = nn.Linear(config.hidden, shared)
        self.v_proj = nn.Linear(config.hidden, shared)
        self.o_proj = nn.Linear(inner, config.hidden, bias=False)

    def _heads(self, x: Tensor, heads: int) -> Tensor:
        """(B, T, heads·D) → (B, heads, T, D)."""
        return x.view(*x.shape[:2], heads, self.config.head_dim).transpose(1, 2)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], cache: KVCache, layer: int,
        slots: Sequence[int], counts: Sequence[int],
    ) -> Tensor:  # fmt: skip
        """(B, T, H) → (B, T, H). Row b has `counts[b]` new positions, the rest of T is padding."""
        config = self.config
        query = rotate(self._heads(self.q_proj(x), config.heads), *turn)
        key = rotate(self._heads(self.k_proj(x), config.kv_heads), *turn)
        value = self._heads(self.v_proj(x), config.kv_heads)
        out = torch.zeros_like(query)
        for row, (slot, count) in enumerate(zip(slots, counts, strict=True)):
            begin = cache.lengths[slot]
            end = begin + count
            cache.key[layer, slot, :, begin:end] = key[row, :, :count]
            cache.value[layer, slot, :, begin:end] = value[row, :, :count]
            # New position i sees everything before it and itself.
            mask = None
            if count > 1:
                mask = torch.ones(count, end, dtype=torch.bool).tril(begin)
            out[row, :, :count] = functional.scaled_dot_product_attention(
                query[row : row + 1, :, :count],
                cache.key[layer, slot : slot + 1, :, :end],
                cache.value[layer, slot : slot + 1, :, :end],
                attn_mask=mask,
                enable_gqa=True,
            )[0]
        merged: Tensor = self.o_proj(out.transpose(1, 2).flatten(2))
        return merged


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
    """A stack of layers; `final_norm` closes the TTS LM, the text LM has none."""

    def __init__(self, config: TransformerConfig, final_norm: bool) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.hidden, config.norm_eps) if final_norm else None

    def forward(
        self, x: Tensor, cache: KVCache, slots: Sequence[int], counts: Sequence[int] | None = None
    ) -> Tensor:
        """Take T more positions in each row and return their hidden states.

        Args:
            x: (B, T, H); in row b the first `counts[b]` positions are real, the rest is padding.
            cache: where the rows' past is and their present goes.
            slots: the slot of each row, all different.
            counts: None: all T are real.

        Returns:
            (B, T, H); what stands at padding means nothing.
        """
        rows, width = x.shape[:2]
        counts = [width] * rows if counts is None else counts
        begins = torch.tensor([cache.lengths[s] for s in slots])
        turn = rotary(
            begins[:, None] + torch.arange(width), self.config.head_dim, self.config.rope_theta
        )
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            x = x + layer.self_attn(layer.input_layernorm(x), turn, cache, index, slots, counts)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        for slot, count in zip(slots, counts, strict=True):
            cache.lengths[slot] += count
        return x if self.norm is None else self.norm(x)
