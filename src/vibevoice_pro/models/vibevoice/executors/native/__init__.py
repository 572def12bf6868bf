"""The network's heavy parts in C++, compiled on the machine that runs them.

`kernels.cpp` and its headers are compiled once with the system's compiler for the processor at
hand, and kept in the user's cache. There are two instruction sets to compile for. `vnni` (x86-64
with AVX-512 VNNI) is what they are written for. `portable` runs on any processor; it gives the same
results but for the last bits of sigmoids, so that the kernels can be tested everywhere. It is too
slow to serve with: compiled for AVX2, it is seven times slower than real time on two cores.
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
from typing import Literal

from vibevoice_pro.models.cores import processor_flags

Isa = Literal["auto", "portable", "vnni"]
"""The instruction set to compile for; auto: vnni where the processor has it, else portable."""

VNNI = ("avx512f", "avx512bw", "avx512vl", "avx512_vnni")
"""What `vnni` needs, by its names in /proc/cpuinfo."""

_FOLDER = Path(__file__).parent
_FLAGS = ("-O3", "-march=native", "-std=c++17", "-fopenmp", "-shared", "-fPIC", "-w", "-Wno-psabi")
_COMPILERS = ("c++", "g++", "clang++")
_COMPILE_S = 300


class NotHere(Exception):
    """The kernels cannot run on this machine; says why."""


@functools.lru_cache(maxsize=3)
def load(isa: Isa = "auto") -> ctypes.CDLL:
    """The compiled kernels.

    Raises:
        NotHere: they cannot be compiled, or cannot run, on this machine.
    """
    if platform.system() != "Linux":
        raise NotHere("the native kernels are for Linux")
    flags = processor_flags()
    lacking = [name for name in VNNI if name not in flags]
    if isa == "vnni" and lacking:
        raise NotHere(f"this processor has no {', '.join(lacking)}")
    vnni = isa == "vnni" or (isa == "auto" and not lacking)
    compiler = os.environ.get("CXX") or next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        raise NotHere("there is no C++ compiler (apt-get install g++)")
    library = _build(compiler, [*_FLAGS, "-DVNNI"] if vnni else [*_FLAGS])
    try:
        return ctypes.CDLL(str(library))
    except OSError as error:  # truncated by a full disk, say, or libgomp is missing
        raise NotHere(f"{library} cannot be loaded, remove it: {error}") from error


def _build(compiler: str, options: list[str]) -> Path:
    """Compile, or take what was compiled before from the same sources for the same processor."""
    sources = [*sorted(_FOLDER.glob("*.h")), _FOLDER / "kernels.cpp"]
    key = " ".join([compiler, *options, platform.machine(), *sorted(processor_flags())])
    digest = hashlib.sha256(key.encode())
    for source in sources:
        digest.update(source.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vibevoice-pro"
    library = cache / f"kernels-{digest.hexdigest()[:16]}.so"
    if library.exists():
        return library
    try:
        cache.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(suffix=".so", dir=cache)
        os.close(handle)
    except OSError as error:
        raise NotHere(f"{cache} cannot be written: {error.strerror}") from error
    try:
        command = [compiler, *options, str(_FOLDER / "kernels.cpp"), "-o", made]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_S)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no message"])[0]
            raise NotHere(f"{compiler} could not compile the native kernels: {said}")
        os.replace(made, library)  # atomic: another process may compile at the same time
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHere(f"{compiler} could not compile the native kernels: {error}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(made)
    return library
