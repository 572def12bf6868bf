"""A model of the published size with random weights, for benchmarks and load tests.

It costs what the real one costs, and its audio is noise. The stop classifier never fires, so that a
stream can be as long as needed.
"""

from __future__ import annotations

import math
import zlib

import torch
from torch import Tensor, nn

from vibevoice_pro.models.base import Progress
from vibevoice_pro.models.vibevoice.assets.voices import Branch, VoicePrompt
from vibevoice_pro.models.vibevoice.network.attention import Prompt
from vibevoice_pro.models.vibevoice.network.config import (
    DecoderConfig,
    HeadConfig,
    TransformerConfig,
    VibeVoiceConfig,
)

PUBLISHED = VibeVoiceConfig(
    text_lm=TransformerConfig(896, 4, 14, 2, 4864, 1e6, 1e-6),
    tts_lm=TransformerConfig(896, 20, 14, 2, 4864, 1e6, 1e-6),
    head=HeadConfig(896, 64, 4, 2688, 1e-5, 1000),
    decoder=DecoderConfig(
        64, (2048, 1024, 512, 256, 128, 64, 32), (8, 3, 3, 3, 3, 3, 3), (8, 5, 5, 4, 2, 2), 1e-5
    ),
    vocab=151936,
    context=8192,
)
"""Sizes of VibeVoice-Realtime-0.5B."""

_PROMPTS = {"lm": 74, "tts_lm": 251, "neg_lm": 1, "neg_tts_lm": 1}
"""Positions of a published voice's prompt (en-Emma_woman)."""


class RandomWeights:
    """Random weights, the same every time, that keep the outputs of all parts in a normal range.

    Args: see `weights.Checkpoint`.
    """

    def __init__(
        self, network: nn.Module, dtype: torch.dtype | None = None,
        on_progress: Progress = lambda done, total: None,
    ) -> None:  # fmt: skip
        self._dtype = dtype
        self._on_progress = on_progress
        self._done, self._total = 0, sum(t.numel() for t in network.state_dict().values())

    def fill(self, part: nn.Module, name: str) -> None:
        """Load the weights of the part called `name`, which was built on the meta device."""
        prefix = f"{name}." if name else ""
        filled = {}
        for own, like in part.state_dict().items():
            drawn = _draw(prefix + own, like)
            filled[own] = drawn if self._dtype is None else drawn.to(self._dtype)
            self._done += like.numel()
            self._on_progress(self._done, self._total)
        part.load_state_dict(filled, assign=True)
        part.requires_grad_(False)


def _draw(name: str, like: Tensor) -> Tensor:
    if "tts_eos_classifier.fc2" in name:
        return torch.full(like.shape, -10.0 if name.endswith("bias") else 0.0)
    if name.endswith(("bias", "gamma")):
        return torch.full(like.shape, 0.1 if name.endswith("gamma") else 0.0)
    if like.dim() < 2:  # norms, and the scale of the latents
        return torch.ones(like.shape)
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    # Uniform numbers are drawn faster than Gaussian ones, and there are 800 million.
    spread = math.sqrt(3 / math.prod(like.shape[1:]))
    drawn = torch.empty(like.shape, dtype=torch.bfloat16)  # as the published file has it
    return drawn.uniform_(-spread, spread, generator=generator)


def random_voice(config: VibeVoiceConfig, dtype: torch.dtype, seed: int) -> VoicePrompt:
    """A voice prompt of the published length."""
    generator = torch.Generator().manual_seed(seed)

    def branch(name: str, sizes: TransformerConfig) -> Branch:
        shape = (sizes.layers, sizes.kv_heads, _PROMPTS[name], sizes.head_dim)
        keys, values = (torch.randn(shape, generator=generator).to(dtype) for _ in range(2))
        hidden = torch.randn(sizes.hidden, generator=generator).to(dtype)
        return Branch(hidden, Prompt(keys, values))

    return {
        name: branch(name, config.tts_lm if "tts" in name else config.text_lm) for name in _PROMPTS
    }
