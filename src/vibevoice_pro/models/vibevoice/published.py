"""The voices that Microsoft publishes for VibeVoice-Realtime-0.5B, under the MIT licence."""

from __future__ import annotations

from vibevoice_pro.models.base import Voice
from vibevoice_pro.models.names import understand

ENGLISH = (
    "en-Carter_man", "en-Davis_man", "en-Emma_woman", "en-Frank_man", "en-Grace_woman",
    "en-Mike_man", "in-Samuel_man",
)  # fmt: skip
"""Those that `pull` downloads if none are named."""

PUBLISHED = (
    *ENGLISH,
    "de-Spk0_man", "de-Spk1_woman", "fr-Spk0_man", "fr-Spk1_woman", "it-Spk0_woman",
    "it-Spk1_man", "jp-Spk0_man", "jp-Spk1_woman", "kr-Spk0_woman", "kr-Spk1_man",
    "nl-Spk0_man", "nl-Spk1_woman", "pl-Spk0_man", "pl-Spk1_woman", "pt-Spk0_woman",
    "pt-Spk1_man", "sp-Spk0_woman", "sp-Spk1_man",
)  # fmt: skip


def describe(id_: str) -> Voice:
    """A voice from the name of its file, e.g. `en-Emma_woman`; one of another form: English."""
    name = understand(id_)
    licence = "MIT" if id_ in PUBLISHED else ""
    if name is None:
        return Voice(id_, "en", "", id_, licence)
    return Voice(id_, name.language, name.gender, name.person, licence)
