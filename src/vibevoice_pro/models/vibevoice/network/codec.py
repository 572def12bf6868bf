"""The acoustic decoder: turns each latent into `hop` samples, streaming.

All convolutions are causal, so a stream is decoded latent by latent with a small state: the last
k − 1 inputs of each convolution, and one input of each transposed one, whose kernel is twice its
stride. Shapes: B streams, T frames at a stage's rate, C channels, S the
width of a stream's state; channels last, because most of the work is linear layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vibevoice_pro.models.vibevoice.network.config import KERNEL, DecoderConfig
from vibevoice_pro.models.vibevoice.network.transformer import RMSNorm


class CausalConv(nn.Module):
    """Convolution with kernel 7 over its input and the 6 frames before it."""

    def __init__(self, inner: int, outer: int, groups: int = 1) -> None:
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(outer, inner // groups, KERNEL))
        self.bias = nn.Parameter(torch.empty(outer))

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, inner), (B, 6, inner) → (B, T, outer) and the new past."""
        whole = torch.cat([past, x], dim=1)
        y = functional.conv1d(whole.transpose(1, 2), self.weight, self.bias, groups=self.groups)
        return y.transpose(1, 2), whole[:, 1 - KERNEL :]


class Upsample(nn.Module):
    """Causal transposed convolution with kernel 2·stride, as one linear map of two inputs."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(inner, outer, 2 * stride))
        self.bias = nn.Parameter(torch.empty(outer))
        self._linear: tuple[Tensor, Tensor] | None = None

    def maps(self) -> tuple[Tensor, Tensor]:
        """The maps of an input and of the one before it, (stride·outer, inner) each."""
        now, late = (
            part.permute(2, 1, 0).reshape(-1, self.weight.shape[0])
            for part in (self.weight[:, :, : self.stride], self.weight[:, :, self.stride :])
        )
        return now, late

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, inner), (B, 1, inner) → (B, T·stride, outer) and the new past."""
        if self._linear is None:  # laid out once
            self._linear = self.maps()
        now, late = self._linear
        before = torch.cat([past, x[:, :-1]], dim=1)
        y = functional.linear(x, now) + functional.linear(before, late)
        return y.reshape(y.shape[0], -1, self.weight.shape[1]) + self.bias, x[:, -1:]


class Block(nn.Module):
    """Depthwise convolution and MLP, each normed, scaled and residual (a ConvNeXt block).

    Source: Liu et al., A ConvNet for the 2020s (2022), arXiv 2201.03545.
    """

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.norm = RMSNorm(width, eps)
        self.mixer = CausalConv(width, width, groups=width)
        self.gamma = nn.Parameter(torch.empty(width))
        self.ffn_norm = RMSNorm(width, eps)
        self.linear1 = nn.Linear(width, 4 * width)
        self.linear2 = nn.Linear(4 * width, width)
        self.ffn_gamma = nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, C), (B, 6, C) → (B, T, C) and the new past."""
        mixed, past = self.mixer(self.norm(x), past)
        x = x + self.gamma * mixed
        y = self.linear2(functional.gelu(self.linear1(self.ffn_norm(x))))
        return x + self.ffn_gamma * y, past


class Decoder(nn.Module):
    """Stem, stages of blocks with upsampling between them, head."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.channels
        self.stem = CausalConv(config.latent, widths[0])
        self.upsamples = nn.ModuleList(
            Upsample(a, b, ratio)
            for a, b, ratio in zip(widths, widths[1:], config.ratios, strict=False)
        )
        self.stages = nn.ModuleList(
            nn.ModuleList(Block(width, config.norm_eps) for _ in range(depth))
            for width, depth in zip(widths, config.depths, strict=True)
        )
        self.head = CausalConv(widths[-1], 1)

    def forward(self, latents: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (B, T, latent), already unscaled → samples (B, T·hop).

        With it go the states (B, S) before and after.
        """
        shapes = self.config.pasts
        parts = torch.split(state, [a * b for a, b in shapes], dim=1)
        pasts = iter([part.view(-1, *s) for part, s in zip(parts, shapes, strict=True)])
        new: list[Tensor] = []

        def run(module: nn.Module, x: Tensor) -> Tensor:
            y, past = module(x, next(pasts))
            new.append(past.flatten(1))
            out: Tensor = y
            return out

        x = run(self.stem, latents)
        for i, blocks in enumerate(self.stages):
            if i:
                x = run(self.upsamples[i - 1], x)
            assert isinstance(blocks, nn.ModuleList)
            for block in blocks:
                x = run(block, x)
        return run(self.head, x).squeeze(2), torch.cat(new, dim=1)
