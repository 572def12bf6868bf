"""What a client is told when speech cannot go on."""

from __future__ import annotations


class Refused(Exception):
    """The server will not go on; its words say why.

    Attributes:
        code: the WebSocket close code, see docs/protocol.md.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message or f"the server closed the connection with {code}")
        self.code = code


class Lost(ConnectionError):
    """The server could not be reached, or not again in time."""
