"""What sessions without a connection keep is bounded: text and unread audio, oldest first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.tone import CHAR_SAMPLES, ToneModel
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.engine.host import Host
from vibevoice_pro.speech.build import build_service
from vibevoice_pro.speech.request import SpeechRequest
from vibevoice_pro.speech.service import Service
from vibevoice_pro.speech.sessions import registry
from vibevoice_pro.speech.sessions.session import Session

LIMIT = 10_000_000
EMOJI = "\N{GRINNING FACE}" * 200_000  # four bytes each, kept twice while there is a stream
SPOKEN = "a" * 3000 + "."


@asynccontextmanager
async def serving(**settings: object) -> AsyncIterator[Service]:
    """A service whose sessions are looked through when the test says so, and not before."""
    changed = {"session_memory": str(LIMIT), "lead": 600.0, "max_load": 1.0, **settings}
    service = build_service([Host(ToneModel())], Settings(**changed))
    service.engine.start()
    yield service
    await service.sessions.stop()
    service.engine.stop()


async def abandon(service: Service, text: str) -> str:
    """Write a text into a new session, and vanish; returns its id."""
    speech = await service.start(SpeechRequest())
    speech.write(text)
    speech.leave()
    return speech.id


async def kept(service: Service, ids: list[str]) -> list[Session]:
    """Those of the sessions that there still are."""
    found = [await service.sessions.find(id_, "") for id_ in ids]
    return [session for session in found if session is not None]


@pytest.mark.parametrize("max_streams", [200, 2])
async def test_of_texts_that_wait_the_oldest_are_given_up(max_streams: int) -> None:
    """With a stream each; and parked, where places are few."""
    async with serving(max_streams=max_streams) as several:
        ids = [await abandon(several, EMOJI) for _ in range(30)]
        await several.sessions.sweep(time.monotonic())
        left = await kept(several, ids)
        assert [session.id for session in left] == ids[-len(left) :]
        sizes = [session.size for session in left]
        assert sum(sizes) <= LIMIT
        assert sum(sizes) + max(sizes) > LIMIT, "no more than had to be"
        assert min(sizes) > 4 * len(EMOJI)


class Deaf:
    """A connection that is told of audio, and takes none."""

    def __init__(self) -> None:
        self.news = asyncio.Event()

    def wake(self) -> None:
        self.news.set()

    def evict(self) -> None:
        pass


async def test_audio_that_nobody_takes_counts() -> None:
    async with serving() as several:
        made = 2 * CHAR_SAMPLES * len(SPOKEN)
        ids = [await abandon(several, SPOKEN) for _ in range(10)]
        for session in await kept(several, ids):
            deaf = Deaf()
            session.attach(deaf, 0)
            while session.size < made:
                await deaf.news.wait()
                deaf.news.clear()
            session.detach(deaf)
        await several.sessions.sweep(time.monotonic())
        assert [session.id for session in await kept(several, ids)] == ids[-(LIMIT // made) :]


async def test_whoever_listens_is_left_alone() -> None:
    async with serving() as several:
        speech = await several.start(SpeechRequest())
        speech.write(EMOJI)
        lost = [await abandon(several, EMOJI) for _ in range(30)]
        await several.sessions.sweep(time.monotonic())
        assert await kept(several, [speech.id])
        assert len(await kept(several, lost)) < 30


async def test_much_that_was_given_up_is_returned_to_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trims: list[str] = []
    monkeypatch.setattr(registry, "_TRIM", LIMIT)
    async with serving() as several:
        # Of this registry alone: the server that other tests share looks through its own.
        monkeypatch.setattr(several.sessions, "_give_back", lambda: trims.append("trim"))
        ids: list[str] = []
        for count, trimmed in ((2, 0), (30, 1)):
            ids += [await abandon(several, EMOJI) for _ in range(count)]
            await several.sessions.sweep(time.monotonic())
            assert len(trims) == trimmed
        # With nothing left to give up: what was counted once is not counted again.
        for session in await kept(several, ids):
            await several.sessions.close(session)
        await several.sessions.sweep(time.monotonic())
        assert len(trims) == 1
