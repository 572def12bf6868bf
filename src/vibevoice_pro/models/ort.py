"""ONNX Runtime sessions that use one core each and work in the same memory."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from onnxruntime import (
    InferenceSession,
    OrtAllocatorType,
    OrtMemoryInfo,
    OrtMemType,
    RunOptions,
    SessionOptions,
    create_and_register_allocator,
)


def session(model: bytes) -> InferenceSession:
    """A network, to be run on the thread that calls it.

    Raises:
        Exception: ONNX Runtime's own, which one depends on what is wrong with `model`.
    """
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what fails is told by an exception
    _share_memory()
    options.add_session_config_entry("session.use_env_allocators", "1")
    with tempfile.TemporaryDirectory(prefix="vibevoice-") as folder:
        path = Path(folder) / "model.onnx"  # from bytes, ONNX Runtime would keep a copy
        path.write_bytes(model)
        return InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def shrinking() -> RunOptions:
    """Options of a run after which the memory that all sessions keep for their work is given back.

    Only what nothing lies in is.
    """
    options = RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


@functools.cache
def _share_memory() -> None:
    """Let all sessions work in the same memory: each would keep what it needed for itself."""
    place = OrtMemoryInfo("Cpu", OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, OrtMemType.DEFAULT)
    create_and_register_allocator(place, None)
