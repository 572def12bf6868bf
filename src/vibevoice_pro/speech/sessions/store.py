"""Where sessions are saved, so that they survive the process that served them.

`Nowhere` is the default: what a process knows of its sessions dies with it. `redis_store.py` keeps
them in a Redis server that several processes share, `file_store.py` in a file of one machine.
"""

from __future__ import annotations

from typing import Protocol

from vibevoice_pro.speech.sessions.record import Changes, Record


class Unreachable(Exception):
    """The store cannot be reached; what it has is not lost."""


class Forgotten(Exception):
    """The store has no such session any more: it must be saved from the beginning."""


class Store(Protocol):
    """One process's view of the store.

    All methods may raise `Unreachable`.
    """

    lasting: bool
    """Whether anything is kept at all."""

    async def claim(self, id_: str, owner: str) -> Record | None:
        """Take a session over from whichever process has it; None: there is none of this owner."""

    async def save(self, id_: str, owner: str, changes: Changes) -> None:
        """Save changes, all or nothing.

        Raises:
            TakenOver: another process has claimed the session.
            Forgotten: these are changes to what is not there.
        """

    async def drop(self, id_: str) -> None:
        """Forget a session, unless another process has claimed it."""

    async def close(self) -> None:
        """Nothing will be asked any more."""


class Nowhere:
    """Keeps nothing."""

    lasting = False

    async def claim(self, id_: str, owner: str) -> Record | None:
        """There is nothing to take over."""
        return None

    async def save(self, id_: str, owner: str, changes: Changes) -> None:
        """Nothing is saved."""

    async def drop(self, id_: str) -> None:
        """There is nothing to forget."""

    async def close(self) -> None:
        """There is nothing to close."""
