"""All sessions of a server: opened, found again, given up."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import Callable
from functools import partial

from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.stream import Checkpoint, Stream, StreamConfig
from vibevoice_pro.errors import BadParameter, Full, NoSession
from vibevoice_pro.sessions.session import Limits, Listener, Session, State

ID = re.compile(r"[A-Za-z0-9_-]{22,128}")
"""What a client may bring as a session's id: 22 such characters hold 128 bits."""

_SWEEP_S = 1.0


class Sessions:
    """The sessions of one process. Used on the event loop only."""

    def __init__(self, engine: Engine, limits: Limits, kept_bytes: int) -> None:
        """`kept_bytes`: audio that sessions without a connection may keep, all of them together."""
        self._engine = engine
        self._limits = limits
        self._kept_bytes = kept_bytes
        self._sessions: dict[str, Session] = {}

    async def run(self) -> None:
        """Give up what has waited too long, until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            self.sweep(time.monotonic())

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
        id_ = id_ or secrets.token_urlsafe(16)
        loop = asyncio.get_running_loop()
        session = Session(
            id_, owner, config, self._limits, self._open_stream, partial(_from_any_thread, loop)
        )
        self._sessions[id_] = session
        return session

    def _open_stream(
        self, config: StreamConfig, on_output: Callable[[], None], origin: Checkpoint, begin: int
    ) -> Stream:
        """As `Engine.open`; where that is full, the sessions lost longest make room first."""
        while True:
            try:
                return self._engine.open(config, on_output, origin, begin)
            except Full:
                lost = [s for s in self._sessions.values() if s.state is State.LOST and s.runs]
                if not lost:
                    raise
                min(lost, key=lambda s: s.lost_since).park()

    def find(self, id_: str, owner: str) -> Session | None:
        """The session with this id; somebody else's is none."""
        session = self._sessions.get(id_)
        return session if session is not None and session.owner == owner else None

    def get(self, id_: str, owner: str) -> Session:
        """As `find`.

        Raises:
            NoSession: there is none.
        """
        session = self.find(id_, owner)
        if session is None:
            raise NoSession(
                f"there is no session {id_[:80]!r}, or it was given up "
                f"{self._limits.ttl:g} s after its connection was lost"
            )
        return session

    def close(self, session: Session, by: Listener | None = None) -> None:
        """End a session for good; not if it is a listener's wish whom a newer one has replaced."""
        if by is None or session.listener is by:
            session.close()
            self._sessions.pop(session.id, None)

    def sweep(self, now: float) -> None:
        """Give up sessions lost for too long, and of those that keep too much the oldest."""
        lost = sorted(
            (s for s in self._sessions.values() if s.state is not State.HEARD),
            key=lambda s: s.lost_since,
        )
        kept = sum(len(s.replay) for s in lost)
        for session in lost:
            if now - session.lost_since > self._limits.ttl or kept > self._kept_bytes:
                kept -= len(session.replay)
                self.close(session)

    @property
    def waiting(self) -> int:
        """Sessions without a connection."""
        return sum(s.state is not State.HEARD for s in self._sessions.values())

    def close_all(self) -> None:
        """The server stops."""
        for session in list(self._sessions.values()):
            self.close(session)


def _from_any_thread(
    loop: asyncio.AbstractEventLoop, wake: Callable[[], None]
) -> Callable[[], None]:
    """`wake`, to be called from any thread and run on the loop."""

    def call() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed in the meantime
            loop.call_soon_threadsafe(wake)

    return call
