"""All sessions of a server: opened, found again, written down, given up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.pcm import Checkpoint
from vibevoice_pro.engine.stream import Stream, StreamConfig
from vibevoice_pro.errors import BadParameter, Full, NoSession, TakenOver
from vibevoice_pro.speech.sessions.record import Changes, Recorder, config_of
from vibevoice_pro.speech.sessions.session import Limits, Listener, Session, State
from vibevoice_pro.speech.sessions.store import Forgotten, Nowhere, Store, Unreachable

log = logging.getLogger(__name__)

ID = re.compile(r"[A-Za-z0-9_-]{22,128}")
"""What a client may bring as a session's id: 22 such characters hold 128 bits."""

_TURN_S = 0.5  # between two looks at all sessions
_COMPLAIN_S = 60.0  # between two lines in the log about a store that does not answer


@dataclass
class _Kept:
    """A session of this process, and how it is written down."""

    session: Session
    recorder: Recorder
    saved: float = 0.0
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)


class Sessions:
    """The sessions of one process. Used on the event loop only."""

    def __init__(
        self, engine: Engine, limits: Limits, kept_bytes: int, base: StreamConfig,
        store: Store | None = None,
    ) -> None:  # fmt: skip
        """`kept_bytes`: audio that sessions without a connection may keep, all of them together.

        `base`: of a stream, what a client has no say in.
        """
        self._engine = engine
        self._limits = limits
        self._kept_bytes = kept_bytes
        self._base = base
        self._store = store or Nowhere()
        self._sessions: dict[str, _Kept] = {}
        self._complained = float("-inf")

    async def run(self) -> None:
        """Write sessions down and give up what has waited too long, until cancelled."""
        while True:
            await asyncio.sleep(_TURN_S)
            await self.sweep(time.monotonic())
            if self._store.lasting:
                await asyncio.gather(*(self._save(kept) for kept in list(self._sessions.values())))

    async def stop(self) -> None:
        """The server stops: what can be gone on with elsewhere is written down."""
        for kept in list(self._sessions.values()):
            await self._save(kept)
            self._forget(kept.session)
        await self._store.close()

    # --- opened and found --------------------------------------------------------------------

    def open(self, config: StreamConfig, owner: str, id_: str | None = None) -> Session:
        """Begin a session, with an id of its own or the one a client brought.

        Raises:
            BadParameter: the id is not one that nobody can guess, or is in use.
            Full: the engine has no room, although all that were lost gave theirs up.
        """
        if id_ is not None and not ID.fullmatch(id_):
            raise BadParameter(
                "session_id must be 22 to 128 letters, digits, - or _, drawn at random; "
                f"got {id_[:80]!r}"
            )
        if id_ in self._sessions:
            raise BadParameter("session_id is in use")
        session = self._new(config, owner, id_ or secrets.token_urlsafe(16))
        session.begin()
        self._sessions[session.id] = _Kept(session, Recorder(session))
        return session

    async def find(self, id_: str, owner: str) -> Session | None:
        """The session with this id, perhaps one that another process had; not somebody else's.

        Raises:
            Full: the store does not answer now.
        """
        if id_ not in self._sessions and ID.fullmatch(id_):
            await self._fetch(id_, owner)
        kept = self._sessions.get(id_)
        return kept.session if kept is not None and kept.session.owner == owner else None

    async def get(self, id_: str, owner: str) -> Session:
        """As `find`.

        Raises:
            NoSession: there is none.
            Full: the store does not answer now.
        """
        session = await self.find(id_, owner)
        if session is None:
            raise NoSession(
                f"there is no session {id_[:80]!r}, or it was given up "
                f"{self._limits.ttl:g} s after its connection was lost"
            )
        return session

    async def _fetch(self, id_: str, owner: str) -> None:
        """Take over what another process has, or had, of a session."""
        try:
            record = await self._store.claim(id_, owner)
        except Unreachable as error:
            self._complain(error)
            raise Full("the store of sessions does not answer", 1) from error
        if record is None or id_ in self._sessions:
            return
        try:
            owner, config = config_of(record, self._base)
            session = self._new(config, owner, id_)
            kept = _Kept(session, Recorder(session))
            kept.recorder.restore(record)
        except (ValueError, KeyError, TypeError):
            log.exception("the store's record of a session could not be read")
            return
        self._sessions[id_] = kept

    def _new(self, config: StreamConfig, owner: str, id_: str) -> Session:
        wake = partial(_from_any_thread, asyncio.get_running_loop())
        return Session(id_, owner, config, self._limits, self._open_stream, wake)

    def _open_stream(
        self, config: StreamConfig, on_output: Callable[[], None], origin: Checkpoint, begin: int
    ) -> Stream:
        """As `Engine.open`; where that is full, the sessions lost longest make room first."""
        while True:
            try:
                return self._engine.open(config, on_output, origin, begin)
            except Full:
                lost = [s for s in self._all() if s.state is State.LOST and s.runs]
                if not lost:
                    raise
                min(lost, key=lambda s: s.lost_since).park()

    # --- written down ------------------------------------------------------------------------

    async def save(self, session: Session) -> None:
        """Write down now what is new in a session; where there is no store, nothing happens."""
        kept = self._sessions.get(session.id)
        if kept is not None and self._store.lasting:
            await self._save(kept)

    async def _save(self, kept: _Kept) -> None:
        session, recorder = kept.session, kept.recorder
        async with kept.saving:
            changes = recorder.changes()
            if changes is None:
                if time.monotonic() - kept.saved < self._limits.ttl / 4:
                    return
                changes = recorder.unchanged()  # so that the store does not forget it
            try:
                await self._write(session, recorder, changes)
                kept.saved = time.monotonic()
            except TakenOver:
                if session.listener is not None:
                    session.listener.evict()
                self._forget(session)
            except Unreachable as error:
                self._complain(error)

    async def _write(self, session: Session, recorder: Recorder, changes: Changes) -> None:
        try:
            await self._store.save(session.id, session.owner, changes)
        except Forgotten:
            recorder.start_over()
            changes = recorder.changes() or changes
            await self._store.save(session.id, session.owner, changes)
        recorder.written(changes)

    def _complain(self, error: Unreachable) -> None:
        now = time.monotonic()
        if now - self._complained > _COMPLAIN_S:
            self._complained = now
            log.warning("sessions cannot be written down, they go on without that: %s", error)

    # --- given up ----------------------------------------------------------------------------

    async def close(self, session: Session, by: Listener | None = None) -> None:
        """End a session for good; not if it is a listener's wish whom a newer one has replaced."""
        if by is not None and session.listener is not by:
            return
        self._forget(session)
        try:
            await self._store.drop(session.id)
        except Unreachable as error:
            self._complain(error)

    def _forget(self, session: Session) -> None:
        session.close()
        kept = self._sessions.get(session.id)
        if kept is not None and kept.session is session:
            del self._sessions[session.id]

    async def sweep(self, now: float) -> None:
        """Give up sessions lost for too long, and of those that keep too much the oldest."""
        lost = sorted(
            (s for s in self._all() if s.state is not State.HEARD), key=lambda s: s.lost_since
        )
        kept = sum(len(s.replay) for s in lost)
        for session in lost:
            if now - session.lost_since > self._limits.ttl or kept > self._kept_bytes:
                kept -= len(session.replay)
                await self.close(session)

    def _all(self) -> list[Session]:
        return [kept.session for kept in self._sessions.values()]

    @property
    def waiting(self) -> int:
        """Sessions without a connection."""
        return sum(s.state is not State.HEARD for s in self._all())


def _from_any_thread(
    loop: asyncio.AbstractEventLoop, wake: Callable[[], None]
) -> Callable[[], None]:
    """`wake`, to be called from any thread and run on the loop."""

    def call() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed in the meantime
            loop.call_soon_threadsafe(wake)

    return call
