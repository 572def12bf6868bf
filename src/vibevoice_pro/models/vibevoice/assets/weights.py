"""Load a checkpoint into the network: names, shapes, memory-mapped tensors."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from vibevoice_pro.errors import BadCheckpoint
from vibevoice_pro.models.base import Progress
from vibevoice_pro.models.vibevoice.assets.files import check_regular

_RENAMED = (  # our name → the checkpoint's
    (r"^embed_tokens\.", "language_model.embed_tokens."),
    (r"^latent_scale\.(scaling|bias)$", r"speech_\1_factor"),
    (r"^decoder\.stem\.", "acoustic_tokenizer.decoder.upsample_layers.0.0.conv.conv."),
    (r"^decoder\.head\.", "acoustic_tokenizer.decoder.head.conv.conv."),
    (r"^(decoder\.stages\.\d+\.\d+)\.mixer\.", r"acoustic_tokenizer.\1.mixer.conv.conv.conv."),
    (r"^(decoder\.stages\.\d+\.\d+)\.(linear[12])\.", r"acoustic_tokenizer.\1.ffn.\2."),
    (r"^decoder\.", "acoustic_tokenizer.decoder."),
)
_UNUSED = re.compile(
    r"^model\.(tts_language_model\.embed_tokens\.|(acoustic|semantic)_tokenizer\.encoder\."
    r"|acoustic_tokenizer\.fix_std|semantic_)|^lm_head\."
)
_FLOATS = ("BF16", "F16", "F32")
_NAMED = 5  # tensors named in a message


def checkpoint_name(name: str) -> str:
    """The published checkpoint's name of one of our parameters."""
    if name.startswith("tts_eos_classifier."):
        return name
    upsample = re.match(r"^decoder\.upsamples\.(\d+)\.(.*)", name)
    if upsample:
        layer = int(upsample[1]) + 1
        path = f"acoustic_tokenizer.decoder.upsample_layers.{layer}.0.convtr.convtr.{upsample[2]}"
        return f"model.{path}"
    for pattern, replacement in _RENAMED:
        name, count = re.subn(pattern, replacement, name)
        if count:
            break
    return f"model.{name}"


def all_finite(tensor: torch.Tensor) -> bool:
    """Whether no number is NaN or infinite; one pass over floating-point memory, without a copy."""
    return tensor.numel() == 0 or all(bool(x.isfinite()) for x in tensor.aminmax())


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


class Weights(Protocol):
    """A source of a network's weights, part by part."""

    def fill(self, part: nn.Module, name: str) -> None:
        """Load the weights of the part called `name`, which was built on the meta device.

        `name` is empty for the whole network.
        """


class Checkpoint:
    """The safetensors files of a directory.

    Files are memory-mapped: a tensor that has the wanted type is not copied. Tensors that the
    network does not use (the encoders, the TTS LM's embedding) are skipped.

    Args:
        network: the tensors that must be there, and their shapes.
        folder: has one or several `*.safetensors`.
        dtype: floating-point type to convert to; None: as in the file.
        on_progress: called with the count of numbers loaded so far and in all.

    Raises:
        BadCheckpoint: a tensor is missing, surplus, of a wrong shape or no floating-point one, or a
            file is damaged or no regular file.
    """

    def __init__(
        self, network: nn.Module, folder: Path, dtype: torch.dtype | None = None,
        on_progress: Progress = lambda done, total: None,
    ) -> None:  # fmt: skip
        self._dtype = dtype
        self._on_progress = on_progress
        shapes = {checkpoint_name(name): list(t.shape) for name, t in network.state_dict().items()}
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            raise BadCheckpoint(f"{folder} has no *.safetensors file")
        self._file: dict[str, Path] = {}
        self._done = self._total = 0
        surplus, wrong, other = [], [], []
        try:
            for file in files:
                check_regular(file)
                with safe_open(file, framework="pt") as tensors:
                    for name in tensors.keys():  # noqa: SIM118
                        if name not in shapes:
                            if not _UNUSED.match(name):
                                surplus.append(name)
                            continue
                        self._file[name] = file
                        stored = tensors.get_slice(name)
                        shape, kind = list(stored.get_shape()), stored.get_dtype()
                        if shape != shapes[name]:
                            wrong.append(f"{name} is {shape}, expected {shapes[name]}")
                        if kind not in _FLOATS:
                            other.append(f"{name} is {kind}, expected {', '.join(_FLOATS)}")
        except SafetensorError as error:
            raise BadCheckpoint(f"{file} is damaged: {error}") from error
        except OSError as error:
            raise BadCheckpoint(f"{file}: {error.strerror or error}") from error
        missing = [f"{name} {shape}" for name, shape in shapes.items() if name not in self._file]
        lists = {
            "missing": missing, "of a wrong shape": wrong, "of a wrong type": other,
            "unknown": surplus,
        }  # fmt: skip
        for kind, found in lists.items():
            if found:
                raise BadCheckpoint(f"{folder}: {len(found)} tensors are {kind}: {_some(found)}")
        self._total = sum(math.prod(shape) for shape in shapes.values())

    def fill(self, part: nn.Module, name: str) -> None:
        """See `Weights`.

        Raises:
            BadCheckpoint: a tensor holds NaN or an infinite number.
        """
        prefix = f"{name}." if name else ""
        wanted = {checkpoint_name(prefix + own): own for own in part.state_dict()}
        loaded: dict[str, torch.Tensor] = {}
        for file in {self._file[theirs] for theirs in wanted}:
            with safe_open(file, framework="pt") as tensors:
                for theirs, own in wanted.items():
                    if self._file[theirs] != file:
                        continue
                    tensor = tensors.get_tensor(theirs)
                    if not all_finite(tensor):
                        raise BadCheckpoint(f"{file}: {theirs} holds numbers that are not finite")
                    loaded[own] = tensor if self._dtype is None else tensor.to(self._dtype)
                    self._done += tensor.numel()
                    self._on_progress(self._done, self._total)
        part.load_state_dict(loaded, assign=True)
        part.requires_grad_(False)
