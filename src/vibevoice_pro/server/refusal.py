"""How a refusal looks, for each protocol over HTTP: whoever refuses, the client can read it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from uuid import uuid4

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


def _cartesia(status: int, code: str, message: str, field: str) -> dict[str, Any]:
    return {
        "error_code": code, "title": HTTPStatus(status).phrase, "message": message,
        "request_id": str(uuid4()), **({"param": field} if field else {}),
    }  # fmt: skip


_ERR_CODES = {
    400: "INVALID_QUERY_PARAMETER", 401: "INVALID_AUTH", 403: "INSUFFICIENT_PERMISSIONS",
    413: "PAYLOAD_TOO_LARGE", 429: "TOO_MANY_REQUESTS", 503: "SERVICE_UNAVAILABLE",
}  # fmt: skip


def _deepgram(status: int, code: str, message: str, field: str) -> dict[str, Any]:
    err_code = _ERR_CODES.get(status, "INTERNAL_SERVER_ERROR")
    if status == 400 and field == "text":
        err_code = "PAYLOAD_ERROR"
    return {"err_code": err_code, "err_msg": message, "request_id": str(uuid4())}


_SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys(("/v1/text-to-speech/", "/v1/voices", "/v2/voices", "/v1/user"), _elevenlabs),
    **dict.fromkeys(("/tts/", "/voices"), _cartesia),
    "/v1/speak": _deepgram,
    "/v1/": _openai,
}
"""By the beginning of the path."""


def _shape(path: str) -> Shape:
    return next((s for prefix, s in _SHAPES.items() if path.startswith(prefix)), _plain)


def refusal(path: str, status: int, code: str, message: str, field: str = "") -> dict[str, Any]:
    """The body of such an answer alone, for protocols that send it in a message."""
    return _shape(path)(status, code, message, field)


_UNSHOWN = re.compile(r"[^ -~]")


def header_text(text: str) -> str:
    """A text as a header can have it: printable ASCII."""
    return _UNSHOWN.sub("?", text)


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
    shape = _shape(path)
    response = JSONResponse(shape(status, code, message, field), status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(retry_after))
    if shape is _deepgram:  # what its clients read where a WebSocket is refused
        response.headers["dg-error"] = header_text(message[:500])
    return response


def refuse_for(path: str, error: SpeechError) -> JSONResponse:
    """The same for an error of speech."""
    status = STATUS.get(error.code, 500)
    return refuse(path, status, error.code, str(error), error.field, error.retry_after)
