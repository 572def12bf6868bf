"""Saves sessions in a store, and does without it while it cannot be reached."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field

from vibevoice_pro.errors import TakenOver
from vibevoice_pro.speech.sessions.record import Changes, Record, Recorder
from vibevoice_pro.speech.sessions.session import Session
from vibevoice_pro.speech.sessions.store import Forgotten, Store, Unreachable

log = logging.getLogger(__name__)

_COMPLAIN_S = 60.0  # between two lines in the log about a store that cannot be reached
_RETRY_S = 2.0  # between two attempts to reach it; in the meantime nobody waits for it


@dataclass
class Kept:
    """A session of this process, and what of it is in the store."""

    session: Session
    recorder: Recorder = field(default_factory=Recorder)
    saved: float = 0.0
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)
    unsavable: bool = False


class Saver:
    """The store, as the sessions of one process use it."""

    def __init__(self, store: Store, ttl: float) -> None:
        """`ttl`: seconds after which the store forgets what was not saved again."""
        self._store = store
        self._ttl = ttl
        self._retry_at = 0.0  # while it cannot be reached: when the next attempt is due
        self._complained = float("-inf")

    @property
    def lasting(self) -> bool:
        """Whether anything is kept at all."""
        return self._store.lasting

    async def claim(self, id_: str, owner: str) -> Record | None:
        """Take a session over from whichever process has it; None: there is none of this owner.

        Raises:
            Unreachable: the store cannot be reached.
        """
        if not self._due():
            raise Unreachable
        try:
            return await self._store.claim(id_, owner)
        except Unreachable as error:
            self._lost(error)
            raise

    async def save(self, kept: Kept) -> None:
        """Save what is new in a session; while the store cannot be reached, nothing happens.

        Raises:
            TakenOver: another process has resumed the session.
        """
        if not self.lasting or kept.unsavable or not self._due():
            return
        async with kept.saving:
            try:
                await self._save(kept)
            except TakenOver:
                raise
            except Unreachable as error:
                self._lost(error)
            except Exception:  # of this session alone
                kept.unsavable = True
                log.exception("a session cannot be saved; it goes on without that")

    async def _save(self, kept: Kept) -> None:
        session, recorder = kept.session, kept.recorder
        changes = recorder.changes(session)
        if changes is None:
            if time.monotonic() - kept.saved < self._ttl / 4:
                return
            changes = recorder.unchanged()  # so that the store does not forget it
        try:
            await self._store.save(session.id, session.owner, changes)
        except Forgotten:
            recorder.start_over()
            changes = recorder.changes(session) or Changes(b"")
            await self._store.save(session.id, session.owner, changes)
        recorder.saved(changes)
        kept.saved = time.monotonic()
        self._retry_at = 0.0

    async def drop(self, id_: str) -> None:
        """Forget a session."""
        if not self.lasting or not self._due():
            return
        try:
            await self._store.drop(id_)
        except Unreachable as error:
            self._lost(error)

    async def close(self) -> None:
        """Nothing will be saved any more."""
        await self._store.close()

    def _due(self) -> bool:
        """Whether the store is worth an attempt; while it is unreachable, one at a time is."""
        now = time.monotonic()
        if self._retry_at and now < self._retry_at:
            return False
        if self._retry_at:
            self._retry_at = now + _RETRY_S
        return True

    def _lost(self, error: Unreachable) -> None:
        now = time.monotonic()
        self._retry_at = now + _RETRY_S
        if now - self._complained > _COMPLAIN_S:
            self._complained = now
            log.warning("the session store is unreachable; speech goes on unsaved: %s", error)
