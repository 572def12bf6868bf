"""Memory that was freed, given back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import gc


def give_back_memory() -> None:
    """Find memory that nobody uses, and return all that was freed to the system."""
    gc.collect()
    trim()


def trim() -> None:
    """Return memory that was freed to the system; glibc keeps it otherwise. Takes milliseconds."""
    with contextlib.suppress(OSError, AttributeError):  # another libc
        ctypes.CDLL("libc.so.6").malloc_trim(0)
