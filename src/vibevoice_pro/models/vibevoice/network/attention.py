"""Attention over a pool of key/value cache slots.

Shapes: B rows (a row is one branch of one stream), T new positions, N query heads, G key/value
heads, D head width, P positions of a prompt.

Source of the rotary embedding: Su et al., RoFormer (2021), arXiv 2104.09864; of grouped queries:
Ainslie et al., GQA (2023), arXiv 2305.13245.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.network.config import TransformerConfig

BLOCK = 16
"""A slot holds a multiple of this many positions; executors may lay out each block differently."""


@dataclass(frozen=True, eq=False)
class Prompt:
    """Keys and values of a voice's prompt in one transformer; shared by all streams of the voice.

    Attributes:
        keys, values: (layers, G, P, D); keys are rotated to the positions 0 to P − 1.
    """

    keys: Tensor
    values: Tensor

    @property
    def positions(self) -> int:
        """Its length, P."""
        return self.values.shape[2]


@dataclass(frozen=True)
class SavedSlot:
    """What `KVCache.restore` needs.

    Attributes:
        written: positions after the prompt, dropped ones included.
        blocks: (n,), blocks of the slot that were copied, None: none.
        numbers: (layers, 2·G, n, 16·D), what they held.
    """

    written: int
    blocks: Tensor | None = None
    numbers: Tensor | None = None


class KVCache:
    """One preallocated pool of slots for all layers of one transformer.

    A slot is a ring buffer of the last N positions after the row's prompt; the prompt itself is
    never dropped and is not copied into the slot. Until something is dropped, this is full
    attention. From then on the prompt is attended to as if it were right before the positions held,
    so that no distance exceeds P + N however long a row becomes. Source of the pinned beginning:
    Xiao et al., Efficient Streaming Language Models with Attention Sinks (2023), arXiv 2309.17453.
    """

    def __init__(
        self, config: TransformerConfig, slots: int, positions: int, dtype: torch.dtype,
        device: torch.device | None = None,
    ) -> None:  # fmt: skip
        # The keys of all key/value heads, then their values.
        self.layers = torch.zeros(
            config.layers, slots, 2 * config.kv_heads, positions, config.head_dim,
            dtype=dtype, device=device,
        )  # fmt: skip
        self.written = [0] * slots  # positions after the prompt, dropped ones included
        self.prompt: list[Prompt | None] = [None] * slots

    @property
    def positions(self) -> int:
        """Positions a slot holds, N."""
        return self.layers.shape[3]

    def save(self, slot: int, most: int) -> SavedSlot:
        """Save what writing up to `most` further positions to a slot would overwrite.

        Nothing, until the ring buffer is full; then the oldest positions, copied in whole blocks.
        """
        written, size = self.written[slot], self.positions
        if written + most <= size:
            return SavedSlot(written)
        first = written % size // BLOCK
        count = (written % size + most - 1) // BLOCK + 1 - first
        blocks = sorted({(first + i) % (size // BLOCK) for i in range(count)})
        which = torch.tensor(blocks, device=self.layers.device)
        return SavedSlot(written, which, self._blocks(slot)[:, :, which])

    def restore(self, slot: int, saved: SavedSlot) -> None:
        """Undo what was written to a slot since `save`."""
        self.written[slot] = saved.written
        if saved.blocks is not None and saved.numbers is not None:
            self._blocks(slot)[:, :, saved.blocks] = saved.numbers

    def _blocks(self, slot: int) -> Tensor:
        """A slot as (layers, 2·G, N / 16, 16·D), in any layout of a block."""
        return self.layers[:, slot].view(
            len(self.layers), self.layers.shape[2], self.positions // BLOCK, -1
        )

    def begin(self, slot: int, prompt: Prompt) -> None:
        """Begin a slot anew with `prompt`."""
        self.written[slot] = 0
        self.prompt[slot] = prompt


@dataclass(frozen=True)
class Pass:
    """What all layers share in one pass over B rows with up to T new positions each.

    Attributes:
        slots: (B,) the rows' slots; a range of the pool where they follow each other.
        row, new, place: for each real new position its row, its index in T, and where in the slot
            it goes.
        owner: its slot.
        held: the number of places of the slots that are attended to.
        mask: (B, 1, heads/G·T, held) additive, or None if every row sees all of `held`.
        turn: rotation of the new positions, for all heads; the identity for values.
        prompt_turn: rotation of the queries for the prompt, None if it is the same.
        prompts: each prompt, and the number of consecutive rows that have it.
        order: (B,) permutation of the rows to the order of `prompts`, and its inverse; None: none.
    """

    slots: Tensor | slice
    row: Tensor
    new: Tensor
    owner: Tensor
    place: Tensor
    held: int
    mask: Tensor | None
    turn: tuple[Tensor, Tensor]
    prompt_turn: tuple[Tensor, Tensor] | None
    prompts: list[tuple[Prompt, int]]
    order: tuple[Tensor, Tensor] | None


def plan_pass(
    config: TransformerConfig,
    cache: KVCache,
    slots: Sequence[int],
    counts: Sequence[int],
    width: int,
) -> Pass:
    """Compute positions, places and masks once for all layers.

    Args:
        slots: the slot of each row, all different.
        counts: how many of the `width` new positions are real in each row; the rest is padding.
    """
    size = cache.positions
    prompts = [held_prompt(cache, slot) for slot in slots]
    begin = torch.tensor([cache.written[s] for s in slots])
    offset = torch.tensor([p.positions for p in prompts])[:, None]
    count = torch.tensor(counts)
    own = begin[:, None] + torch.arange(width)  # (B, T): index after the prompt
    row, new = (torch.arange(width) < count[:, None]).nonzero(as_tuple=True)
    end = begin + count
    held = int(end.clamp(max=size).max())
    # The position in each place of a slot after this pass; negative: none yet.
    places = torch.arange(held)
    stands = end[:, None] - 1 - (end[:, None] - 1 - places) % size
    seen = (stands[:, None] <= own[:, :, None]) & (stands[:, None] >= 0)  # (B, T, held)
    mask = None
    if not bool(seen.all()):
        mask = torch.zeros(seen.shape).masked_fill(~seen, -torch.inf)[:, None]
        mask = mask.repeat(1, 1, config.heads // config.kv_heads, 1)
    near = own.clamp(max=size - 1)
    far = bool((near != own).any())
    shared = Counter(prompts)
    rank = {prompt: i for i, prompt in enumerate(shared)}
    order = sorted(range(len(slots)), key=lambda i: rank[prompts[i]])
    first = slots[0]
    follow = list(slots) == list(range(first, first + len(slots)))
    all_slots = torch.tensor(slots)

    def put(tensor: Tensor) -> Tensor:
        return tensor.to(cache.layers.device, non_blocking=True)

    def turning(positions: Tensor, queries: bool = False) -> tuple[Tensor, Tensor]:
        cos, sin = _turn(config, positions, queries)
        return put(cos), put(sin)

    return Pass(
        slots=slice(first, first + len(slots)) if follow else put(all_slots),
        row=put(row),
        new=put(new),
        owner=put(all_slots[row]),
        place=put(own[row, new] % size),
        held=held,
        mask=None if mask is None else put(mask),
        turn=turning(offset + own),
        prompt_turn=turning(offset + near, queries=True) if far else None,
        prompts=[*shared.items()],
        order=(
            None
            if order == sorted(order)
            else (put(torch.tensor(order)), put(torch.tensor(order).argsort()))
        ),
    )


def held_prompt(cache: KVCache, slot: int) -> Prompt:
    """The prompt that a slot in use began with."""
    prompt = cache.prompt[slot]
    assert prompt is not None, "the slot was not taken"
    return prompt


def rotary(positions: Tensor, width: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosine and sine, (B, 1, T, width) each, of the rotary embedding at `positions` (B, T).

    Angles are computed in fp64: after hours, positions are too large for the precision of fp32.
    The first half of the sines is negative, see `rotate`.
    """
    rate = theta ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angle = positions[:, None, :, None].double() * rate
    cos, sin = angle.cos().float(), angle.sin().float()
    return torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply the rotary embedding to (B, heads, T, D); computes and returns fp32."""
    wide = x.float()
    half = wide.shape[-1] // 2
    swapped = torch.cat([wide[..., half:], wide[..., :half]], dim=-1)
    return torch.addcmul(wide * cos, swapped, sin)


def _turn(
    config: TransformerConfig, positions: Tensor, queries: bool = False
) -> tuple[Tensor, Tensor]:
    """The rotation of queries, keys and values together, (B, heads, T, D); values do not rotate."""
    cos, sin = rotary(positions, config.head_dim, config.rope_theta)
    if queries:
        return cos, sin
    turning, still = config.heads + config.kv_heads, config.kv_heads
    return (
        torch.cat(
            [cos.expand(-1, turning, -1, -1), torch.ones_like(cos).expand(-1, still, -1, -1)], 1
        ),
        torch.cat(
            [sin.expand(-1, turning, -1, -1), torch.zeros_like(sin).expand(-1, still, -1, -1)], 1
        ),
    )


def attend(config: TransformerConfig, qkv: Tensor, cache: KVCache, layer: int, now: Pass) -> Tensor:
    """Causal self-attention of one layer over prompt, slot and the new positions.

    Writes the new keys and values into the cache.

    Args:
        qkv: (B, T, (N + 2·G)·D), queries, keys and values side by side, not rotated.
        layer: which layer of the cache.

    Returns:
        (B, T, N·D), of the type of `qkv`.
    """
    rows, width = qkv.shape[:2]
    groups, queries = config.kv_heads, config.heads
    heads = qkv.view(rows, width, -1, config.head_dim).transpose(1, 2)
    turned = rotate(heads, *now.turn)
    pool = cache.layers[layer]
    pool[now.owner, :, now.place] = turned[now.row, queries:, now.new].to(pool.dtype)

    held = pool[now.slots, :, : now.held]
    query = turned[:, :queries].reshape(rows, groups, -1, config.head_dim)
    out, total = mix(query, held[:, :groups], held[:, groups:], now.mask)

    if now.prompt_turn is not None:
        query = rotate(heads[:, :queries], *now.prompt_turn).reshape(query.shape)
    if now.order is not None:
        query = query[now.order[0]]
    parts = []
    for part, (prompt, _) in zip(
        torch.split(query, [n for _, n in now.prompts]), now.prompts, strict=True
    ):
        # Rows that share a prompt are batched as more queries of one row.
        together = part.transpose(0, 1).reshape(1, groups, -1, config.head_dim)
        some, score = mix(together, prompt.keys[layer][None], prompt.values[layer][None], None)
        shape = (groups, len(part), -1)
        parts.append((some.reshape(*shape, config.head_dim), score.reshape(shape)))
    more, more_total = (torch.cat(p, dim=1).transpose(0, 1) for p in zip(*parts, strict=True))
    if now.order is not None:
        more, more_total = more[now.order[1]], more_total[now.order[1]]
    # Combine the softmax of both parts by their log-sum-exp.
    share = torch.sigmoid(total - more_total)[..., None].float()
    out = torch.lerp(more.float(), out.float(), share)
    return out.reshape(rows, queries, width, -1).transpose(1, 2).flatten(2).to(qkv.dtype)


def mix(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Attention over one part of the keys, softmax in fp32.

    Args:
        query: (B, G, Q, D), fp32; the Q queries of a group share its keys.
        keys, values: (B, G, held, D).
        mask: (B, 1, Q, held), additive.

    Returns:
        the mixture (B, G, Q, D), and the log-sum-exp of the scores (B, G, Q), fp32.
    """
    query = query.to(keys.dtype)
    if query.device.type == "cpu":  # one kernel that returns both
        mask = None if mask is None else mask.to(keys.dtype)
        out, total = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, keys, values, attn_mask=mask
        )
        return out, total
    scores = (query @ keys.transpose(-1, -2)).float() / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores + mask
    total = scores.logsumexp(dim=-1)
    return (scores - total[..., None]).exp().to(values.dtype) @ values, total
