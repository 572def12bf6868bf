"""WebSocket close codes of `/stream`; docs/protocol.md describes them."""

from __future__ import annotations

import enum


class CloseCode(enum.IntEnum):
    """Why a connection was closed; a name in lower case is the `code` of the `error` event."""

    DONE = 1000
    GOING_AWAY = 1001
    ACCESS_DENIED = 1008
    TEXT_TOO_LONG = 1009
    INTERNAL = 1011
    STOPPING = 1012
    FULL = 1013
    BAD_PARAMETER = 4400
    NO_SESSION = 4404
    IDLE = 4408
    TAKEN_OVER = 4409
    OFFSET_GONE = 4410
    OVER_QUOTA = 4429


RESUMABLE = frozenset(
    {CloseCode.GOING_AWAY, CloseCode.STOPPING, CloseCode.FULL, CloseCode.OVER_QUOTA}
)
"""Codes after which a new attempt to resume the session makes sense."""
