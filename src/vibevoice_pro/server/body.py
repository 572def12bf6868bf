"""The JSON object in the body of a request: bounded in size and in time."""

from __future__ import annotations

import json
from typing import Any

import anyio
from starlette.requests import Request

from vibevoice_pro.errors import BadParameter

_BODY_S = 10.0


async def json_object(request: Request, most: int, example: str) -> dict[str, Any]:
    """Read it, whatever the content type says.

    Args:
        request: of which no body was read yet.
        most: bytes it may have.
        example: shown to whoever sends something else.

    Raises:
        BadParameter: there is none.
    """
    body = bytearray()
    try:
        with anyio.fail_after(_BODY_S):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise BadParameter(f"the body has more than {most:,} bytes")
        values = json.loads(body)
    except TimeoutError:
        raise BadParameter(f"the body did not come within {_BODY_S:g} s") from None
    except (ValueError, RecursionError):
        shown = body[:40].decode("utf-8", "replace")
        raise BadParameter(
            f"the body must be a JSON object like {example}; got {shown!r}"
        ) from None
    if not isinstance(values, dict):
        raise BadParameter(f"the body must be a JSON object like {example}")
    return values
