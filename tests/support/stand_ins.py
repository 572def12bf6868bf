"""Stand-ins for the embedded model's other voices, whose true files only a model hub has.

Each is a copy of the voice in the wheel, and hibari's registry is told its SHA-256: so everything
is real but the timbre, and of a British voice also the phonemes are British.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vibevoice_pro.models.hibari.voices import VOICE, VOICES

HEART = VOICES[VOICE.id]
FILE = HEART.path(Path()).read_bytes()
OTHERS = [id_ for id_ in VOICES if id_ != VOICE.id]

PRELUDE = """
import hibari.voices
for voice in hibari.voices.VOICES.values():
    voice["sha256"] = hibari.voices.VOICES["heart"]["sha256"]
"""
"""Registers the stand-ins in another process."""


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stand-ins pass for the true files, in this process."""
    for id_ in OTHERS:
        monkeypatch.setitem(VOICES, id_, replace(VOICES[id_], sha256=HEART.sha256))


def save(home: Path, *voices: str, content: bytes = FILE) -> None:
    """Put files of voices where `pull` would, by default the stand-ins of all."""
    for id_ in voices or OTHERS:
        path = VOICES[id_].path(home)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
