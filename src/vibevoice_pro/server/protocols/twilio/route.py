"""`/twilio`: a WebSocket."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from vibevoice_pro.server.protocols.twilio.connection import Connection
from vibevoice_pro.server.status import Status

router = APIRouter()


@router.websocket("/twilio")
async def twilio(socket: WebSocket) -> None:
    """A call that Twilio connects here, or a program between Twilio and here."""
    status: Status = socket.app.state.status
    with status.connected():
        await Connection(socket, status.service).serve()
