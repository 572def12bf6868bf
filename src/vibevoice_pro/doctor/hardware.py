"""The machine: graphics card, processor, cores, memory."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil

from vibevoice_pro.doctor.checks import Finding, Patient, Status, judged
from vibevoice_pro.engine.memory import available_budget
from vibevoice_pro.models.cores import cores, processor_flags

AMPERE = 8.0
"""Compute capability from which on VibeVoice's bf16 kernels run."""

CARD_MIB = 4500
DRIVER = (525, 60, 13)
"""The oldest driver for CUDA 12."""

SMALL_BYTES = 400 * 10**6
"""What the embedded voice takes (measured: 334 MB)."""

_QUERY = "name,compute_cap,memory.free,driver_version"
_SMI_S = 5.0
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_FEATURES = {
    "AVX2": ({"avx2"}, "the models run several times slower"),
    "AVX-512": ({"avx512f"}, "VibeVoice in int8 needs about four times as long"),
    "VNNI": ({"avx512_vnni", "avx_vnni"}, "int8 is slower than it could be"),
    "bf16": ({"avx512_bf16", "amx_bf16"}, "bf16 is computed as fp32"),
}
_ARM = {"NEON": ({"asimd"}, "the models run slowly"), "dotprod": ({"asimddp"}, "int8 is slow")}


def card(patient: Patient) -> Iterator[Finding]:
    """The graphics card, as nvidia-smi has it."""
    wanted = patient.settings.device
    smi = shutil.which("nvidia-smi", path=patient.environment.get("PATH"))
    if smi is None:
        cure = "install NVIDIA's driver, or set device to cpu"
        yield judged("GPU", "card", "none found; the CPU is used", wanted != "cuda", cure)
        return
    done = subprocess.run(
        [smi, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"],
        capture_output=True, text=True, timeout=_SMI_S, check=False,
    )  # fmt: skip
    line = done.stdout.strip().splitlines()[:1]
    parts = [part.strip() for part in line[0].split(",")] if line else []
    if done.returncode or len(parts) != 4:
        said = " ".join((done.stderr or done.stdout).split())[:200] or "nothing"
        cure = "reinstall the driver, or give the container the card (--gpus all)"
        yield Finding("GPU", "nvidia-smi", Status.WARN, f"it says: {said}", cure)
        return
    name, capability, free, driver = parts
    value = f"{name}, compute capability {capability}"
    yield judged("GPU", "card", value, float(capability) >= AMPERE,
                 "the card is older than Ampere (8.0): set device to cpu")  # fmt: skip
    yield judged("GPU", "free memory", f"{free} MiB", int(free) >= CARD_MIB,
                 f"{CARD_MIB:,} MiB should be free: stop what else uses the card")  # fmt: skip
    version = tuple(int(part) for part in re.findall(r"\d+", driver))
    yield judged("GPU", "driver", driver, version >= DRIVER,
                 f"update the driver to {'.'.join(map(str, DRIVER))} or newer")  # fmt: skip


def processor(patient: Patient) -> Iterator[Finding]:
    """What the processor can do."""
    flags = processor_flags()
    arm = platform.machine().lower() in {"aarch64", "arm64"}
    yield Finding("CPU", "kind", Status.OK, f"{platform.machine()}, {cores()} cores to use")
    for name, (any_of, cost) in (_ARM if arm else _FEATURES).items():
        here = bool(any_of & flags)
        yield judged(
            "CPU", name, "yes" if here else f"no: {cost}", here or name not in {"AVX2", "NEON"},
            "use a processor of the last ten years", Status.WARN,
        )  # fmt: skip


def limits(patient: Patient) -> Iterator[Finding]:
    """What of the machine this process may use."""
    quota = _quota(_QUOTA.read_text() if _QUOTA.exists() else "")
    if quota is not None:
        cure = f"the threads wait for each other: give {cores()} CPUs, or pin it to fewer"
        yield judged("CPU", "quota of the container", f"{quota:g} CPUs", quota >= cores(), cure,
                     Status.WARN)  # fmt: skip
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        value = patient.environment.get(name, "")
        if value and (not value.isdigit() or not 1 <= int(value) <= (os.cpu_count() or 1)):
            yield Finding("CPU", name, Status.WARN, value, f"unset {name}")
    budget = available_budget()
    free = min(budget, int(psutil.virtual_memory().available))
    cure = "stop other programs, or raise the container's limit"
    value = f"{free / 1e9:.1f} of {budget / 1e9:.1f} GB"
    yield judged("memory", "free", value, free >= SMALL_BYTES, cure)


def _quota(text: str) -> float | None:
    """CPUs of a cgroup's cpu.max; None: it sets no limit."""
    parts = text.split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        return None
    return int(parts[0]) / int(parts[1])
