"""Tell systemd that the server is up, alive, and stopping (Type=notify, WatchdogSec=).

Source: sd_notify(3). Without systemd, nothing happens.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable


class Notifier:
    """Speaks to the socket that systemd names in NOTIFY_SOCKET."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        found = dict(os.environ) if environment is None else environment
        self._address = found.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = "\0" + self._address[1:]
        period = found.get("WATCHDOG_USEC", "")
        self._period = int(period) / 2e6 if period.isdigit() else 0.0
        self._next = 0.0

    def ready(self) -> None:
        """The server takes listeners."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The server takes nobody new."""
        self._send("STOPPING=1")

    def alive(self, healthy: Callable[[], bool]) -> None:
        """The server makes progress, if it is `healthy`; sent as often as systemd wants it."""
        now = time.monotonic()
        if self._period and now >= self._next and healthy():
            self._next = now + self._period
            self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if self._address:
            with (
                contextlib.suppress(OSError),
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock,
            ):
                sock.sendto(message.encode(), self._address)
