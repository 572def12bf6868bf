"""What somebody sends who has no good in mind, on the bare socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from tests.support.serving import Running
from vibevoice_pro.server import http
from vibevoice_pro.server.http import MAX_HEAD_BYTES, StrictHTTP

UPGRADE = (
    "GET /stream?text=Hello HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


def say(server: Running, *parts: str) -> bytes:
    """All that the server answers until it closes."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as line:
        for part in parts:
            line.sendall(part.encode())
        return b"".join(iter(lambda: line.recv(65536), b""))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            "POST /config HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"Content-Length or Transfer-Encoding, not both",
        ),
        (f"{UPGRADE}Content-Length: 5\r\n\r\nhello", b"a WebSocket has no body"),
        (f"{UPGRADE}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"a WebSocket has no body"),
        ("nonsense\r\n\r\n", b"Invalid HTTP request"),
    ],
)
def test_a_request_that_means_two_things_is_refused(
    server: Running, request_: str, message: bytes
) -> None:
    answer = say(server, request_)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert message in answer
    assert b"nosniff" in answer
    assert b"frame-ancestors 'none'" in answer


def test_a_body_is_no_offence_beside_another_upgrade(server: Running) -> None:
    """Java's client offers HTTP/2 with each request."""
    answer = say(
        server,
        "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n"
        "Content-Length: 2\r\n\r\n{}",
    )
    assert answer.startswith(b"HTTP/1.1 200 ")


def padded(size: int) -> str:
    """A request of which URL and headers count `size` bytes."""
    head = "GET /healthz?{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    counted = len("GET" + "/healthz?" + "Host: x\r\n" + "Connection: close\r\n")
    return head.format("a" * (size - counted))


def test_the_limit_of_url_and_headers_is_exact(server: Running) -> None:
    assert say(server, padded(MAX_HEAD_BYTES)).startswith(b"HTTP/1.1 200 ")
    answer = say(server, padded(MAX_HEAD_BYTES + 1))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"more than 65,536 bytes" in answer


def test_half_sent_requests_are_not_waited_for(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "HEAD_S", 0.05)
    halves = ("", "GET /healthz HTTP/1.1\r\nHost: x\r\n", UPGRADE)
    with contextlib.ExitStack() as stack:
        lines = []
        for i in range(300):
            line = socket.create_connection(("127.0.0.1", server.port), 30)
            lines.append(stack.enter_context(line))
            line.sendall(halves[i % 3].encode())
        assert {line.recv(65536) for line in lines} == {b""}


class Line(asyncio.Transport):
    """A connection that only notes what happens to it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent, self.closed = b"", False

    def write(self, data: bytes) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Clock:
    """The event loop, whose time only passes when it is told to."""

    def __init__(self) -> None:
        self.create_task = asyncio.get_running_loop().create_task
        self._now = 0.0
        self._timers: list[tuple[float, asyncio.Handle]] = []

    def call_later(self, delay: float, call: Callable[[], None]) -> asyncio.Handle:
        handle = asyncio.Handle(call, (), asyncio.get_running_loop())
        self._timers.append((self._now + delay, handle))
        return handle

    def advance(self, seconds: float) -> None:
        self._now += seconds
        for timer in [*self._timers]:
            if timer[0] <= self._now:
                self._timers.remove(timer)
                if not timer[1].cancelled():
                    timer[1]._run()


class Talk:
    """A connection to `StrictHTTP` that answers each request with 200 when `answer` is set."""

    def __init__(self) -> None:
        self.clock, self.line, self.answer = Clock(), Line(), asyncio.Event()
        config = Config(self._serve, interface="asgi3", log_config=None, ws="none")
        self._http = StrictHTTP(config, ServerState(), {}, self.clock)
        self._http.connection_made(self.line)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.answer.wait()
        await PlainTextResponse("ok")(scope, receive, send)

    async def send(self, data: str) -> None:
        """Send, and let the server answer if it may."""
        self._http.data_received(data.encode())
        if self.answer.is_set():
            await self.answered()

    async def answered(self) -> None:
        """Let the server answer."""
        self.answer.set()
        await asyncio.gather(*self._http.tasks)

    def closed_after(self, seconds: float) -> bool:
        self.clock.advance(seconds)
        return self.line.closed


GET = "GET / HTTP/1.1\r\nHost: x\r\n"


async def test_the_limit_counts_from_the_start_whatever_trickles_in() -> None:
    talk = Talk()
    for letter in GET[:9]:
        assert not talk.closed_after(1.0)
        await talk.send(letter)
    assert talk.closed_after(1.0)
    assert talk.line.sent == b""


async def test_whoever_has_asked_may_wait_for_the_answer() -> None:
    talk = Talk()
    await talk.send(f"{GET}\r\n")
    assert not talk.closed_after(3600)
    await talk.answered()
    assert talk.line.sent.startswith(b"HTTP/1.1 200 ")


async def test_each_request_has_its_own_time() -> None:
    talk = Talk()
    talk.answer.set()
    for _ in range(3):
        await talk.send(GET)
        assert not talk.closed_after(9)
        await talk.send("\r\n")
        assert not talk.closed_after(4), "that is uvicorn's for who asks nothing more"
    assert talk.closed_after(1)
    assert talk.line.sent.count(b"HTTP/1.1 200 ") == 3


async def test_the_rest_of_a_request_that_was_answered_is_not_waited_for() -> None:
    talk = Talk()
    talk.answer.set()
    await talk.send(f"{GET}Content-Length: 100\r\n\r\n")
    assert talk.line.sent.startswith(b"HTTP/1.1 200 ")
    for _ in range(9):
        await talk.send("x")
        assert not talk.closed_after(1)
    await talk.send("x")
    assert talk.closed_after(1)


async def test_nonsense_behind_an_answer_ends_the_connection() -> None:
    talk = Talk()
    talk.answer.set()
    await talk.send(f"{GET}Transfer-Encoding: chunked\r\n\r\n")
    answered = talk.line.sent
    await talk.send("nonsense\r\n")
    assert talk.line.sent == answered
    assert talk.line.closed
