"""Several speeches over one connection, each under a name that its client gave it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Generic, Protocol, TypeVar

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.speech.speech import Speech


class Spoken(Protocol):
    """What a protocol knows of one speech."""

    @property
    def speech(self) -> Speech:
        """The speech."""


C = TypeVar("C", bound=Spoken)


class Contexts(Generic[C]):
    """The speeches of one connection. Used on the event loop only."""

    def __init__(self, most: int, play: Callable[[str, C], Coroutine[Any, Any, None]]) -> None:
        """What is to be done.

        Args:
            most: how many there may be at once.
            play: sends what a speech gives, under its name, to its end, and tells the client what
                goes wrong.
        """
        self._most = most
        self._play = play
        self._open: dict[str, tuple[C, asyncio.Task[None]]] = {}
        self._news = asyncio.Event()
        self._failure: BaseException | None = None

    def __len__(self) -> int:
        return len(self._open)

    def get(self, name: str) -> C | None:
        """The one of that name, if it has not ended."""
        return self._open[name][0] if name in self._open else None

    def check_room(self) -> None:
        """See whether one more may be opened.

        Raises:
            BadParameter: it may not.
        """
        if len(self._open) >= self._most:
            raise BadParameter(f"a connection may have {self._most} contexts at once")

    def all(self) -> list[C]:
        """All that have not ended."""
        return [context for context, _ in self._open.values()]

    def add(self, name: str, context: C) -> None:
        """Begin to send what a speech gives; `name` must be free."""
        task = asyncio.create_task(self._run(name, context))
        self._open[name] = context, task

    async def drop(self, name: str) -> None:
        """Be silent at once; nothing more of it is sent. No speech of that name: nothing."""
        if name in self._open:
            context, task = self._open[name]
            task.cancel()
            await asyncio.wait([task])
            await self._forget(name, context)  # a task that had not begun has not done it

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

    async def _run(self, name: str, context: C) -> None:
        try:
            await self._play(name, context)
        except Exception as failure:
            self._failure = failure
            self._news.set()
        finally:
            await self._forget(name, context)

    async def _forget(self, name: str, context: C) -> None:
        if self.get(name) is context:
            del self._open[name]
            with contextlib.suppress(Exception):
                await context.speech.close()
