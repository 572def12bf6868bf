"""HTTP as strict as a server needs it that anybody may talk to: bounded in size and in time."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from vibevoice_pro.server.edge import DATA_HEADERS

MAX_HEAD_BYTES = 64 * 1024
"""URL and headers together: about 60,000 Latin or 7,000 Chinese characters of text in the URL."""

HEAD_S = 10.0
"""Seconds within which URL and headers must have come, and what belongs to an answered request."""

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
    headers = {bytes(name): bytes(value) for name, value in request.headers}
    size = len(request.method) + len(request.target) + sum(
        len(name) + len(value) + len(": \r\n") for name, value in request.headers
    )  # fmt: skip
    if size > MAX_HEAD_BYTES:
        return _TOO_LONG
    bodies = headers.keys() & {b"content-length", b"transfer-encoding"}
    if len(bodies) == 2:
        return "a request has Content-Length or Transfer-Encoding, not both"
    if bodies and b"websocket" in headers.get(b"upgrade", b"").lower():
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
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        super().data_received(data)
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more is expected."""
        self._cancel_deadline()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Say what was wrong, unless an answer has been sent: then the connection ends."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = PlainTextResponse(
                self.conn.complaint or msg, 400, {**DATA_HEADERS, "Connection": "close"}
            )
            head = h11.Response(status_code=400, headers=answer.raw_headers, reason="Bad Request")
            for event in (head, h11.Data(data=bytes(answer.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _set_deadline(self) -> None:
        """Give the client a time limit where it has not sent all of a request.

        That is while URL and headers have not ended; and where the request was answered without
        its body, while that has not ended. Between two requests uvicorn's own limit holds.
        """
        state = self.conn.their_state
        answered = self.cycle is not None and self.cycle.response_complete
        if state is not h11.IDLE and not (state is h11.SEND_BODY and answered):
            self._cancel_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self.transport.close)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
