"""HTTP as strict as a server needs it that anybody may talk to: bounded in size and in time."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_HEAD_BYTES = 64 * 1024
"""URL and headers together: about 60,000 Latin or 7,000 Chinese characters of text in the URL."""

HEAD_S = 10.0
"""Seconds within which URL and headers must have come."""

_TOO_LONG = (
    f"URL and headers have more than {MAX_HEAD_BYTES:,} bytes, which is all that is allowed; "
    "send long texts in messages"
)
_SLACK = 1024  # bytes of the request that are neither URL nor headers, generously


class StrictConnection(h11.Connection):
    """h11 that refuses what it would let pass.

    Attributes:
        complaint: what was wrong with the request, one sentence; empty: h11 knows.
    """

    complaint = ""

    def next_event(self) -> Any:
        """The next event; raises `h11.RemoteProtocolError` for a request that is refused."""
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            if error.error_status_hint == 431:  # what came is too long, and goes on
                self.complaint = _TOO_LONG
            raise
        if isinstance(event, h11.Request):
            self.complaint = _complaint(event)
            if self.complaint:
                raise h11.RemoteProtocolError(self.complaint)
        return event


def _complaint(request: h11.Request) -> str:
    names = {bytes(name) for name, _ in request.headers}
    size = len(request.method) + len(request.target) + sum(
        len(name) + len(value) + len(": \r\n") for name, value in request.headers
    )  # fmt: skip
    if size > MAX_HEAD_BYTES:
        return _TOO_LONG
    if {b"content-length", b"transfer-encoding"} <= names:
        return "a request has Content-Length or Transfer-Encoding, not both"
    if b"upgrade" in names and names & {b"content-length", b"transfer-encoding"}:
        return "a request that opens a WebSocket has no body"
    return ""


class StrictHTTP(H11Protocol):
    """uvicorn's HTTP over `StrictConnection`; whoever takes too long for a request is cut off."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.conn: StrictConnection = StrictConnection(h11.SERVER, MAX_HEAD_BYTES + _SLACK)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Read on; the deadline holds while a request has begun and its headers have not ended."""
        self._expect_request()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more is expected."""
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Say what was wrong."""
        super().send_400_response(self.conn.complaint or msg)

    def _expect_request(self) -> None:
        if self._deadline is None and self.conn.their_state is h11.IDLE:
            self._deadline = self.loop.call_later(HEAD_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
