"""What somebody sends who has no good in mind, on the bare socket."""

from __future__ import annotations

import socket

import pytest

from tests.support.serving import Running
from vibevoice_pro.server import http
from vibevoice_pro.server.http import MAX_HEAD_BYTES

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


@pytest.mark.parametrize("sent", ["", "GET /healthz HTTP/1.1\r\nHost: x\r\n", UPGRADE])
def test_half_a_request_is_not_waited_for(
    server: Running, monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    monkeypatch.setattr(http, "HEAD_S", 0.05)
    assert say(server, sent) == b""


def test_the_time_limit_ends_with_the_headers(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has asked may take as long as the answer does."""
    monkeypatch.setattr(http, "HEAD_S", 0.2)
    with socket.create_connection(("127.0.0.1", server.port), 30) as line:
        for _ in range(2):
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert line.recv(65536).startswith(b"HTTP/1.1 200 ")
        line.sendall(f"{UPGRADE}\r\n".encode())
        heard = b""
        while b"done" not in heard:
            heard += line.recv(65536)
    assert heard.startswith(b"HTTP/1.1 101 ")
