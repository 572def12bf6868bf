"""From a checkpoint directory to the network: names, shapes, memory-mapped tensors."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from vibevoice_pro.errors import BadCheckpoint

_RENAMED = (  # our name → the checkpoint's
    (r"^embed_tokens\.", "language_model.embed_tokens."),
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


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def load_weights(
    network: nn.Module, folder: Path, dtype: torch.dtype | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:  # fmt: skip
    """Fill `network` (built on the meta device) from the safetensors files in `folder`.

    Tensors stay in the mapped files where their type is the one wanted, so there is no second copy
    in memory. Tensors that nothing here uses (an encoder, the TTS LM's embedding) are skipped.

    Args:
        network: its parameters and buffers are replaced.
        folder: holds one or several `*.safetensors`.
        dtype: floating-point type to convert to; None: as in the file.
        on_progress: called with the bytes done and the bytes in all.

    Raises:
        BadCheckpoint: a tensor is missing, surplus or of a wrong shape, or a file is damaged.
    """
    wanted = {checkpoint_name(name): name for name in network.state_dict()}
    shapes = {checkpoint_name(name): list(t.shape) for name, t in network.state_dict().items()}
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise BadCheckpoint(f"{folder} holds no *.safetensors file")
    place: dict[str, Path] = {}
    surplus, wrong = [], []
    try:
        for file in files:
            with safe_open(file, framework="pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118
                    if name not in wanted:
                        if not _UNUSED.match(name):
                            surplus.append(name)
                        continue
                    place[name] = file
                    shape = list(tensors.get_slice(name).get_shape())
                    if shape != shapes[name]:
                        wrong.append(f"{name} is {shape}, expected {shapes[name]}")
    except SafetensorError as error:
        raise BadCheckpoint(f"{file} is damaged: {error}") from error
    missing = [f"{name} {shapes[name]}" for name in wanted if name not in place]
    for kind, found in (("missing", missing), ("of a wrong shape", wrong), ("unknown", surplus)):
        if found:
            raise BadCheckpoint(f"{folder}: {len(found)} tensors are {kind}: {_some(found)}")

    total = sum(file.stat().st_size for file in files)
    done = 0
    loaded: dict[str, torch.Tensor] = {}
    for file in files:
        with safe_open(file, framework="pt") as tensors:
            for name in (n for n, f in place.items() if f == file):
                tensor = tensors.get_tensor(name)
                done += tensor.numel() * tensor.element_size()
                loaded[wanted[name]] = tensor if dtype is None else tensor.to(dtype)
                on_progress(done, total)
    network.load_state_dict(loaded, assign=True)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    on_progress(total, total)
