"""The voices, the models and the account, as ElevenLabs' interface lists them.

Source: ElevenLabs' API reference, voices/get-all, models/get-all, user/get.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import KNOBS
from vibevoice_pro.models.catalog import Catalog
from vibevoice_pro.server.auth import key_of
from vibevoice_pro.server.protocols.elevenlabs.codes import field_of, status_and_code
from vibevoice_pro.server.refusal import refuse
from vibevoice_pro.server.status import Status, VoiceView
from vibevoice_pro.text.detect import name_of

router = APIRouter(tags=["ElevenLabs"])

_GENDERS = {"woman": "female", "man": "male"}
_NO_LIMIT = 2**31 - 1


def _status(request: Request) -> Status:
    status: Status = request.app.state.status
    return status


# --- voices ---------------------------------------------------------------------------------------


def _voice(voice: VoiceView) -> dict[str, Any]:
    labels = {"language": voice.language, "gender": _GENDERS.get(voice.gender, "")}
    return {
        "voice_id": voice.id,
        "name": voice.id,
        "category": "premade",
        "description": voice.description,
        "labels": {name: value for name, value in labels.items() if value},
        "settings": {"speed": KNOBS["speed"].default},
        "samples": None,
        "preview_url": None,
        "available_for_tiers": [],
        "high_quality_base_model_ids": [],
    }


def _voices(request: Request, search: str = "") -> list[dict[str, Any]]:
    wanted = search.casefold()
    return [
        _voice(voice)
        for voice in _status(request).voices()
        if voice.installed
        and wanted in f"{voice.id} {voice.description} {voice.language}".casefold()
    ]


@router.get("/v1/voices", summary="The voices, as ElevenLabs' interface lists them")
async def voices(request: Request) -> dict[str, Any]:
    """List the voices that can speak."""
    return {"voices": _voices(request)}


@router.get("/v2/voices", summary="The voices, all on one page")
async def voices_page(request: Request, search: str = "") -> dict[str, Any]:
    """List the voices that can speak, and have `search` in their name."""
    found = _voices(request, search)
    return {
        "voices": found, "has_more": False, "total_count": len(found), "next_page_token": None,
    }  # fmt: skip


@router.get("/v1/voices/{voice_id}", summary="A voice", responses={404: {}}, response_model=None)
async def voice(request: Request, voice_id: str) -> dict[str, Any] | Response:
    """Say which voice this is, or which one speaks for that name."""
    catalog: Catalog = _status(request).service.catalog
    try:
        found = catalog.find(voice_id)
    except BadParameter as error:
        status, code = status_and_code(error)
        return refuse(request.url.path, status, code, str(error), field_of(error))
    return next(_voice(v) for v in _status(request).voices() if v.id == found.voice.id)


# --- models ---------------------------------------------------------------------------------------


class _OwnClients(APIRoute):
    """Only serves those who send `xi-api-key`, as all of ElevenLabs' clients do.

    OpenAI's interface has a list of models at the same place, an object where this is an array, so
    that no answer could serve both.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See `Route.matches`."""
        if all(name.lower() != b"xi-api-key" for name, _ in scope.get("headers", ())):
            return Match.NONE, {}
        return super().matches(scope)


_own = APIRouter(route_class=_OwnClients)


@_own.get("/v1/models", include_in_schema=False)
async def models(request: Request) -> list[dict[str, Any]]:
    """List the models that speak here; which of them a client names makes no difference."""
    status = _status(request)
    entries = status.service.catalog.entries.values()
    listed = []
    for model in status.view().models:
        spoken = {e.voice.language for e in entries if e.model.name == model.name}
        listed.append({
            "model_id": model.name,
            "name": model.name,
            "can_do_text_to_speech": True,
            "can_do_voice_conversion": False,
            "can_be_finetuned": False,
            "can_use_style": False,
            "can_use_speaker_boost": False,
            "languages": [{"language_id": tag, "name": name_of(tag)} for tag in sorted(spoken)],
            "maximum_text_length_per_request": status.service.settings.max_text,
        })  # fmt: skip
    return listed


router.include_router(_own)


# --- the account ----------------------------------------------------------------------------------


def _subscription(request: Request) -> dict[str, Any]:
    key, status = key_of(request), _status(request)
    there = len(status.service.catalog.entries)
    return {
        "tier": "self_hosted",
        "status": "active",
        "character_count": status.service.characters_used(key),
        "character_limit": key.characters_per_day or _NO_LIMIT,
        "can_extend_character_limit": False,
        "allowed_to_extend_character_limit": False,
        "next_character_count_reset_unix": None,
        "voice_slots_used": there,
        "voice_limit": there,
        "professional_voice_slots_used": 0,
        "professional_voice_limit": 0,
        "can_extend_voice_limit": False,
        "can_use_instant_voice_cloning": False,
        "can_use_professional_voice_cloning": False,
    }


@router.get("/v1/user/subscription", summary="What an API key may use, and has used")
async def subscription(request: Request) -> dict[str, Any]:
    """Say how many characters a day the key allows; the count falls steadily."""
    return _subscription(request)


@router.get("/v1/user", summary="Whose an API key is")
async def user(request: Request) -> dict[str, Any]:
    """Say whose the key is, and what it allows."""
    return {
        "user_id": key_of(request).name or "anyone",
        "subscription": _subscription(request),
        "is_new_user": False,
        "can_use_delayed_payment_methods": False,
        "is_onboarding_completed": True,
        "is_onboarding_checklist_completed": True,
    }
