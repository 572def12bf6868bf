"""`/stream`: a WebSocket."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse

from vibevoice_pro.server.auth import key_of
from vibevoice_pro.server.protocols.native.connection import Connection
from vibevoice_pro.server.status import Status

router = APIRouter()


@router.websocket("/stream")
async def stream(socket: WebSocket) -> None:
    """Text in (URL or messages), 20 ms frames of PCM out; see docs/protocol.md."""
    status: Status = socket.app.state.status
    with status.connected():
        await Connection(socket, status.service, key_of(socket)).serve()


@router.get("/stream", include_in_schema=False)
async def stream_http() -> JSONResponse:
    """Tell a plain HTTP client how to connect."""
    return JSONResponse(
        {"error": "this is a WebSocket: connect to ws://…/stream?text=… (see docs/protocol.md)"},
        status_code=426,
        headers={"Upgrade": "websocket"},
    )
