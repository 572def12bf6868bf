"""The network's heavy parts as C++, compiled on the machine that runs them.

`kernels.cpp` and its headers are built once with the system's compiler for the very processor at
hand, and kept in the user's cache. Where there is no compiler, or the processor lacks the
instructions they are written for, `load` says why and ONNX Runtime does the work.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

_FOLDER = Path(__file__).parent
_NEEDED = ("avx512f", "avx512bw", "avx512vl", "avx512_vnni")
_FLAGS = (
    "-O3", "-march=native", "-std=c++17", "-fopenmp", "-shared", "-fPIC", "-w",
)  # fmt: skip
_COMPILERS = ("c++", "g++", "clang++")
_COMPILE_S = 300


class NotHere(Exception):
    """The kernels cannot run on this machine; says why."""


@functools.lru_cache(maxsize=1)
def load() -> ctypes.CDLL:
    """The compiled kernels.

    Raises:
        NotHere: they cannot be compiled, or not run, on this machine.
    """
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise NotHere("the native kernels are for Linux on x86-64")
    flags = _processor_flags()
    lacking = [name for name in _NEEDED if name not in flags]
    if lacking:
        raise NotHere(f"this processor has no {', '.join(lacking)}")
    compiler = os.environ.get("CXX") or next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        raise NotHere("there is no C++ compiler (apt-get install g++)")
    library = _build(compiler, flags)
    try:
        return ctypes.CDLL(str(library))
    except OSError as error:  # cut short by a full disk, say, or without the compiler's own library
        raise NotHere(f"{library} cannot be loaded, remove it: {error}") from error


def _processor_flags() -> frozenset[str]:
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("flags"):
                return frozenset(line.split(":", 1)[1].split())
    return frozenset()


def _build(compiler: str, flags: frozenset[str]) -> Path:
    """Compile, or take what was compiled before from the same sources for the same processor."""
    sources = [*sorted(_FOLDER.glob("*.h")), _FOLDER / "kernels.cpp"]
    told = hashlib.sha256(" ".join([compiler, *_FLAGS, *sorted(flags)]).encode())
    for source in sources:
        told.update(source.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vibevoice-pro"
    library = cache / f"kernels-{told.hexdigest()[:16]}.so"
    if library.exists():
        return library
    try:
        cache.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(suffix=".so", dir=cache)
        os.close(handle)
    except OSError as error:
        raise NotHere(f"{cache} cannot be written: {error.strerror}") from error
    try:
        command = [compiler, *_FLAGS, str(_FOLDER / "kernels.cpp"), "-o", made]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_S)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no message"])[0]
            raise NotHere(f"{compiler} could not compile the native kernels: {said}")
        os.replace(made, library)  # whole or not at all, whoever else compiles
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHere(f"{compiler} could not compile the native kernels: {error}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(made)
    return library
