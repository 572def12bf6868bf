"""Qwen2 decoder layers over a pool of key/value cache slots.

Shapes: B rows (a row is one branch of one stream), T new positions, H hidden, N query heads, G
key/value heads, D head width, S slots, P positions a slot holds.

Source: Qwen2 Technical Report (2024), arXiv 2407.10671; rotary embedding: Su et al., RoFormer
(2021), arXiv 2104.09864; grouped queries: Ainslie et al., GQA (2023), arXiv 2305.13245.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Prompt:
    """What a voice's prompt left in the caches of one transformer; shared by all its streams.

    Attributes:
        keys, values: (layers, G, P, D); keys are rotated to the positions 0 to P − 1.
    """

    keys: Tensor
    values: Tensor

    @property
    def positions(self) -> int:
        """Its length, P."""
        return self.keys.shape[2]


class KVCache:
    """One preallocated pool of slots for all layers of one transformer.

    A row owns a slot from `take` to `give_back`. A slot holds the last N positions after the row's
    prompt; the prompt itself is never dropped and is not copied into the slot. While nothing has
    been dropped, this is full attention. From then on the prompt is seen as if it lay right before
    the positions held, so that no distance grows beyond P + N however long a row goes on. Source of
    the idea, a pinned beginning and a window: Xiao et al., Efficient Streaming Language Models with
    Attention Sinks (2023), arXiv 2309.17453.
    """

    def __init__(
        self, config: TransformerConfig, slots: int, positions: int, dtype: torch.dtype
    ) -> None:
        shape = (config.layers, slots, config.kv_heads, positions, config.head_dim)
        self.key = torch.zeros(shape, dtype=dtype)
        self.value = torch.zeros(shape, dtype=dtype)
        self.written = [0] * slots  # positions after the prompt, dropped ones included
        self.prompt: list[Prompt | None] = [None] * slots
        self._free = list(range(slots))[::-1]

    @property
    def positions(self) -> int:
        """Positions a slot holds, N."""
        return self.key.shape[3]

    @property
    def free(self) -> int:
        """Slots nobody owns."""
        return len(self._free)

    @property
    def bytes(self) -> int:
        """Memory of the pool."""
        return 2 * self.key.numel() * self.key.element_size()

    def take(self, prompt: Prompt) -> int:
        """Own a slot that begins with `prompt`."""
        slot = self._free.pop()
        self.restart(slot, prompt)
        return slot

    def restart(self, slot: int, prompt: Prompt) -> None:
        """Forget everything after the prompt."""
        self.written[slot] = 0
        self.prompt[slot] = prompt

    def give_back(self, slot: int) -> None:
        """Give a slot back."""
        self.prompt[slot] = None
        self._free.append(slot)


@dataclass(frozen=True)
class _Pass:
    """What all layers share in one pass over B rows with up to T new positions each.

    Attributes:
        slots: (B,) the rows' slots.
        row, new, place: for each real new position its row, its index in T, and where in the slot
            it goes.
        held: how many positions of the slots are looked at.
        mask: (B, 1, T, held) additive, or None if every row sees all of `held`.
        turn: rotation of the new positions at their true place.
        prompt_turn: rotation of the queries as the prompt sees them.
        prompts: rows that share a prompt, and it.
    """

    slots: Tensor
    row: Tensor
    new: Tensor
    place: Tensor
    held: int
    mask: Tensor | None
    turn: tuple[Tensor, Tensor]
    prompt_turn: tuple[Tensor, Tensor]
    prompts: list[tuple[Tensor, Prompt]]


def _plan(
    config: TransformerConfig,
    cache: KVCache,
    slots: Sequence[int],
    counts: Sequence[int],
    width: int,
) -> _Pass:
    """Work out positions, places and masks once for all layers."""
    size = cache.positions
    begin = torch.tensor([cache.written[s] for s in slots])
    own = begin[:, None] + torch.arange(width)  # (B, T): index after the prompt
    offset = torch.tensor([_prompt(cache, s).positions for s in slots])[:, None]
    real = torch.arange(width) < torch.tensor(counts)[:, None]
    row, new = real.nonzero(as_tuple=True)
    end = begin + torch.tensor(counts)
    held = int(end.clamp(max=size).max())
    # The position that stands in each place of a slot after this pass; negative: none yet.
    places = torch.arange(held)
    stands = end[:, None] - 1 - (end[:, None] - 1 - places) % size
    seen = (stands[:, None] <= own[:, :, None]) & (stands[:, None] >= 0)  # (B, T, held)
    mask = None
    if not bool(seen.all()):
        mask = torch.zeros(seen.shape).masked_fill(~seen, -torch.inf)[:, None]
    together: dict[int, list[int]] = {}
    for i, slot in enumerate(slots):
        together.setdefault(id(cache.prompt[slot]), []).append(i)
    return _Pass(
        slots=torch.tensor(slots),
        row=row,
        new=new,
        place=own[row, new] % size,
        held=held,
        mask=mask,
        turn=rotary(offset + own, config.head_dim, config.rope_theta),
        prompt_turn=rotary(offset + own.clamp(max=size - 1), config.head_dim, config.rope_theta),
        prompts=[(torch.tensor(r), _prompt(cache, slots[r[0]])) for r in together.values()],
    )


def _prompt(cache: KVCache, slot: int) -> Prompt:
    prompt = cache.prompt[slot]
    assert prompt is not None, "the slot was not taken"
    return prompt


def rotary(positions: Tensor, width: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosine and sine, (B, 1, T, width) each, of the rotary embedding at `positions` (B, T).

    The angles are computed in fp64: after hours a position is too large for fp32 to hold its phase.
    """
    rate = theta ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angle = positions[:, None, :, None].double() * rate
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos().float(), angle.sin().float()


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

    def forward(self, x: Tensor, cache: KVCache, layer: int, plan: _Pass) -> Tensor:
        """(B, T, H) → (B, T, H), after writing the new keys and values into the cache."""
        config = self.config
        asked = self._heads(self.q_proj(x), config.heads)
        key = rotate(self._heads(self.k_proj(x), config.kv_heads), *plan.turn)
        value = self._heads(self.v_proj(x), config.kv_heads)
        owner = plan.slots[plan.row]
        cache.key[layer][owner, :, plan.place] = key[plan.row, :, plan.new]
        cache.value[layer][owner, :, plan.place] = value[plan.row, :, plan.new]

        query = rotate(asked, *plan.turn)
        keys = cache.key[layer][:, :, : plan.held].index_select(0, plan.slots)
        values = cache.value[layer][:, :, : plan.held].index_select(0, plan.slots)
        score, out = _attend(query, keys, values, plan.mask)

        query = rotate(asked, *plan.prompt_turn)
        for rows, prompt in plan.prompts:
            more_score, more = _attend(query[rows], prompt.keys[layer], prompt.values[layer], None)
            # Softmax over both parts, from the log-sums of each.
            share = torch.sigmoid(score[rows] - more_score)[..., None]
            out[rows] = share * out[rows] + (1 - share) * more
        merged: Tensor = self.o_proj(out.to(x.dtype).transpose(1, 2).flatten(2))
        return merged


def _attend(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Attention over one part of the past, softmax in fp32.

    Args:
        query: (B, heads, T, D).
        keys, values: (B, G, held, D), or without B where all rows share them.
        mask: (B, 1, T, held), additive.

    Returns:
        log-sum-exp of the scores (B, heads, T), and the mixture (B, heads, T, D), both fp32.
    """
    rows, heads, width, size = query.shape
    groups = keys.shape[-3]
    # Heads that share keys side by side: (B, G, heads/G·T, D).
    shaped = query.reshape(rows, groups, heads // groups * width, size)
    scores = (shaped @ keys.transpose(-1, -2)).float() / math.sqrt(size)
    scores = scores.view(rows, heads, width, -1)
    if mask is not None:
        scores = scores + mask
    total = scores.logsumexp(dim=-1)
    weights = (scores - total[..., None]).exp().to(values.dtype)
    mixed = weights.view(rows, groups, heads // groups * width, -1) @ values
    return total, mixed.float().reshape(rows, heads, width, size)


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
        plan = _plan(self.config, cache, slots, counts, width)
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            x = x + layer.self_attn(layer.input_layernorm(x), cache, index, plan)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        for slot, count in zip(slots, counts, strict=True):
            cache.written[slot] += count
        return x if self.norm is None else self.norm(x)
