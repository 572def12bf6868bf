"""WebSocket close codes, and what each means; docs/protocol.md has them for people."""

from __future__ import annotations

from vibevoice_pro.errors import SpeechError

DONE = 1000
FAILED = 1011
REFUSED = 4400

CLOSE_CODES = {
    "text_too_long": 1009,
    "internal": FAILED,
    "full": 1013,
    "stopping": 1012,
    "bad_parameter": REFUSED,
    "no_session": 4404,
    "idle": 4408,
    "taken_over": 4409,
    "offset_gone": 4410,
    "over_quota": 4429,
}
"""`SpeechError.code` to the code that the connection is closed with."""


def close_code(error: SpeechError) -> int:
    """The code that the connection is closed with."""
    return CLOSE_CODES.get(error.code, FAILED)
