"""Published voices that ask for too much, or try to change what reads them."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from vibevoice_pro.models.vibevoice.assets.pickles import BRANCHES, Refused, read_pickled

REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
MiB = 2**20


def text(value: str) -> bytes:
    return b"X" + struct.pack("<i", len(value)) + value.encode()


def integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def tensor(size: tuple[int, ...], stride: tuple[int, ...], key: str = "0") -> bytes:
    """The opcodes of a tensor of fp32 that is a view of storage `key`."""
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + b"tQ"
    shape, steps = (b"(" + b"".join(map(integer, n)) + b"t" for n in (size, stride))
    return REBUILD + b"(" + storage + integer(0) + shape + steps + b"tR"


def voice(one: bytes, layers: int = 2) -> bytes:
    """The opcodes of a voice whose tensors are all the same."""
    layer = b"](" + one * layers + b"e"
    cache = b"ctransformers.cache_utils\nDynamicCache\n)\x81}("
    cache += text("key_cache") + layer + text("value_cache") + layer + b"ub"
    output = b"ctransformers.modeling_outputs\nBaseModelOutputWithPast\n)\x81}("
    output += text("last_hidden_state") + one + text("past_key_values") + cache + b"ub"
    return b"\x80\x02}(" + b"".join(text(name) + output for name in BRANCHES) + b"u."


def write(path: Path, code: bytes, storage: int = 64) -> Path:
    """An archive with the opcodes and one storage of that many bytes, all zero."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("voice/data.pkl", code)
        archive.writestr("voice/data/0", bytes(storage))
    return path


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Fail if Python allocates more than `size` bytes at once."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size, f"{peak / MiB:.0f} MiB"


def test_each_storage_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "v.pt", voice(tensor((2, 3), (3, 1))))
    reads: Counter[object] = Counter()
    read = zipfile.ZipFile.read

    def counted(archive: zipfile.ZipFile, name: str, pwd: bytes | None = None) -> bytes:
        reads[getattr(name, "filename", name)] += 1
        return read(archive, name, pwd)

    monkeypatch.setattr(zipfile.ZipFile, "read", counted)
    tensors = read_pickled(path)
    assert len(tensors) == len(BRANCHES) * (1 + 2 * 2)
    assert all(torch.equal(t, torch.zeros(2, 3)) for t in tensors.values())
    assert reads == {"voice/data.pkl": 1, "voice/data/0": 1}


@pytest.mark.parametrize("stride", [1, 0])
def test_many_tensors_of_one_large_storage(tmp_path: Path, stride: int) -> None:
    """200 MB that 200 tensors share, in a file of 200 kB."""
    numbers = 50_000_000
    path = write(tmp_path / "v.pt", voice(tensor((numbers,), (stride,)), 25), 4 * numbers)
    assert path.stat().st_size < MiB
    with (
        at_most(4 * MiB),
        pytest.raises(Refused, match="its tensors have more than 256 MiB together"),
    ):
        read_pickled(path)


@pytest.mark.parametrize("index", [2**27, 2**31 - 1, 2**16])
def test_a_large_memo_index(tmp_path: Path, index: int) -> None:
    """The unpickler would allocate as many pointers."""
    path = write(tmp_path / "v.pt", b"\x80\x02}r" + struct.pack("<I", index) + b".")
    with at_most(4 * MiB), pytest.raises(Refused, match=f"memo index {index}; at most 65535"):
        read_pickled(path)


@pytest.mark.parametrize(
    "change",
    [
        REBUILD + b"}" + text("__doc__") + text("changed") + b"sb.",
        REBUILD + b"N}" + text("__defaults__") + b")s\x86b.",
        tensor((1,), (1,)) + b"}b.",
    ],
)
def test_what_reads_it_cannot_be_changed(tmp_path: Path, change: bytes) -> None:
    path = write(tmp_path / "v.pt", b"\x80\x02" + change)
    with pytest.raises(Refused, match="it changes an object that no voice changes"):
        read_pickled(path)
    read_pickled(write(path, voice(tensor((2, 3), (3, 1)))))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (b"\x80\x04\x96" + struct.pack("<Q", 2**40) + b".", "damaged|opcode|expected"),
        (b"\x80\x05\x96" + struct.pack("<Q", 1) + b"x.", "opcode BYTEARRAY8, which no voice"),
        (b"I1\n.", "opcode INT, which no voice needs"),
        (voice(tensor((17,), (1,))), "beyond its storage"),
        (voice(tensor((2,), (-1,))), "negative size or stride"),
        (voice(tensor((0,), (1,))), "beyond its storage"),
        (voice(text("none")), "lm.last_hidden_state is no tensor"),
        (b"\x80\x02" + REBUILD + b"(" + text("x") + b"K\x00))tR.", "without a storage"),
        (b"\x80\x02" + text("x") + b"Q.", "which is no tensor storage"),
    ],
)
def test_other_pickles_are_refused(tmp_path: Path, code: bytes, message: str) -> None:
    path = write(tmp_path / "v.pt", code)
    with at_most(4 * MiB), pytest.raises((Refused, ValueError), match=message):
        read_pickled(path)
