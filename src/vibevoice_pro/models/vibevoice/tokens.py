"""Text → token ids, for text that is still being written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

from vibevoice_pro.errors import BadCheckpoint


class Tokenizer(Protocol):
    """What the model needs of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, no special tokens."""


class ByteTokenizer:
    """A stand-in for models with random weights: about four bytes a token, as Qwen's has."""

    def __init__(self, vocab: int) -> None:
        self._vocab = vocab

    def encode(self, text: str) -> list[int]:
        """Every four bytes are an id below the size of the vocabulary."""
        data = text.encode("utf-8", "replace")
        parts = (data[i : i + 4] for i in range(0, len(data), 4))
        return [int.from_bytes(part, "little") % self._vocab for part in parts]


class HubTokenizer:
    """A `tokenizer.json` as Qwen2.5 has it."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer as Backend

        try:
            self._backend = Backend.from_file(str(path))
        except Exception as error:
            raise BadCheckpoint(f"{path} is no tokenizer: {error}") from error

    def encode(self, text: str) -> list[int]:
        """Token ids, no special tokens; U+2019 becomes an apostrophe, as in training."""
        ids: list[int] = self._backend.encode(
            text.replace("\u2019", "'"), add_special_tokens=False
        ).ids
        return ids


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a checkpoint: in its folder, or the one its preprocessor names.

    Raises:
        BadCheckpoint: there is none in the folder and the named one is not on this machine.
    """
    local = folder / "tokenizer.json"
    if local.exists():
        return HubTokenizer(local)
    named = folder / "preprocessor_config.json"
    try:
        name = json.loads(named.read_text())["language_model_pretrained_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadCheckpoint(
            f"{folder} holds no tokenizer.json, and no preprocessor_config.json that names one"
        ) from error
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        path = hf_hub_download(name, "tokenizer.json", local_files_only=True)
    except (LocalEntryNotFoundError, OSError, ValueError) as error:
        raise BadCheckpoint(
            f"the tokenizer of {name} is not on this machine: put its tokenizer.json into {folder}"
        ) from error
    return HubTokenizer(Path(path))
