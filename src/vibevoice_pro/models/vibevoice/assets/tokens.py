"""Tokenizers: text to token ids."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Protocol

from vibevoice_pro.errors import BadCheckpoint
from vibevoice_pro.models.vibevoice.assets.files import check_regular, read_json


class Tokenizer(Protocol):
    """What the model needs of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, no special tokens."""


class ByteTokenizer:
    """A substitute for models with random weights: four bytes a token, about as many as Qwen's."""

    def __init__(self, vocab: int) -> None:
        self._vocab = vocab

    def encode(self, text: str) -> list[int]:
        """One id, below the vocabulary size, for every four bytes."""
        data = text.encode("utf-8", "replace")
        parts = (data[i : i + 4] for i in range(0, len(data), 4))
        return [int.from_bytes(part, "little") % self._vocab for part in parts]


class HubTokenizer:
    """A `tokenizer.json` in the format of Qwen2.5's."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer as Backend

        try:
            check_regular(path)
            self._backend = Backend.from_file(str(path))
        except Exception as error:
            raise BadCheckpoint(f"{path} is not a tokenizer: {error}") from error

    def encode(self, text: str) -> list[int]:
        """Token ids, no special tokens; U+2019 becomes an apostrophe, as in training."""
        ids: list[int] = self._backend.encode(
            text.replace("\u2019", "'"), add_special_tokens=False
        ).ids
        return ids


def named_tokenizer(folder: Path) -> str:
    """The hub name of the model whose tokenizer a checkpoint without its own uses.

    Raises:
        BadCheckpoint: the checkpoint names none.
    """
    try:
        config = read_json(folder / "preprocessor_config.json")
        return str(config["language_model_pretrained_name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadCheckpoint(
            f"{folder} has no tokenizer.json, and no preprocessor_config.json that names one"
        ) from error


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a checkpoint: its own, or the one that its preprocessor names.

    Raises:
        BadCheckpoint: it has none and the named one is not on this machine, or it is invalid.
    """
    local = folder / "tokenizer.json"
    if local.exists():
        return HubTokenizer(local)
    name = named_tokenizer(folder)
    path = cached(name, "tokenizer.json")
    if path is None:
        raise BadCheckpoint(
            f"the tokenizer of {name} is not on this machine: put its tokenizer.json into {folder}"
        )
    return HubTokenizer(path)


def cached(repo: str, file: str, revision: str | None = None) -> Path | None:
    """A file in the cache of huggingface_hub, or None; uses no network."""
    from huggingface_hub import try_to_load_from_cache

    with contextlib.suppress(ValueError):  # a name that the library refuses
        path = try_to_load_from_cache(repo, file, revision=revision)
        if isinstance(path, str):
            return Path(path)
    return None
