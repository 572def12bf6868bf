"""Several speeches over one connection, each under a name that its client gave it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.speech.speech import Speech

Play = Callable[[str, Speech], Coroutine[Any, Any, None]]
"""Sends what a speech gives, under its name, to its end; tells the client what goes wrong."""


class Contexts:
    """The speeches of one connection. Used on the event loop only."""

    def __init__(self, most: int, play: Play) -> None:
        """`most`: how many there may be at once."""
        self._most = most
        self._play = play
        self._open: dict[str, tuple[Speech, asyncio.Task[None]]] = {}
        self._news = asyncio.Event()
        self._failure: BaseException | None = None

    def __len__(self) -> int:
        return len(self._open)

    def get(self, name: str) -> Speech | None:
        """The speech of that name, if it has not ended."""
        return self._open[name][0] if name in self._open else None

    def check_room(self) -> None:
        """See whether one more may be opened.

        Raises:
            BadParameter: it may not.
        """
        if len(self._open) >= self._most:
            raise BadParameter(f"a connection may have {self._most} contexts at once")

    def add(self, name: str, speech: Speech) -> None:
        """Begin to send what a speech gives; `name` must be free."""
        task = asyncio.create_task(self._run(name, speech))
        self._open[name] = speech, task

    async def drop(self, name: str) -> None:
        """Be silent at once; nothing more of it is sent. No speech of that name: nothing."""
        if name in self._open:
            speech, task = self._open[name]
            task.cancel()
            await asyncio.wait([task])
            await self._forget(name, speech)  # a task that had not begun has not done it

    async def drop_all(self) -> None:
        """Be silent at once."""
        for name in [*self._open]:
            await self.drop(name)

    async def ended(self) -> None:
        """Wait until all of them have ended."""
        while self._open:
            await asyncio.wait([task for _, task in self._open.values()])

    async def watch(self) -> None:
        """Wait for the first that fails; raises what it raised, else goes on for ever."""
        await self._news.wait()
        assert self._failure is not None
        raise self._failure

    async def _run(self, name: str, speech: Speech) -> None:
        try:
            await self._play(name, speech)
        except Exception as failure:
            self._failure = failure
            self._news.set()
        finally:
            await self._forget(name, speech)

    async def _forget(self, name: str, speech: Speech) -> None:
        if self.get(name) is speech:
            del self._open[name]
            with contextlib.suppress(Exception):
                await speech.close()
