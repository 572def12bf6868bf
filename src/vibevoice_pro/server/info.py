"""What clients and operators ask about the server."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from vibevoice_pro.server.status import Status, StatusView, VoiceView

router = APIRouter()


class Config(BaseModel):
    """The voices, in the form of Microsoft's VibeVoice demo."""

    voices: list[str]
    default_voice: str


class Health(BaseModel):
    """Whether something is as it should be."""

    status: str


def _status(request: Request) -> Status:
    status: Status = request.app.state.status
    return status


@router.get("/config", summary="Voice names and the default")
async def config(request: Request) -> Config:
    """List the voice names, as Microsoft's demo does."""
    catalog = _status(request).service.catalog
    return Config(voices=list(catalog.entries), default_voice=catalog.default)


@router.get("/api/voices", summary="Voices, installed or not, with language, gender and aliases")
async def voices(request: Request) -> list[VoiceView]:
    """List the voices: those that can speak, then those that a command brings."""
    return _status(request).voices()


@router.get("/api/status", summary="Models, load, memory, streams")
async def status(request: Request) -> StatusView:
    """Say what the server is doing."""
    return _status(request).view()


@router.get("/healthz", summary="Alive? 503 if speech stalls", responses={503: {}})
async def healthz(request: Request, response: Response) -> Health:
    """Liveness: the engine makes progress, and so does every listener's speech."""
    ailing = _status(request).service.ailing
    if ailing:
        response.status_code = 503
    return Health(status=ailing or "ok")


@router.get("/readyz", summary="Room for one more listener? 503 if not", responses={503: {}})
async def readyz(request: Request, response: Response) -> Health:
    """Readiness: one more listener would be admitted."""
    service = _status(request).service
    engine = service.engine.status()
    if service.draining:
        response.status_code = 503
        return Health(status="the server is stopping")
    places = min(engine.max_streams, engine.capacity or engine.max_streams)
    ailing = service.ailing or ("" if engine.streams < places else "full")
    if ailing:
        response.status_code = 503
    return Health(status=ailing or "ok")
