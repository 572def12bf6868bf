"""Defaults that more than one room needs, each written once; the others are in `Settings`."""

from __future__ import annotations

CFG = 1.5
"""Guidance scale of the diffusion head."""

STEPS = 5
"""Denoising steps of the diffusion head."""
