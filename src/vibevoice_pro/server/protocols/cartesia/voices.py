"""`GET /voices`: the voices that can speak, as Cartesia's interface lists them, in pages."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from vibevoice_pro.errors import SpeechError
from vibevoice_pro.models.names import primary
from vibevoice_pro.server.checked import checked
from vibevoice_pro.server.openapi import parameters
from vibevoice_pro.server.protocols.cartesia.codes import refused
from vibevoice_pro.server.status import Status, VoiceView

router = APIRouter(tags=["Cartesia"])

_GENDERS = {"woman": "feminine", "man": "masculine"}
_CREATED = "2025-12-01T00:00:00Z"  # of no meaning here; the field is required


class Page(BaseModel):
    """Which part of the list is asked for."""

    limit: int = Field(10, ge=1, le=100)
    starting_after: str | None = None
    ending_before: str | None = None
    q: str = ""
    gender: str = ""
    is_owner: bool | None = None


@router.get(
    "/voices", summary="The voices, as Cartesia's interface lists them", response_model=None,
    responses={400: {}}, openapi_extra={"parameters": parameters(Page)},
)  # fmt: skip
async def voices(request: Request) -> dict[str, Any] | Response:
    """A page of the voices that are installed."""
    try:
        page = checked(Page, dict(request.query_params))
    except SpeechError as error:
        return refused(error)
    listed = [] if page.is_owner else [_voice(v) for v in _installed(request)]
    listed = [voice for voice in listed if _matches(voice, page)]
    ids = [voice["id"] for voice in listed]
    if page.ending_before in ids:
        end = ids.index(page.ending_before)
        part = listed[max(0, end - page.limit) : end]
        more = end > page.limit
    else:
        start = ids.index(page.starting_after) + 1 if page.starting_after in ids else 0
        part = listed[start : start + page.limit]
        more = start + page.limit < len(listed)
    return {"data": part, "has_more": more}


@router.get(
    "/voices/{voice_id}", summary="A voice, as Cartesia's interface shows it", response_model=None,
    responses={404: {}},
)  # fmt: skip
async def voice(request: Request, voice_id: str) -> dict[str, Any] | Response:
    """Say which voice this is, or which one speaks for that name."""
    status: Status = request.app.state.status
    try:
        found = status.service.catalog.find(voice_id)
    except SpeechError as error:
        return refused(error)
    return next(_voice(view) for view in _installed(request) if view.id == found.voice.id)


def _installed(request: Request) -> list[VoiceView]:
    status: Status = request.app.state.status
    return [voice for voice in status.voices() if voice.installed]


def _matches(voice: dict[str, Any], page: Page) -> bool:
    text = f"{voice['id']} {voice['name']} {voice['description']}".casefold()
    return page.q.casefold() in text and page.gender in ("", voice["gender"])


def _voice(view: VoiceView) -> dict[str, Any]:
    return {
        "id": view.id,
        "name": view.id,
        "description": view.description,
        "tagline": view.description[:32],
        "language": primary(view.language),
        "locales": [{"locale": view.language, "is_native": True}],
        "gender": _GENDERS.get(view.gender),
        "created_at": _CREATED,
        "access": "public",
        "visibility": "all",
        "is_public": True,
        "is_owner": False,
    }
