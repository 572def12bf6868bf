"""A server that is told to stop speaks on for those it has, and takes nobody new."""

from __future__ import annotations

import contextlib
import signal
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.processes import Served
from tests.support.wire import next_event

TEXT = "This sentence takes some seconds to be heard, and the server is told to stop meanwhile."


async def refusal(url: str) -> tuple[int | None, str | None]:
    """How a new connection ends."""
    async with connect(f"{url}?text=Hello") as other:
        with contextlib.suppress(ConnectionClosed):
            async for _ in other:
                pass
        return other.close_code, other.close_reason


async def test_who_listens_hears_the_end() -> None:
    served = Served("--lead", "0.5", "--model", "compact")
    url = f"ws://127.0.0.1:{served.port}/stream"
    async with connect(f"{url}?text={quote(TEXT)}") as whole:
        expected = [frame async for frame in whole if isinstance(frame, bytes)]
    async with connect(f"{url}?text={quote(TEXT)}") as ws, connect(url) as silent:
        await next_event(silent, "session")
        heard = []
        async for frame in ws:
            if isinstance(frame, bytes):
                heard.append(frame)
            if len(heard) == 10:
                served.process.send_signal(signal.SIGTERM)
                break
        while (closed := await refusal(url)) == (1000, "done"):
            pass  # the signal has not arrived yet
        assert closed == (1012, "the server is stopping; try again in 5 s")
        with pytest.raises(HTTPError, match="503"):
            urlopen(f"http://127.0.0.1:{served.port}/readyz", timeout=5)  # noqa: ASYNC210
        heard += [frame async for frame in ws if isinstance(frame, bytes)]
        assert ws.close_code == 1000
        assert heard == expected
        with pytest.raises(ConnectionClosed):
            await silent.recv()
        assert silent.close_code == 1012
    assert served.process.wait(20) in {0, -signal.SIGTERM}


async def test_not_for_ever() -> None:
    served = Served("--lead", "0.5", "--model", "compact", VIBEVOICE_DRAIN_TIMEOUT="0")
    async with connect(f"ws://127.0.0.1:{served.port}/stream?text={quote(TEXT * 9)}") as ws:
        await next_event(ws, "session")
        served.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(ConnectionClosed):
            async for _ in ws:
                pass
        assert ws.close_code == 1012
    assert served.process.wait(20) in {0, -signal.SIGTERM}
