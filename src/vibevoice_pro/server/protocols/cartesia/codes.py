"""How errors are told in Cartesia's interface.

Source: Cartesia's documentation, API errors.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from vibevoice_pro.errors import SpeechError
from vibevoice_pro.server.refusal import STATUS, refusal, refuse

_PATH = "/tts/"


def _status_and_code(error: SpeechError) -> tuple[int, str]:
    if error.code == "bad_parameter" and error.field == "voice":
        return 404, "voice_not_found"
    return STATUS.get(error.code, 500), error.code


def refused(error: SpeechError) -> JSONResponse:
    """The answer to a request that is refused."""
    status, code = _status_and_code(error)
    return refuse(_PATH, status, code, str(error), error.field, error.retry_after)


def message(error: SpeechError, context: str | None) -> dict[str, Any]:
    """The message that tells that a context has ended with an error.

    It has a `context_id` even where there is none: pipecat fails without.
    """
    status, code = _status_and_code(error)
    told = refusal(_PATH, status, code, str(error), error.field)
    if error.retry_after is not None:
        told["retry_after"] = error.retry_after
    return {"type": "error", "context_id": context, "done": True, "status_code": status, **told}
