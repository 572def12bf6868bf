"""What can go wrong that a user should be told, each in one sentence.

Every room may raise these; the edges (server, cli) turn them into a close code, an HTTP
status or an exit code. A message says what was wrong and what is allowed.
"""

from __future__ import annotations


class SpeechError(Exception):
    """Something the caller did or must know; `str(error)` is one sentence for people.

    Attributes:
        code: short stable word for programs, e.g. `bad_parameter`.
    """

    code = "internal"


class BadParameter(SpeechError):
    """A parameter, message or voice name is not one of those allowed."""

    code = "bad_parameter"


class Unspeakable(SpeechError):
    """The text holds nothing that this voice can say."""

    code = "unspeakable_text"


class TextTooLong(SpeechError):
    """More text waits to be spoken than the server holds for one stream."""

    code = "text_too_long"


class Full(SpeechError):
    """No room for one more listener at present.

    Attributes:
        retry_after: seconds after which a new attempt makes sense.
    """

    code = "full"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(f"{message}; try again in {retry_after} s")
        self.retry_after = retry_after


class NoSession(SpeechError):
    """There is no such session (any more), or it is somebody else's."""

    code = "no_session"


class OffsetGone(SpeechError):
    """The audio from that offset on is no longer kept."""

    code = "offset_gone"


class TakenOver(SpeechError):
    """A newer connection goes on with this session."""

    code = "taken_over"


class BadCheckpoint(SpeechError):
    """A model file is not what it should be; names the file and what was expected."""

    code = "bad_checkpoint"


class BadVoice(SpeechError):
    """A voice file is not what it should be; names the file and what was expected."""

    code = "bad_voice"


class NotFetched(SpeechError):
    """A model or a voice could not be fetched; says from where and why."""

    code = "not_fetched"
