"""Sessions in a file, an SQLite database: for one machine, where no Redis runs."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from vibevoice_pro.errors import BadParameter, TakenOver
from vibevoice_pro.speech.sessions.record import Changes, Record
from vibevoice_pro.speech.sessions.store import Forgotten, Unreachable

_T = TypeVar("_T")

_WAIT_S = 2.0  # for another process that writes
_CLEAN_S = 60.0  # between two looks for what has expired

_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, holder TEXT NOT NULL, state BLOB NOT NULL,
    expires REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
    id TEXT NOT NULL, kind TEXT NOT NULL, place INTEGER NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (id, kind, place)
) WITHOUT ROWID;
"""


class FileStore:
    """A `Store` in a file, which several processes of a machine may share.

    What is not saved again within `ttl` is forgotten. The file is used by one thread at a time, and
    never by the event loop's.
    """

    lasting = True

    def __init__(self, path: Path, ttl: float) -> None:
        """`ttl`: seconds that a session is kept after it was last saved.

        Raises:
            BadParameter: the file can't be opened, or is no database.
        """
        self._ttl = max(1.0, ttl)
        self._holder = secrets.token_urlsafe(8)
        self._lock = threading.Lock()
        self._clean_at = 0.0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")  # a power cut may cost the last second
            self._db.executescript(_TABLES)
        except (OSError, sqlite3.Error) as error:
            raise BadParameter(f"store: {path} cannot be used: {error}", field="store") from error

    async def claim(self, id_: str, owner: str) -> Record | None:
        """Take a session over; one transaction, so that two processes cannot both have it."""
        return await self._do(lambda: self._claim(id_, owner))

    def _claim(self, id_: str, owner: str) -> Record | None:
        row = self._db.execute(
            "SELECT state FROM sessions WHERE id = ? AND owner = ? AND expires > ?",
            (id_, owner, time.time()),
        ).fetchone()
        if row is None:
            return None
        self._db.execute("UPDATE sessions SET holder = ? WHERE id = ?", (self._holder, id_))
        texts, chunks = (
            [
                content
                for (content,) in self._db.execute(
                    "SELECT content FROM entries WHERE id = ? AND kind = ? ORDER BY place",
                    (id_, kind),
                )
            ]
            for kind in ("text", "chunk")
        )
        return Record(row[0], texts, chunks)

    async def save(self, id_: str, owner: str, changes: Changes) -> None:
        """Save changes; one transaction, so that they are there as a whole or not at all."""
        await self._do(lambda: self._save(id_, owner, changes))

    def _save(self, id_: str, owner: str, changes: Changes) -> None:
        now = time.time()
        row = self._db.execute(
            "SELECT holder FROM sessions WHERE id = ? AND expires > ?", (id_, now)
        ).fetchone()
        if row is not None and row[0] != self._holder:
            raise TakenOver("another server goes on with this session")
        if row is None:
            if not changes.first:
                raise Forgotten
            self._forget(id_)  # what has expired of the same name
        self._db.execute(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?)",
            (id_, owner, self._holder, changes.state, now + self._ttl),
        )
        self._change(id_, "text", changes.drop_texts, changes.texts)
        self._change(id_, "chunk", changes.drop_chunks, changes.chunks)
        if now >= self._clean_at:
            self._clean_at = now + _CLEAN_S
            old = self._db.execute("SELECT id FROM sessions WHERE expires <= ?", (now,)).fetchall()
            for (expired,) in old:
                self._forget(expired)

    def _change(self, id_: str, kind: str, drop: int, added: list[bytes]) -> None:
        """Drop entries in front, the oldest first, and add some behind."""
        self._db.execute(
            "DELETE FROM entries WHERE id = ?1 AND kind = ?2 AND place IN (SELECT place FROM "
            "entries WHERE id = ?1 AND kind = ?2 ORDER BY place LIMIT ?3)",
            (id_, kind, drop),
        )
        (last,) = self._db.execute(
            "SELECT COALESCE(MAX(place), 0) FROM entries WHERE id = ? AND kind = ?", (id_, kind)
        ).fetchone()
        self._db.executemany(
            "INSERT INTO entries VALUES (?, ?, ?, ?)",
            ((id_, kind, last + 1 + i, content) for i, content in enumerate(added)),
        )

    async def drop(self, id_: str) -> None:
        """Forget a session, if this process still holds it."""

        def forget() -> None:
            mine = "SELECT 1 FROM sessions WHERE id = ? AND holder = ?"
            if self._db.execute(mine, (id_, self._holder)).fetchone():
                self._forget(id_)

        await self._do(forget)

    def _forget(self, id_: str) -> None:
        self._db.execute("DELETE FROM sessions WHERE id = ?", (id_,))
        self._db.execute("DELETE FROM entries WHERE id = ?", (id_,))

    async def close(self) -> None:
        """Close the file."""
        await asyncio.to_thread(self._db.close)

    async def _do(self, work: Callable[[], _T]) -> _T:
        """Do something as a transaction, on a thread of its own."""

        def run() -> _T:
            try:
                with self._lock, self._transaction():
                    return work()
            except sqlite3.Error as error:
                raise Unreachable(str(error)) from error

        return await asyncio.to_thread(run)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
