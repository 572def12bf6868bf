"""Attention over a pool of key/value cache slots.

Shapes: B rows (a row is one branch of one stream), T new positions, N query heads, G key/value
heads, D head width, P positions of a prompt.

Source of the rotary embedding: Su et al., RoFormer (2021), arXiv 2104.09864; of grouped queries:
Ainslie et al., GQA (2023), arXiv 2305.13245.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.config import TransformerConfig


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

    A slot holds the last N positions after the row's
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

    @property
    def positions(self) -> int:
        """Positions a slot holds, N."""
        return self.key.shape[3]

    @property
    def bytes(self) -> int:
        """Memory of the pool."""
        return 2 * self.key.numel() * self.key.element_size()

    def begin(self, slot: int, prompt: Prompt) -> None:
        """Let a slot begin with `prompt`; forget what was in it."""
        self.written[slot] = 0
        self.prompt[slot] = prompt


@dataclass(frozen=True)
class Pass:
    """What all layers share in one pass over B rows with up to T new positions each.

    Attributes:
        slots: (B,) the rows' slots.
        row, new, place: for each real new position its row, its index in T, and where in the slot
            it goes.
        held: how many positions of the slots are looked at.
        mask: (B, 1, T, held) additive, or None if every row sees all of `held`.
        turn: rotation of the new positions at their true place.
        prompt_turn: rotation of the queries as the prompt sees them, None if it is the same.
        prompts: rows that share a prompt, and it.
    """

    slots: Tensor
    row: Tensor
    new: Tensor
    place: Tensor
    held: int
    mask: Tensor | None
    turn: tuple[Tensor, Tensor]
    prompt_turn: tuple[Tensor, Tensor] | None
    prompts: list[tuple[Tensor, Prompt]]


def plan_pass(
    config: TransformerConfig,
    cache: KVCache,
    slots: Sequence[int],
    counts: Sequence[int],
    width: int,
) -> Pass:
    """Work out positions, places and masks once for all layers.

    Args:
        slots: the slot of each row, all different.
        counts: how many of the `width` new positions are real in each row; the rest is padding.
    """
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
    near = own.clamp(max=size - 1)
    return Pass(
        slots=torch.tensor(slots),
        row=row,
        new=new,
        place=own[row, new] % size,
        held=held,
        mask=mask,
        turn=rotary(offset + own, config.head_dim, config.rope_theta),
        prompt_turn=(
            None
            if torch.equal(near, own)
            else rotary(offset + near, config.head_dim, config.rope_theta)
        ),
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
    """Apply the rotary embedding to (B, heads, T, D); computes and returns fp32."""
    wide = x.float()
    left, right = wide.chunk(2, dim=-1)
    return wide * cos + torch.cat([-right, left], dim=-1) * sin


def attend(config: TransformerConfig, qkv: Tensor, cache: KVCache, layer: int, now: Pass) -> Tensor:
    """Causal self-attention of one layer over prompt, slot and what is new.

    Writes the new keys and values into the cache.

    Args:
        qkv: (B, T, (N + 2·G)·D), queries, keys and values side by side, not rotated.
        layer: which layer of the cache.

    Returns:
        (B, T, N·D), of the type of `qkv`.
    """
    rows, width = qkv.shape[:2]
    queries, both = config.heads, config.heads + config.kv_heads
    heads = qkv.view(rows, width, -1, config.head_dim).transpose(1, 2)
    turned = rotate(heads[:, :both], *now.turn)
    own_keys, own_values = cache.key[layer], cache.value[layer]
    owner = now.slots[now.row]
    own_keys[owner, :, now.place] = turned[now.row, queries:, now.new].to(own_keys.dtype)
    own_values[owner, :, now.place] = heads[now.row, both:, now.new].to(own_values.dtype)

    query = turned[:, :queries]
    keys = own_keys[:, :, : now.held].index_select(0, now.slots)
    values = own_values[:, :, : now.held].index_select(0, now.slots)
    score, out = _attend(query, keys, values, now.mask)

    if now.prompt_turn is not None:
        query = rotate(heads[:, :queries], *now.prompt_turn)
    for some, prompt in now.prompts:
        every = len(some) == rows
        asked = query if every else query[some]
        more_score, more = _attend(asked, prompt.keys[layer], prompt.values[layer], None)
        # Softmax over both parts, from the log-sums of each.
        share = torch.sigmoid(score[some] - more_score)[..., None]
        out[some] = torch.lerp(more, out[some], share)
    return out.to(qkv.dtype).transpose(1, 2).flatten(2)


def _attend(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Attention over one part of the past, softmax in fp32.

    Args:
        query: (B, heads, T, D), fp32.
        keys, values: (B, G, held, D), or without B where all rows share them.
        mask: (B, 1, T, held), additive.

    Returns:
        log-sum-exp of the scores (B, heads, T), and the mixture (B, heads, T, D), both fp32.
    """
    rows, heads, width, size = query.shape
    groups = keys.shape[-3]
    # Heads that share keys side by side: (B, G, heads/G·T, D).
    shaped = query.reshape(rows, groups, heads // groups * width, size)
    scores = (shaped.to(keys.dtype) @ keys.transpose(-1, -2)).float() / math.sqrt(size)
    scores = scores.view(rows, heads, width, -1)
    if mask is not None:
        scores = scores + mask
    total = scores.logsumexp(dim=-1)
    weights = (scores - total[..., None]).exp().to(values.dtype)
    mixed = weights.view(rows, groups, heads // groups * width, -1) @ values
    return total, mixed.float().reshape(rows, heads, width, size)
