"""How a refusal looks, for each protocol over HTTP: whoever refuses, the client can read it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import JSONResponse

from vibevoice_pro.errors import SpeechError

STATUS: Mapping[str, int] = {
    "bad_parameter": 400,
    "text_too_long": 413,
    "no_session": 404,
    "idle": 408,
    "over_quota": 429,
    "full": 503,
    "stopping": 503,
}
"""From `SpeechError.code`; what is not here is the server's own fault, 500."""

Shape = Callable[[int, str, str, str], dict[str, Any]]
"""(status, code, message, field) → the body."""


def _plain(status: int, code: str, message: str, field: str) -> dict[str, Any]:
    return {"error": message, **({"field": field} if field else {})}


_TYPES = {
    **dict.fromkeys((400, 405, 408, 413), "invalid_request_error"), 401: "authentication_error",
    403: "permission_error", 404: "not_found_error", 429: "rate_limit_error",
}  # fmt: skip


def _openai(status: int, code: str, message: str, field: str) -> dict[str, Any]:
    kind = _TYPES.get(status, "server_error")
    return {"error": {"message": message, "type": kind, "param": field or None, "code": code}}


def _elevenlabs(status: int, code: str, message: str, field: str) -> dict[str, Any]:
    return {"detail": {"status": code, "message": message, **({"param": field} if field else {})}}


_SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys(("/v1/text-to-speech/", "/v1/voices", "/v2/voices", "/v1/user"), _elevenlabs),
    "/v1/": _openai,
}
"""By the beginning of the path."""


def refuse(
    path: str, status: int, code: str, message: str, field: str = "",
    retry_after: float | None = None,
) -> JSONResponse:  # fmt: skip
    """The answer to a request that is refused, in the shape that clients of this path read.

    Args:
        path: of the request.
        status: of the answer.
        code, message, field: see `SpeechError`.
        retry_after: seconds.
    """
    shape = next((s for prefix, s in _SHAPES.items() if path.startswith(prefix)), _plain)
    response = JSONResponse(shape(status, code, message, field), status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(retry_after))
    return response


def refuse_for(path: str, error: SpeechError) -> JSONResponse:
    """The same for an error of speech."""
    status = STATUS.get(error.code, 500)
    return refuse(path, status, error.code, str(error), error.field, error.retry_after)
