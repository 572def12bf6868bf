"""Voice files: prompts already run through both language models.

Microsoft publishes them as `*.pt`, see `pickles`; `convert_voice` makes a safetensors file of one,
which holds numbers and no code. Both have the tensors `BRANCH.last_hidden_state` (1, P, H) and, for
each layer N, `BRANCH.key.N` and `BRANCH.value.N` (1, G, P, D): P positions, hidden width H, G
key/value heads of width D.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vibevoice_pro.errors import BadVoice
from vibevoice_pro.models.vibevoice.assets.files import check_regular
from vibevoice_pro.models.vibevoice.assets.pickles import MAX_VOICE, Refused, read_pickled
from vibevoice_pro.models.vibevoice.assets.weights import all_finite
from vibevoice_pro.models.vibevoice.network.attention import Prompt
from vibevoice_pro.models.vibevoice.network.config import TransformerConfig, VibeVoiceConfig


@dataclass(frozen=True)
class Branch:
    """One cached prompt: what a language model holds after it.

    Attributes:
        hidden: (H,), its last hidden state.
        prompt: keys and values of all layers.
    """

    hidden: Tensor
    prompt: Prompt

    def to(self, device: torch.device, dtype: torch.dtype) -> Branch:
        """The same on a device, in a type."""
        keys, values = self.prompt.keys.to(device, dtype), self.prompt.values.to(device, dtype)
        return Branch(self.hidden.to(device, dtype), Prompt(keys, values))


VoicePrompt = dict[str, Branch]
"""The branches by name; `neg_lm` is not needed to speak."""


def voice_files(folder: Path) -> dict[str, Path]:
    """The voices in a folder by name; where a voice is there in both forms, the converted one."""
    return {
        path.stem: path
        for suffix in ("pt", "safetensors")
        for path in sorted(folder.glob(f"*.{suffix}"))
    }


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix != ".safetensors":
            return read_pickled(path)
        check_regular(path)
        if path.stat().st_size > MAX_VOICE:
            raise BadVoice(f"{path}: larger than {MAX_VOICE >> 20} MiB")
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise BadVoice(f"{path}: {error.strerror or error}") from error
    except Refused as error:
        raise BadVoice(f"{path} was refused: {error}") from error
    except SafetensorError as error:
        raise BadVoice(f"{path} is no safetensors file: {error}") from error
    except zipfile.BadZipFile as error:
        raise BadVoice(f"{path} is no voice file: {error}") from error
    except BadVoice:
        raise
    except Exception as error:  # unpickling bytes that are no pickle can raise anything
        raise BadVoice(f"{path} is damaged: {type(error).__name__}: {error}") from error


def load_voice(
    path: Path, config: VibeVoiceConfig, dtype: torch.dtype = torch.float32
) -> VoicePrompt:
    """Read a voice (`*.safetensors` or a published `*.pt`), check it and convert it to `dtype`.

    Raises:
        BadVoice: the file cannot be read, tries to run code, does not fit the model, or holds
            numbers that are not finite.
    """
    tensors = _read(path)

    def branch(name: str, stack: TransformerConfig) -> Branch:
        def get(key: str, shape: tuple[int | None, ...]) -> Tensor:
            tensor = tensors.get(f"{name}.{key}")
            if tensor is None:
                raise BadVoice(f"{path}: the tensor {name}.{key} is missing")
            fits = len(shape) == tensor.dim() and all(
                b in (None, a) for a, b in zip(tensor.shape, shape, strict=True)
            )
            if not fits or not tensor.numel() or not tensor.is_floating_point():
                wanted = ", ".join("P" if n is None else str(n) for n in shape)
                raise BadVoice(
                    f"{path}: {name}.{key} must be of shape [{wanted}]; is {list(tensor.shape)}"
                )
            if not all_finite(tensor):
                raise BadVoice(f"{path}: {name}.{key} holds numbers that are not finite")
            return tensor

        hidden = get("last_hidden_state", (1, None, stack.hidden))[0]
        shape = (1, stack.kv_heads, hidden.shape[0], stack.head_dim)
        keys, values = (
            torch.cat([get(f"{kind}.{i}", shape) for i in range(stack.layers)]).to(dtype)
            for kind in ("key", "value")
        )
        return Branch(hidden[-1].to(dtype), Prompt(keys, values))

    stacks = {"lm": config.text_lm, "tts_lm": config.tts_lm, "neg_tts_lm": config.tts_lm}
    return {name: branch(name, stack) for name, stack in stacks.items()}


def convert_voice(source: Path, target: Path) -> None:
    """Write a published `*.pt` voice as safetensors.

    Raises:
        BadVoice: the source cannot be read or tries to run code.
        OSError: the target cannot be written.
    """
    tensors = {name: tensor.contiguous() for name, tensor in _read(source).items()}
    temporary = target.with_suffix(".part")
    save_file(tensors, temporary)
    temporary.replace(target)
