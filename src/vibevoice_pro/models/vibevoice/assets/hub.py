"""Find a checkpoint by its hub name on this machine, without network access.

Checkpoints and tokenizers are in the cache of huggingface_hub ($HF_HOME), shared with other
programs. Voices, which Microsoft publishes elsewhere, are saved as safetensors in a folder of ours,
see `models.hub`. `pull` downloads both.

A hub name is owner/name, or owner/name@revision for another branch, tag or commit than `main`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from vibevoice_pro.config.settings import HOME
from vibevoice_pro.errors import BadCheckpoint
from vibevoice_pro.models.hub import voices_folder
from vibevoice_pro.models.vibevoice.assets.files import read_json
from vibevoice_pro.models.vibevoice.assets.tokens import cached, named_tokenizer

DEFAULT = "microsoft/VibeVoice-Realtime-0.5B"
VOICE_FILES = (".safetensors", ".pt")
"""Suffixes of voice files."""

_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*(@\w[\w./-]*)?", re.ASCII)


@dataclass(frozen=True)
class Found:
    """A checkpoint on this machine.

    Attributes:
        folder: the checkpoint.
        voices: the folder of its saved voices; need not exist.
    """

    folder: Path
    voices: Path


def is_name(name: str) -> bool:
    """Whether this looks like a hub name."""
    return _NAME.fullmatch(name) is not None


def find(name: str, home: Path = HOME) -> Found | None:
    """The checkpoint of that hub name, if it is on this machine with tokenizer and voices.

    Uses no network.
    """
    repo, _, revision = name.partition("@")
    config = cached(repo, "config.json", revision or None)
    if config is None:
        return None
    found = Found(config.parent, voices_folder(repo, home))
    complete = has_weights(found.folder) and _has_tokenizer(found.folder) and _has_voices(found)
    return found if complete else None


def has_weights(folder: Path) -> bool:
    """Whether a folder has weights; if it has an index, all files named there."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return any(file.is_file() for file in folder.glob("*.safetensors"))
    try:
        names = set(read_json(index)["weight_map"].values())
        return all((folder / name).is_file() for name in names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _has_tokenizer(folder: Path) -> bool:
    if (folder / "tokenizer.json").is_file():
        return True
    try:
        return cached(named_tokenizer(folder), "tokenizer.json") is not None
    except BadCheckpoint:
        return False


def _has_voices(found: Found) -> bool:
    places = (found.voices, found.folder / "voices")
    return any(file.suffix in VOICE_FILES for place in places for file in place.glob("*.*"))
