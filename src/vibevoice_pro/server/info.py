"""What clients and operators ask about the server."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from vibevoice_pro.server.status import Service, StatusView, VoiceView

router = APIRouter()


class Config(BaseModel):
    """The voices, in the form of Microsoft's VibeVoice demo."""

    voices: list[str]
    default_voice: str


class Health(BaseModel):
    """Whether something is as it should be."""

    status: str


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


@router.get("/config", summary="Voice names and the default")
async def config(request: Request) -> Config:
    """List the voice names, as Microsoft's demo does."""
    service = _service(request)
    return Config(voices=list(service.engine.model.voices), default_voice=service.default_voice)


@router.get("/api/voices", summary="Voices with language, gender and description")
async def voices(request: Request) -> list[VoiceView]:
    """List the voices."""
    return _service(request).voices()


@router.get("/api/status", summary="Model, load, memory, streams")
async def status(request: Request) -> StatusView:
    """Say what the server is doing."""
    return _service(request).status()


@router.get("/healthz", summary="Alive? 503 if the engine hangs", responses={503: {}})
async def healthz(request: Request, response: Response) -> Health:
    """Liveness: the engine's thread runs and makes progress."""
    if _service(request).engine.status().healthy:
        return Health(status="ok")
    response.status_code = 503
    return Health(status="the engine does not make progress")


@router.get("/readyz", summary="Room for one more listener? 503 if not", responses={503: {}})
async def readyz(request: Request, response: Response) -> Health:
    """Readiness: one more listener would be admitted."""
    engine = _service(request).engine.status()
    places = min(engine.max_streams, engine.capacity or engine.max_streams)
    if engine.healthy and engine.streams < places:
        return Health(status="ok")
    response.status_code = 503
    return Health(status="full" if engine.healthy else "the engine does not make progress")
