"""Errors of the client."""

from __future__ import annotations


class Refused(Exception):
    """The server refuses to speak, or to continue.

    Attributes:
        code: the WebSocket close code, see `CloseCode`.
        reason: the server's explanation; may be empty.
        field: the parameter or message field that is wrong; empty: none, or not one alone.
        retry_after: seconds after which a new attempt makes sense; None: it makes none.
    """

    def __init__(
        self, code: int, reason: str = "", *, field: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(reason or f"the server closed the connection with code {code}")
        self.code = code
        self.reason = reason
        self.field = field
        self.retry_after = retry_after


class Lost(ConnectionError):
    """The server could not be reached, or the connection was lost and could not be restored."""
