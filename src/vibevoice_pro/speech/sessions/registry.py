"""All sessions of a server: opened, found again, saved, given up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.pcm import Checkpoint
from vibevoice_pro.engine.stream import Stream, StreamConfig
from vibevoice_pro.errors import BadParameter, Full, TakenOver
from vibevoice_pro.memory import trim
from vibevoice_pro.speech.sessions.limits import Limits
from vibevoice_pro.speech.sessions.listener import Listener
from vibevoice_pro.speech.sessions.progress import Progress
from vibevoice_pro.speech.sessions.record import Record, Recorder, progress_of, settings_of
from vibevoice_pro.speech.sessions.saving import Kept, Saver
from vibevoice_pro.speech.sessions.session import Session
from vibevoice_pro.speech.sessions.state import State
from vibevoice_pro.speech.sessions.store import Store
from vibevoice_pro.text import detect

log = logging.getLogger(__name__)

T = TypeVar("T")

ID = re.compile(r"[A-Za-z0-9_-]{22,128}")
"""What a client may bring as a session's id: 22 such characters hold 128 bits."""

_TURN_S = 0.5  # between two looks at all sessions
_STOP_S = 5.0  # for saving all sessions when the server stops
_TRIM = 32_000_000  # bytes that were given up, before freed memory is returned to the system
_SHORT_LEAD_S = 1.0  # of a session that begins while memory is short
_QUIET_S = 30.0  # without anything to say: then a listener's place may go to somebody else


class Registry:
    """The sessions of one process. Used on the event loop only."""

    def __init__(
        self, engine: Engine, limits: Limits, memory: int, base: StreamConfig, store: Store
    ) -> None:
        """`memory`: bytes that sessions without a connection may take, all of them together.

        `base`: of a stream, what a client has no say in.
        """
        self._engine = engine
        self._limits = limits
        self._memory = memory
        self._base = base
        self._saver = Saver(store, limits.ttl)
        self._kept: dict[str, Kept] = {}
        self._given_up = 0  # bytes, since memory was returned to the system
        self._give_back = trim

    async def run(self) -> None:
        """Save sessions and give up those that have waited too long, until cancelled."""
        while True:
            await asyncio.sleep(_TURN_S)
            try:
                await self.sweep(time.monotonic())
                if self._saver.lasting:
                    await asyncio.gather(*(self._save(kept) for kept in [*self._kept.values()]))
            except Exception:  # the sessions of tomorrow depend on this loop
                log.exception("sessions could not be looked through; the next turn tries again")

    async def stop(self) -> None:
        """The server stops: what can be resumed elsewhere is saved."""
        kept = [*self._kept.values()]
        saving = asyncio.gather(*map(self._save, kept), return_exceptions=True)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(saving, _STOP_S)
        for each in kept:
            self._forget(each.session)
        await self._saver.close()

    # --- opened and found ---------------------------------------------------------------------

    def open(
        self, config: StreamConfig, owner: str, id_: str | None = None,
        progress: Progress | None = None,
    ) -> Session:  # fmt: skip
        """Begin a session, with an id of its own or the one a client brought.

        It takes no place in the engine before it has something to say.

        Raises:
            BadParameter: the id is not one that nobody can guess, or is in use.
            Full: the engine has no room, although all that were lost gave theirs up.
        """
        if id_ is not None and not ID.fullmatch(id_):
            raise BadParameter(
                "session_id must be 22 to 128 letters, digits, - or _, drawn at random; "
                f"got {id_[:80]!r}",
                field="session_id",
            )
        if id_ in self._kept:
            raise BadParameter("session_id is in use", field="session_id")
        self._with_room(config, lambda: self._engine.check(config))
        session = self._new(config, owner, id_ or secrets.token_urlsafe(16), progress)
        self._kept[session.id] = Kept(session)
        return session

    async def find(self, id_: str, owner: str) -> Session | None:
        """The session with this id, perhaps one that another process had; not somebody else's.

        Raises:
            Unreachable: it is not here, and the store cannot be asked.
        """
        if id_ not in self._kept and ID.fullmatch(id_):
            await self._fetch(id_, owner)
        kept = self._kept.get(id_)
        return kept.session if kept is not None and kept.session.owner == owner else None

    async def _fetch(self, id_: str, owner: str) -> None:
        """Take over what another process has, or had, of a session."""
        record = await self._saver.claim(id_, owner)
        if record is None or id_ in self._kept:
            return
        try:
            session = self._restored(id_, record)
            if len(session.config.voices) > 1:
                await asyncio.to_thread(detect.load)  # as when a session begins
                if id_ in self._kept:
                    return
        except (ValueError, KeyError, TypeError):
            log.exception("the store's record of a session could not be read")
            return
        self._kept[id_] = Kept(session, Recorder(record))

    def _restored(self, id_: str, record: Record) -> Session:
        owner, changed = settings_of(record)
        return self._new(replace(self._base, **changed), owner, id_, progress_of(record))

    def _new(
        self, config: StreamConfig, owner: str, id_: str, progress: Progress | None
    ) -> Session:
        from_any_thread = partial(_from_any_thread, asyncio.get_running_loop())
        limits = self._limits
        if self._engine.short_of_memory:  # less is made ahead, and less is kept
            config = replace(config, lead=min(config.lead, _SHORT_LEAD_S))
            limits = limits.less()
        return Session(id_, owner, config, limits, self._open_stream, from_any_thread, progress)

    def _open_stream(
        self, config: StreamConfig, on_output: Callable[[], None], origin: Checkpoint, begin: int
    ) -> Stream:
        """As `Engine.open`, with room made where the engine is full."""
        return self._with_room(
            config, lambda: self._engine.open(config, on_output, origin, begin)
        )  # fmt: skip

    def _with_room(self, config: StreamConfig, admit: Callable[[], T]) -> T:
        """What `admit` returns; while it finds the engine full, other sessions make room.

        Those disconnected longest first, then those that have long had nothing to say.

        Raises:
            Full: there is nobody left to make room.
        """
        while True:
            try:
                return admit()
            except Full:
                if not self._make_room(config):
                    raise

    def _make_room(self, config: StreamConfig) -> bool:
        """Suspend one session of the same models; whether there was one."""
        now, hosts = time.monotonic(), self._engine.hosts_of(config)
        running = [s for s in self._all() if s.runs and hosts & self._engine.hosts_of(s.config)]
        lost = [s for s in running if s.state is State.LOST]
        if lost:
            min(lost, key=lambda s: s.lost_since).park()
            return True
        quiet = [s for s in running if s.quiet_for(now) > _QUIET_S]
        if quiet:
            max(quiet, key=lambda s: s.quiet_for(now)).suspend()
            return True
        return False

    # --- saved --------------------------------------------------------------------------------

    @property
    def lasting(self) -> bool:
        """Whether sessions are saved at all."""
        return self._saver.lasting

    async def save(self, session: Session) -> None:
        """Save now what is new in a session; where there is no store, nothing happens."""
        kept = self._kept.get(session.id)
        if kept is not None:
            await self._save(kept)

    async def _save(self, kept: Kept) -> None:
        try:
            await self._saver.save(kept)
        except TakenOver:
            if kept.session.listener is not None:
                kept.session.listener.evict()
            self._forget(kept.session)

    # --- given up -----------------------------------------------------------------------------

    async def close(self, session: Session, by: Listener | None = None) -> None:
        """End a session for good; not if it is a listener's wish whom a newer one has replaced."""
        if by is not None and session.listener is not by:
            return
        self._forget(session)
        await self._saver.drop(session.id)

    def _forget(self, session: Session) -> None:
        session.close()
        kept = self._kept.get(session.id)
        if kept is not None and kept.session is session:
            del self._kept[session.id]

    async def sweep(self, now: float) -> None:
        """Give up sessions lost for too long, and of those that take too much memory the oldest.

        What they took is returned to the system, where that is much.
        """
        lost = sorted(
            (s for s in self._all() if s.state is not State.HEARD), key=lambda s: s.lost_since
        )
        taken = sum(s.size for s in lost)
        for session in lost:
            if now - session.lost_since > self._limits.ttl or taken > self._memory:
                taken -= session.size
                self._given_up += session.size
                await self.close(session)
        if self._given_up > _TRIM:
            self._given_up = 0
            await asyncio.to_thread(self._give_back)

    def _all(self) -> list[Session]:
        return [kept.session for kept in self._kept.values()]

    @property
    def listening(self) -> int:
        """Sessions with a connection."""
        return sum(s.state is State.HEARD for s in self._all())

    def listening_of(self, owner: str, besides: str | None) -> int:
        """Sessions of an owner with a connection that has something to hear yet, or may have.

        `besides`: an id that is not counted.
        """
        return sum(
            s.state is State.HEARD and s.owner == owner and s.id != besides
            and not s.over(s.progress.sent)
            for s in self._all()
        )  # fmt: skip

    @property
    def unheard(self) -> int:
        """Sessions with a listener who has something to hear, and has heard nothing yet."""
        return sum(s.speaking and not s.heard for s in self._all())

    @property
    def speaking(self) -> int:
        """Sessions with a listener who has not been given all that is written."""
        return sum(s.speaking for s in self._all())

    @property
    def waiting(self) -> int:
        """Sessions without a connection."""
        return sum(s.state is not State.HEARD for s in self._all())

    @property
    def size(self) -> int:
        """Bytes that all sessions keep: text, audio, marks."""
        return sum(s.size for s in self._all())

    @property
    def ttl(self) -> float:
        """Seconds that a session is kept without a connection."""
        return self._limits.ttl


def _from_any_thread(
    loop: asyncio.AbstractEventLoop, wake: Callable[[], None]
) -> Callable[[], None]:
    """`wake`, a method, to be called from any thread and run on the loop.

    It does not keep its object alive: a session that is given up is freed at once, with its text
    and audio, and not only when the garbage collector comes.
    """
    method = weakref.WeakMethod(wake)

    def call() -> None:
        wake = method()
        if wake is not None:
            with contextlib.suppress(RuntimeError):  # the loop has closed in the meantime
                loop.call_soon_threadsafe(wake)

    return call
