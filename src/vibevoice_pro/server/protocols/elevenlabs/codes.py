"""How errors are called in ElevenLabs' interface.

Source: ElevenLabs' API reference, errors.
"""

from __future__ import annotations

from vibevoice_pro.errors import SpeechError

POLICY = 1008
"""WebSocket close code of every refusal, RFC 6455: a policy was violated."""

_CODES = {
    "bad_parameter": (400, "invalid_parameters"),
    "text_too_long": (400, "max_character_limit_exceeded"),
    "idle": (408, "input_timeout_exceeded"),
    # Its clients know that both of these pass, and come again.
    "full": (429, "system_busy"),
    "over_quota": (429, "too_many_concurrent_requests"),
    "stopping": (503, "system_busy"),  # a balancer then asks another server
}

_FIELDS = {
    "voice": "voice_id", "language": "language_code", "rate": "output_format",
    "speed": "voice_settings.speed",
}  # fmt: skip


def status_and_code(error: SpeechError) -> tuple[int, str]:
    """The HTTP status and ElevenLabs' word for an error."""
    if error.code == "bad_parameter" and error.field == "voice":
        return 404, "voice_not_found"
    return _CODES.get(error.code, (500, "internal_server_error"))


def field_of(error: SpeechError) -> str:
    """What the interface calls the field that is wrong; empty: none."""
    return _FIELDS.get(error.field, error.field)
