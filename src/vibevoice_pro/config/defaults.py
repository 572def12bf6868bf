"""Defaults that more than one room needs, each written once; the others are in `Settings`."""

from __future__ import annotations

CFG = 1.5
"""Guidance scale of the diffusion head."""

STEPS = 5
"""Denoising steps of the diffusion head."""

CFG_RANGE = (0, 10)
STEPS_RANGE = (1, 100)
"""What is allowed, both ends included."""

LANGUAGES = ("de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt")
"""Languages that some voice speaks, if it is installed (ISO 639-1)."""
