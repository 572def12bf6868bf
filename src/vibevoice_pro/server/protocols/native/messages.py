"""What a client may say on `/stream`, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vibevoice_pro.errors import BadParameter

KINDS = ("text", "flush", "end", "cancel", "ack")


@dataclass(frozen=True)
class Message:
    """A client's message.

    Attributes:
        kind: one of `KINDS`.
        text: of a text.
        seq: its number among the messages that write, None: not numbered.
        bytes: of an ack, those received; of a cancel, those played, None: not said.
    """

    kind: str
    text: str = ""
    seq: int | None = None
    bytes: int | None = None


def parse(text: str | bytes) -> Message:
    """Check a WebSocket message.

    Raises:
        BadParameter: it is none of those; says what is allowed.
    """
    if isinstance(text, bytes):
        raise BadParameter("messages must be JSON text; a binary one came")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadParameter(f"messages must be JSON; {text[:40]!r} is not") from error
    if not isinstance(data, dict) or data.get("type") not in KINDS:
        raise BadParameter(
            f'messages must be objects with "type" one of {", ".join(KINDS)}; got {text[:60]!r}',
            field="type",
        )
    kind = data["type"]
    if kind == "text" and not isinstance(data.get("text"), str):
        raise BadParameter('a message of type "text" needs "text", a string', field="text")
    number = _whole(data, "bytes", 0)
    if kind == "ack" and number is None:
        raise BadParameter(
            'a message of type "ack" needs "bytes", those received so far', field="bytes"
        )
    return Message(kind, data.get("text") or "", _whole(data, "seq", 1), number)


def _whole(data: Mapping[str, Any], name: str, least: int) -> int | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadParameter(
            f'"{name}" must be a whole number, {least} or more; got {str(value)[:40]}', field=name
        )
    return value
