"""Voice files: a prompt already run through both language models.

Microsoft publishes them as `*.pt`: a zip archive with a pickle inside. A pickle can run anything,
so it is read by an unpickler that knows five harmless names and refuses every other; nothing of
the file is executed. `convert` makes a safetensors file of it, which holds numbers and no code.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vibevoice_pro.errors import BadVoice
from vibevoice_pro.models.vibevoice.assets.weights import all_finite
from vibevoice_pro.models.vibevoice.files import check_regular
from vibevoice_pro.models.vibevoice.network.attention import Prompt
from vibevoice_pro.models.vibevoice.network.config import TransformerConfig, VibeVoiceConfig

BRANCHES = ("lm", "tts_lm", "neg_lm", "neg_tts_lm")

_MAX_FILE = 256 * 2**20  # published voices have 2 to 4 MB
_MAX_PICKLE = 2**20
_STORAGES = {
    "FloatStorage": torch.float32, "HalfStorage": torch.float16, "BFloat16Storage": torch.bfloat16
}  # fmt: skip


@dataclass(frozen=True)
class Branch:
    """One cached prompt: what a language model holds after it.

    Attributes:
        hidden: (H,), its last hidden state.
        prompt: keys and values of all layers.
    """

    hidden: Tensor
    prompt: Prompt

    def to(self, device: torch.device) -> Branch:
        """The same on a device."""
        keys, values = self.prompt.keys.to(device), self.prompt.values.to(device)
        return Branch(self.hidden.to(device), Prompt(keys, values))


VoicePrompt = dict[str, Branch]
"""The branches by name; `neg_lm` is not needed to speak."""


class _Inert:
    """Stands for a class of the pickle: keeps what it is given, does nothing."""

    items: dict[str, Any]

    def __new__(cls, *arguments: object) -> _Inert:
        """Pickles make objects without calling `__init__`."""
        self = super().__new__(cls)
        self.items = {}
        return self

    def __init__(self, *arguments: object) -> None:
        """Takes whatever it is given."""

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.items.update(state)

    def __setitem__(self, key: str, value: object) -> None:
        self.items[key] = value


class _Output(_Inert):
    """Stands for transformers' BaseModelOutputWithPast."""


class _Cache(_Inert):
    """Stands for transformers' DynamicCache."""


class _Refused(Exception):
    """The pickle asked for something that is not allowed."""


class _Unpickler(pickle.Unpickler):
    """Knows tensors and the two containers around them; refuses everything else."""

    def __init__(self, data: bytes, read_storage: Callable[[str], bytes]) -> None:
        super().__init__(io.BytesIO(data))
        self._read_storage = read_storage
        self._storages: dict[str, Tensor] = {}
        self._bytes = 0  # of all tensors made
        self._known: dict[tuple[str, str], Any] = {
            ("transformers.modeling_outputs", "BaseModelOutputWithPast"): _Output,
            ("transformers.cache_utils", "DynamicCache"): _Cache,
            ("torch._utils", "_rebuild_tensor_v2"): self._tensor,
            ("collections", "OrderedDict"): _Inert,
        }

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name of the pickle; never the thing itself."""
        if module == "torch" and name in _STORAGES:
            return name
        if (module, name) not in self._known:
            raise _Refused(f"it asks for {module}.{name}, which no voice needs")
        return self._known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """A storage: its type and its bytes in the archive."""
        kind, storage, key = pid[:3]
        if kind != "storage" or storage not in _STORAGES or not re.fullmatch(r"\d{1,6}", str(key)):
            raise _Refused(f"it refers to {str(pid)[:60]!r}, which is no tensor storage")
        if key not in self._storages:
            data = bytearray(self._read_storage(str(key)))
            self._storages[key] = torch.frombuffer(data, dtype=_STORAGES[storage])
        return self._storages[key]

    def _tensor(self, numbers: Tensor, offset: int, size: Any, stride: Any, *_: object) -> Tensor:
        size, stride = tuple(map(int, size)), tuple(map(int, stride))
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        lowest = min((offset, *stride, *(n - 1 for n in size)))
        if lowest < 0 or last >= len(numbers) or math.prod(size) > len(numbers):
            raise _Refused("a tensor reaches beyond its storage")
        self._bytes += math.prod(size) * numbers.element_size()
        if self._bytes > _MAX_FILE:
            raise _Refused(f"its tensors have more than {_MAX_FILE >> 20} MiB together")
        return numbers.as_strided(size, stride, offset)


def _check_memo(data: bytes) -> None:
    """See whether a pickle counts what it remembers; Python makes room for the highest number.

    Raises:
        _Refused: a number is larger than the pickle is long.
    """
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in {"PUT", "BINPUT", "LONG_BINPUT"} and int(argument or 0) > len(data):
            raise _Refused(f"it numbers what it holds up to {argument}")


def _read_pickle(path: Path) -> dict[str, Tensor]:
    """Tensors of a published `*.pt`, named as in the safetensors form."""
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MAX_FILE:
            raise _Refused(f"it unpacks to more than {_MAX_FILE >> 20} MiB")
        pickles = [e for e in archive.infolist() if e.filename.endswith("/data.pkl")]
        if len(pickles) != 1 or pickles[0].file_size > _MAX_PICKLE:
            raise _Refused("it holds no data.pkl of a sensible size")
        folder = pickles[0].filename.removesuffix("data.pkl")
        data = archive.read(pickles[0])
        _check_memo(data)
        reader = _Unpickler(data, lambda key: archive.read(f"{folder}data/{key}"))
        branches = reader.load()
    if not isinstance(branches, dict):
        raise _Refused("it is no dict of branches")
    tensors: dict[str, Tensor] = {}
    for name in BRANCHES:
        output = branches.get(name)
        cache = output.items.get("past_key_values") if isinstance(output, _Output) else None
        if not isinstance(output, _Output) or not isinstance(cache, _Cache):
            raise _Refused(f"the branch {name!r} is missing or has no cache")
        tensors[f"{name}.last_hidden_state"] = output.items.get("last_hidden_state")  # type: ignore[assignment]
        for kind in ("key", "value"):
            layers = cache.items.get(f"{kind}_cache")
            if not isinstance(layers, list):
                raise _Refused(f"the branch {name!r} has no {kind}_cache")
            for i, tensor in enumerate(layers):
                tensors[f"{name}.{kind}.{i}"] = tensor
    if not all(isinstance(t, Tensor) for t in tensors.values()):
        raise _Refused("something that should be a tensor is none")
    return tensors


def voice_files(folder: Path) -> dict[str, Path]:
    """The voices in a folder by name; where a voice is there in both forms, the converted one."""
    return {
        path.stem: path
        for suffix in ("pt", "safetensors")
        for path in sorted(folder.glob(f"*.{suffix}"))
    }


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if check_regular(path) > _MAX_FILE:
            raise _Refused(f"it has more than {_MAX_FILE >> 20} MiB, which no voice has")
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return _read_pickle(path)
    except OSError as error:
        raise BadVoice(f"{path}: {error.strerror or error}") from error
    except _Refused as error:
        raise BadVoice(f"{path} was refused: {error}") from error
    except SafetensorError as error:
        raise BadVoice(f"{path} is no safetensors file: {error}") from error
    except zipfile.BadZipFile as error:
        raise BadVoice(f"{path} is no voice file: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise BadVoice(f"{path} was refused: it takes too much memory to read") from error
    except Exception as error:  # the unpickler can fail in any way on bytes that are no pickle
        raise BadVoice(f"{path} is damaged: {type(error).__name__}: {error}") from error


def load_voice(
    path: Path, config: VibeVoiceConfig, dtype: torch.dtype = torch.float32
) -> VoicePrompt:
    """Read a voice, `*.safetensors` or as published `*.pt`, check it against the model, convert it.

    Raises:
        BadVoice: the file cannot be read, wants to run something, or does not fit the model.
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
            if not fits or not tensor.is_floating_point():
                wanted = ", ".join("P" if n is None else str(n) for n in shape)
                raise BadVoice(
                    f"{path}: {name}.{key} must be of shape [{wanted}]; is {list(tensor.shape)}"
                )
            if not all_finite(tensor):
                raise BadVoice(f"{path}: {name}.{key} holds numbers that are none")
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
        BadVoice: the source cannot be read or wants to run something.
    """
    tensors = {name: tensor.clone().contiguous() for name, tensor in _read(source).items()}
    temporary = target.with_suffix(".part")
    save_file(tensors, temporary)
    temporary.replace(target)
