"""WebSockets as uvicorn has them, freed as soon as they are lost."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send
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

    async def run_asgi(self) -> None:
        """Run the application; where it refuses the WebSocket with an answer of its own, uvicorn
        would log that there was none."""
        app = self.app

        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, send)
            self.handshake_complete = self.handshake_complete or self.initial_response is not None

        self.app = answered
        try:
            await super().run_asgi()
        finally:
            self.app = app  # the other one refers to this
