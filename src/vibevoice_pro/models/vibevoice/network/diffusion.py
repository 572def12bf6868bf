"""The diffusion head and its sampler.

Source of the sampler: Lu et al., DPM-Solver++ (2022), arXiv 2211.01095, second order, multistep,
midpoint, in its SDE form; the schedule: Nichol and Dhariwal, Improved DDPM (2021), arXiv
2102.09672; the prediction: Salimans and Ho, Progressive Distillation (2022), arXiv 2202.00512.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from vibevoice_pro.models.vibevoice.network.config import HeadConfig
from vibevoice_pro.models.vibevoice.network.transformer import Mlp, RMSNorm

_TIME_WIDTH = 256
_TIME_PERIOD = 10_000.0
_BETA_MAX = 0.999
_AHEAD = 8  # steps


@dataclass(frozen=True)
class SamplerStep:
    """One step of the solver: x ← keep·x + now·m₀ + before·(m₀ − m₁) + noise·ε.

    m₀ is this step's estimate of the clean latent, `alpha·x − sigma·v`, m₁ the one before.
    """

    timestep: int
    alpha: float
    sigma: float
    keep: float
    now: float
    before: float
    noise: float


@functools.lru_cache(maxsize=64)
def sampler_plan(steps: int, train_steps: int = 1000) -> tuple[SamplerStep, ...]:
    """The coefficients of all `steps` steps, from noise to the clean latent.

    Squared-cosine betas capped at 0.999, evenly spaced timesteps, last sigma zero, first order in
    the first and in the last step.
    """

    def bar(t: float) -> float:
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    product, ratios = 1.0, []  # sigma/alpha of each training step
    for i in range(train_steps):
        product *= 1 - min(1 - bar((i + 1) / train_steps) / bar(i / train_steps), _BETA_MAX)
        ratios.append(math.sqrt((1 - product) / product))
    # numpy rounds halves to even, as Python does.
    times = [round((train_steps - 1) * (steps - i) / steps) for i in range(steps)]
    levels = [ratios[t] for t in times] + [0.0]

    def split(level: float) -> tuple[float, float]:
        alpha = 1 / math.sqrt(level * level + 1)
        return alpha, level * alpha

    plan = []
    for i, time in enumerate(times):
        (alpha, sigma), (alpha_next, sigma_next) = split(levels[i]), split(levels[i + 1])
        last = i == steps - 1
        # h is the step in log signal-to-noise; exp(−h) is the ratio of the levels.
        shrink = levels[i + 1] / levels[i]
        now = alpha_next * (1 - shrink**2)
        before = 0.0
        if 0 < i < steps - 1:
            h, h_before = -math.log(shrink), math.log(levels[i - 1] / levels[i])
            before = 0.5 * now * h / h_before
        plan.append(
            SamplerStep(
                timestep=time,
                alpha=alpha,
                sigma=sigma,
                keep=0.0 if last else sigma_next / sigma * shrink,
                now=now,
                before=before,
                noise=sigma_next * math.sqrt(1 - shrink**2),
            )
        )
    return tuple(plan)


class TimestepEmbedder(nn.Module):
    """Maps a timestep to its conditioning vector; always in fp32."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(_TIME_WIDTH, hidden, bias=False),
            nn.SiLU(),
            nn.Linear(hidden, hidden, bias=False),
        )
        self._known: dict[int, Tensor] = {}

    def at(self, time: int) -> Tensor:
        """The vector of one timestep, (hidden,); each is computed once."""
        if time not in self._known:
            weight = self.mlp.get_parameter("0.weight")
            self._known[time] = self(torch.tensor([time], device=weight.device))[0]
        return self._known[time]

    def forward(self, timesteps: Tensor) -> Tensor:
        """(B,) → (B, hidden): sinusoids, cosine first, and two linear layers."""
        half = _TIME_WIDTH // 2
        steps = torch.arange(half, device=timesteps.device)
        rate = torch.exp(-math.log(_TIME_PERIOD) * steps / half)
        angle = timesteps.float()[:, None] * rate
        x = torch.cat([angle.cos(), angle.sin()], dim=-1)
        first, second = (self.mlp.get_parameter(f"{i}.weight").float() for i in (0, 2))
        return silu(x @ first.T) @ second.T


class HeadLayer(nn.Module):
    """A SwiGLU block whose norm is shifted, scaled and gated by the condition (AdaLN).

    Source: Peebles and Xie, Scalable Diffusion Models with Transformers (2022), arXiv 2212.09748.
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.ffn = Mlp(config.hidden, config.ffn)
        self.norm = RMSNorm(config.hidden, config.norm_eps)
        self.adaLN_modulation = nn.Sequential(
            nn.SiLU(), nn.Linear(config.hidden, 3 * config.hidden, bias=False)
        )

    def forward(self, x: Tensor, shifts: Tensor) -> Tensor:
        """(B, hidden), shift, scale and gate (B, 3·hidden) → (B, hidden)."""
        shift, scale, gate = shifts.chunk(3, dim=-1)
        out: Tensor = x + gate * self.ffn(self.norm(x) * (1 + scale) + shift)
        return out


class FinalLayer(nn.Module):
    """Norm without weight, shifted and scaled by the condition, and the projection to a latent."""

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.norm = RMSNorm(config.hidden, config.norm_eps, affine=False)
        self.linear = nn.Linear(config.hidden, config.latent, bias=False)
        self.adaLN_modulation = nn.Sequential(
            nn.SiLU(), nn.Linear(config.hidden, 2 * config.hidden, bias=False)
        )

    def forward(self, x: Tensor, shifts: Tensor) -> Tensor:
        """(B, hidden), shift and scale (B, 2·hidden) → (B, latent)."""
        shift, scale = shifts.chunk(2, dim=-1)
        out: Tensor = self.linear(self.norm(x) * (1 + scale) + shift)
        return out


class DiffusionHead(nn.Module):
    """Predicts the velocity of a noisy latent, given a hidden state of the TTS LM."""

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        self.noisy_images_proj = nn.Linear(config.latent, config.hidden, bias=False)
        self.cond_proj = nn.Linear(config.hidden, config.hidden, bias=False)
        self.t_embedder = TimestepEmbedder(config.hidden)
        self.layers = nn.ModuleList(HeadLayer(config) for _ in range(config.layers))
        self.final_layer = FinalLayer(config)

    @property
    def modulations(self) -> list[Tensor]:
        """The maps from condition to shifts of each layer and of the final layer."""
        parts = [*self.layers, self.final_layer]
        return [part.get_parameter("adaLN_modulation.1.weight") for part in parts]

    def shifts(self, condition: Tensor) -> Tensor:
        """Conditions (B, hidden) → shift, scale and gate of each layer, side by side.

        The condition is the sum of `cond_proj(hidden state)` and `t_embedder(timestep)`.
        """
        x = silu(condition)
        return torch.cat([x @ weight.T for weight in self.modulations], dim=-1)

    def forward(self, latent: Tensor, shifts: Tensor) -> Tensor:
        """Velocity (B, latent) of `latent` (B, latent)."""
        x = self.noisy_images_proj(latent)
        *each, last = torch.split(shifts, [len(weight) for weight in self.modulations], dim=-1)
        for layer, own in zip(self.layers, each, strict=True):
            x = layer(x, own)
        out: Tensor = self.final_layer(x, last)
        return out


class Head(Protocol):
    """The part of an executor that the sampler uses."""

    def condition(self, hidden: Tensor) -> Tensor:
        """Hidden states of the TTS LM (B, hidden) → their part of the condition, fp32."""

    def timestep(self, time: int) -> Tensor:
        """The timestep's part of the condition, (hidden,), fp32."""

    def shifts(self, condition: Tensor) -> Tensor:
        """Conditions (B, hidden) → shifts (B, S), the input of `velocity`."""

    def velocity(self, latent: Tensor, shifts: Tensor) -> Tensor:
        """(B, latent), (B, S) → (B, latent), fp32."""


def sample(
    head: Head, positive: Tensor, negative: Tensor, cfg: Tensor, steps: Sequence[int],
    start: Tensor, noise: Sequence[Tensor], train_steps: int,
) -> Tensor:  # fmt: skip
    """Draw one latent for each of B streams, each with its own number of steps; fp32 throughout.

    Args:
        positive, negative: (B, hidden), hidden states of the two guidance branches.
        cfg: (B, 1), guidance scale; v = v₋ + cfg·(v₊ − v₋).
        steps: B numbers of steps.
        start: (B, latent), Gaussian.
        noise: B tensors (steps[b], latent), Gaussian.

    Returns:
        (B, latent).
    """
    plans = [sampler_plan(n, train_steps) for n in steps]
    with_text, without = head.condition(torch.cat([positive, negative])).chunk(2)
    x, before = start.clone(), torch.zeros_like(start)
    each_going = [[b for b, n in enumerate(steps) if i < n] for i in range(max(steps))]
    shifts: list[Tensor] = []
    for i, going in enumerate(each_going):
        if not shifts:  # of several steps at once, so that the weights are read once
            ahead = range(i, min(i + _AHEAD, len(each_going)))
            conditions = []
            for j in ahead:
                time = torch.stack([head.timestep(plans[b][j].timestep) for b in each_going[j]])
                conditions += [with_text[each_going[j]] + time, without[each_going[j]] + time]
            counts = [2 * len(each_going[j]) for j in ahead]
            shifts = [*torch.split(head.shifts(torch.cat(conditions)), counts)]
        rows = slice(None) if len(going) == len(steps) else torch.tensor(going, device=x.device)
        now = [plans[b][i] for b in going]
        alpha, sigma, keep, pull, trend, fresh = torch.tensor(
            [[s.alpha, s.sigma, s.keep, s.now, s.before, s.noise] for s in now], device=x.device
        ).T[..., None]
        latent = x[rows]
        guided, plain = head.velocity(latent.repeat(2, 1), shifts.pop(0)).chunk(2)
        clean = alpha * latent - sigma * (plain + cfg[rows] * (guided - plain))
        drawn = torch.stack([noise[b][i] for b in going])
        x[rows] = keep * latent + pull * clean + trend * (clean - before[rows]) + fresh * drawn
        before[rows] = clean
    return x
