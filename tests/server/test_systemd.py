"""What systemd is told, on a socket like its own."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import Served
from vibevoice_pro.server.systemd import Notifier


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(20)
        yield sock


def test_ready_alive_and_stopping(listener: socket.socket) -> None:
    path = listener.getsockname()
    served = Served("--model", "compact", NOTIFY_SOCKET=path, WATCHDOG_USEC="400000")
    assert listener.recv(99) == b"READY=1"
    assert [listener.recv(99) for _ in range(2)] == [b"WATCHDOG=1"] * 2
    served.process.send_signal(signal.SIGTERM)
    while (message := listener.recv(99)) == b"WATCHDOG=1":
        pass
    assert message == b"STOPPING=1"
    assert served.process.wait(20) in {0, -signal.SIGTERM}


def test_an_abstract_socket_and_none() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("")  # the kernel chooses a name
        sock.settimeout(5)
        name = sock.getsockname()
        Notifier({"NOTIFY_SOCKET": "@" + name[1:].decode()}).ready()
        assert sock.recv(99) == b"READY=1"
    Notifier({"NOTIFY_SOCKET": "/no/such/socket", "WATCHDOG_USEC": "1"}).alive(lambda: True)
    Notifier({}).ready()
