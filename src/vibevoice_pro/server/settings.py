"""Settings over HTTP: what they are, and those that change while the server runs."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from vibevoice_pro.config.live import LiveSettings, Row
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.server.body import json_object

router = APIRouter()

POLL_S = 2.0
"""How often config/.env is looked at, in seconds."""

_MAX_BYTES = 64 * 1024
_EXAMPLE = '{"steps": 5}'


def _live(request: Request) -> LiveSettings:
    live: LiveSettings = request.app.state.live
    return live


def _schema() -> dict[str, Any]:
    """Of the settings that may change while the server runs."""
    fields = Settings.model_json_schema()["properties"]
    live = {
        name: {key: field[key] for key in field.keys() - {"default", "live", "unit", "title"}}
        for name, field in fields.items()
        if field.get("live")
    }
    keep = {"type": "boolean", "description": "write them to config/.env too"}
    return {
        "type": "object",
        "properties": {**live, "keep": keep},
        "additionalProperties": False,
        "minProperties": 1,
    }


@router.get("/api/config", summary="All settings: value, source, unit, meaning")
async def show(request: Request) -> dict[str, Row]:
    """List the settings."""
    return _live(request).table()


@router.post(
    "/api/config",
    summary="Change settings while the server runs",
    response_model=dict[str, Row],
    responses={400: {}},
    openapi_extra={
        "requestBody": {
            "content": {
                "application/json": {"schema": _schema(), "example": {"steps": 5, "keep": False}}
            },
            "required": True,
        }
    },
)
async def change(request: Request) -> Any:
    """Change some settings, all of them or none; what speaks already keeps what it began with.

    The body is a JSON object of settings, whatever its content type says. `"keep": true` writes
    them to config/.env too.
    """
    live = _live(request)
    try:
        values = await json_object(request, _MAX_BYTES, _EXAMPLE)
        keep = values.pop("keep", False)
        if not isinstance(keep, bool):
            raise BadParameter(f"keep must be true or false; got {keep!r}", field="keep")
        if not values:
            raise BadParameter('the body is a JSON object of settings, like {"steps": 5}')
        live.change(values, keep)
    except BadParameter as error:
        return JSONResponse({"error": str(error), "field": error.field}, 400)
    rows = live.table()
    return {name: rows[name] for name in values}


async def watch(live: LiveSettings) -> None:
    """Take what changes in config/.env, if there is one, for as long as the server runs."""
    while live.folder is not None:
        await asyncio.sleep(POLL_S)
        await asyncio.to_thread(live.poll)
