"""What clients send, checked against the types of a protocol's messages."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from vibevoice_pro.errors import BadParameter

M = TypeVar("M", bound=BaseModel)


def checked(kind: type[M], values: dict[str, Any]) -> M:
    """The values as a message of that kind.

    Raises:
        BadParameter: a field is missing or has a value that is not allowed; names the first.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        said = said[:1].lower() + said[1:]
        raise BadParameter(f"{field}: {said}" if field else said, field=field) from None


def json_message(message: str | bytes, example: str) -> dict[str, Any]:
    """The JSON object in a message of a WebSocket.

    `example`: shown to whoever sends something else.

    Raises:
        BadParameter: there is none.
    """
    if isinstance(message, bytes):
        raise BadParameter(f"messages must be JSON text like {example}; a binary one came")
    try:
        values = json.loads(message)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise BadParameter(f"messages must be JSON objects like {example}; got {message[:40]!r}")
    return values
