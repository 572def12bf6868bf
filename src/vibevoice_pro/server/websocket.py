"""WebSockets as uvicorn has them, freed as soon as they are lost."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class FreedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket that keeps nothing of a connection that is lost.

    The parser of the websockets library refers to its connection and to the last message, which may
    have megabytes: both would stay until the garbage collector comes.
    """

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will be read."""
        super().connection_lost(exc)
        self.conn.parser.close()
