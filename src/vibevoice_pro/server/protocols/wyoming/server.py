"""The TCP server: who may connect, what it says about itself, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

from vibevoice_pro import __version__
from vibevoice_pro.errors import Full
from vibevoice_pro.server.protocols.wyoming.connection import Connection
from vibevoice_pro.server.protocols.wyoming.discovery import Announcement
from vibevoice_pro.server.protocols.wyoming.messages import HEADER_BYTES
from vibevoice_pro.server.status import Status

CLIENTS = 256
"""At once, at most."""

_RETRY_S = 5
_BY = {"name": "VibeVoice Pro", "url": ""}


class WyomingServer:
    """Wyoming on a socket, for as long as it is entered."""

    def __init__(self, sock: socket.socket, status: Status) -> None:
        """`sock`: listens already; `status`: what it speaks with."""
        self._sock = sock
        self._status = status
        self._clients: set[asyncio.Task[None]] = set()
        host, port = sock.getsockname()[:2]
        self._announcement = Announcement(host, port)

    async def __aenter__(self) -> WyomingServer:
        self._server = await asyncio.start_server(
            self._connected, sock=self._sock, limit=HEADER_BYTES
        )
        await self._announcement.start()
        return self

    async def __aexit__(self, *reason: object) -> None:
        self._server.close()
        clients = [*self._clients]
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        await self._announcement.stop()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            with self._status.connected(), contextlib.suppress(asyncio.CancelledError):
                await self._serve(Connection(reader, writer, self._status.service, self.describe))
        finally:
            writer.close()
            self._clients.discard(task)

    async def _serve(self, connection: Connection) -> None:
        if len(self._clients) <= CLIENTS:
            await connection.serve()
        elif len(self._clients) <= 2 * CLIENTS:  # beyond that there is no time to be polite
            await connection.refuse(Full(f"there are {CLIENTS} connections", _RETRY_S))

    def describe(self) -> dict[str, Any]:
        """The data of the `info` event: one program, with the voices that can speak."""
        voices = [
            {
                "name": voice.id,
                "languages": [voice.language],
                "attribution": _BY,
                "installed": True,
                # What Home Assistant shows instead of the name.
                "description": f"{voice.id}, {voice.description}".removesuffix(", "),
                "version": None,
                "speakers": None,
            }
            for voice in self._status.voices()
            if voice.installed
        ]
        program = {
            "name": "VibeVoice Pro",
            "attribution": _BY,
            "installed": True,
            "description": "Speaks while the text is still being written",
            "version": __version__,
            "voices": voices,
            "supports_synthesize_streaming": True,
        }
        others = ("asr", "handle", "intent", "wake", "mic", "snd")
        return {"tts": [program], **{name: [] for name in others}}
