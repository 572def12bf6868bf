"""Published voices: a zip archive with a pickle that refers to the numbers beside it.

A pickle can run anything, so nothing of it is trusted. Its opcodes are checked before any is
executed; the unpickler knows five names, which stand for inert objects here, and refuses every
other; what it returns are descriptions of tensors. Their numbers are read after that, each storage
once, as raw bytes.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.assets.files import open_regular

BRANCHES = ("lm", "tts_lm", "neg_lm", "neg_tts_lm")
"""The cached prompts in a voice, see `voices`."""

MAX_VOICE = 256 * 2**20
"""Bytes that a voice file, what it unpacks to, and its tensors together may have, each. Published
voices have 2 to 4 MB."""

_MAX_PICKLE = 2**18  # bytes; published ones have 10 kB
_MAX_MEMO = 2**16  # the unpickler allocates an array as long as the largest index; published: 845
_OPCODES = frozenset(
    "PROTO STOP MARK GLOBAL REDUCE NEWOBJ BUILD BINPERSID NONE NEWTRUE NEWFALSE BININT BININT1"
    " BININT2 LONG1 BINUNICODE EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST APPEND APPENDS"
    " EMPTY_DICT SETITEM SETITEMS BINPUT LONG_BINPUT BINGET LONG_BINGET".split()
)
"""What torch.save writes (pickle protocol 2)."""

_STORAGES = {
    "FloatStorage": torch.float32, "HalfStorage": torch.float16, "BFloat16Storage": torch.bfloat16
}  # fmt: skip


class Refused(Exception):
    """The file holds something that no voice needs; says what."""


class _Inert:
    """Stands for an object of the pickle: keeps the state and items it is given, runs nothing."""

    items: dict[str, Any]

    def __new__(cls, *arguments: object) -> _Inert:
        """Pickles make objects without calling `__init__`."""
        self = super().__new__(cls)
        self.items = {}
        return self

    def __init__(self, *arguments: object) -> None:
        """Ignores the arguments."""

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.items.update(state)

    def __setitem__(self, key: str, value: object) -> None:
        self.items[key] = value


class _Output(_Inert):
    """Stands for transformers' BaseModelOutputWithPast."""


class _Cache(_Inert):
    """Stands for transformers' DynamicCache."""


class _Stateless:
    """Something that the pickle must not change; without this, BUILD would set its attributes."""

    def __setstate__(self, state: object) -> None:
        raise Refused("it changes an object that no voice changes")


@dataclass(frozen=True)
class _Storage(_Stateless):
    """Numbers in the archive: their type, and the name of the entry that holds them."""

    kind: str
    key: str


@dataclass(frozen=True)
class _View(_Stateless):
    """A tensor: a strided view of a storage; offset and strides in numbers, not in bytes."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return math.prod(self.size) * _STORAGES[self.storage.kind].itemsize


class _Rebuild(_Stateless):
    """Stands for torch._utils._rebuild_tensor_v2."""

    def __call__(
        self, storage: object, offset: object, size: object, stride: object, *_: object
    ) -> _View:
        if not isinstance(storage, _Storage):
            raise Refused("it holds a tensor without a storage")
        numbers = (offset, *_numbers(size), *_numbers(stride))
        if not all(type(n) is int and n >= 0 for n in numbers):
            raise Refused("it holds a tensor with a negative size or stride")
        return _View(storage, int(str(offset)), _numbers(size), _numbers(stride))


def _numbers(value: object) -> tuple[Any, ...]:
    if not isinstance(value, tuple):
        raise Refused("it holds a tensor whose size is no tuple")
    return value


class _Unpickler(pickle.Unpickler):
    """Returns inert objects and descriptions of tensors for five known names."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self._known: dict[tuple[str, str], Any] = {
            ("transformers.modeling_outputs", "BaseModelOutputWithPast"): _Output,
            ("transformers.cache_utils", "DynamicCache"): _Cache,
            ("torch._utils", "_rebuild_tensor_v2"): _Rebuild(),
            ("collections", "OrderedDict"): _Inert,
        }

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name of the pickle; never the thing itself.

        Raises:
            Refused: no voice needs that name.
        """
        if module == "torch" and name in _STORAGES:
            return name
        if (module, name) not in self._known:
            raise Refused(f"it asks for {module}.{name}, which no voice needs")
        return self._known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """A storage, described by ("storage", type, key, …).

        Raises:
            Refused: it describes something else.
        """
        kind, storage, key = pid[:3] if isinstance(pid, tuple) and len(pid) > 2 else (None,) * 3
        if kind != "storage" or storage not in _STORAGES or not re.fullmatch(r"\d{1,6}", str(key)):
            raise Refused(f"it refers to {str(pid)[:60]!r}, which is no tensor storage")
        return _Storage(str(storage), str(key))


def _unpickle(data: bytes) -> object:
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name not in _OPCODES:
            raise Refused(f"it uses the pickle opcode {opcode.name}, which no voice needs")
        if opcode.name.endswith("BINPUT") and int(str(argument)) >= _MAX_MEMO:
            raise Refused(f"it has the memo index {argument}; at most {_MAX_MEMO - 1} is allowed")
    return _Unpickler(data).load()


def _views(branches: object) -> dict[str, _View]:
    """The tensors of all branches, named as in the safetensors form."""
    if not isinstance(branches, dict):
        raise Refused("it is no dict of branches")
    views: dict[str, object] = {}
    for name in BRANCHES:
        output = branches.get(name)
        cache = output.items.get("past_key_values") if isinstance(output, _Output) else None
        if not isinstance(output, _Output) or not isinstance(cache, _Cache):
            raise Refused(f"the branch {name!r} is missing or has no cache")
        views[f"{name}.last_hidden_state"] = output.items.get("last_hidden_state")
        for kind in ("key", "value"):
            layers = cache.items.get(f"{kind}_cache")
            if not isinstance(layers, list):
                raise Refused(f"the branch {name!r} has no {kind}_cache")
            views |= {f"{name}.{kind}.{i}": view for i, view in enumerate(layers)}
    found: dict[str, _View] = {}
    for name, view in views.items():
        if not isinstance(view, _View):
            raise Refused(f"{name} is no tensor")
        found[name] = view
    return found


def read_pickled(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a published `*.pt`: `BRANCH.last_hidden_state`, `BRANCH.key.0`, …

    Raises:
        Refused: the file asks for something that no voice needs, or for too much memory.
        OSError: it cannot be opened or is no regular file.
        Exception: any other, if the file is damaged.
    """
    with open_regular(path, MAX_VOICE) as file, zipfile.ZipFile(file) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_VOICE:
            raise Refused(f"it unpacks to more than {MAX_VOICE >> 20} MiB")
        pickles = [e for e in archive.infolist() if e.filename.endswith("/data.pkl")]
        if len(pickles) != 1 or pickles[0].file_size > _MAX_PICKLE:
            raise Refused(f"it must hold one data.pkl of at most {_MAX_PICKLE >> 10} KiB")
        folder = pickles[0].filename.removesuffix("data.pkl")
        views = _views(_unpickle(archive.read(pickles[0])))
        if sum(view.bytes for view in views.values()) > MAX_VOICE:
            raise Refused(f"its tensors have more than {MAX_VOICE >> 20} MiB together")
        storages: dict[str, bytearray] = {}
        tensors = {}
        for name, view in views.items():
            key = view.storage.key
            if key not in storages:
                storages[key] = bytearray(archive.read(f"{folder}data/{key}"))
            tensors[name] = _tensor(view, storages[key])
        return tensors


def _tensor(view: _View, data: bytearray) -> Tensor:
    numbers = torch.frombuffer(data, dtype=_STORAGES[view.storage.kind])
    last = view.offset + sum((n - 1) * s for n, s in zip(view.size, view.stride, strict=True))
    if not all(view.size) or last >= len(numbers):
        raise Refused("a tensor reaches beyond its storage")
    return numbers.as_strided(view.size, view.stride, view.offset).contiguous()
