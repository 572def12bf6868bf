"""What can go wrong that a user should be told, each in one sentence.

Every room may raise these; each protocol has one table from error to its own wire, and the CLI
turns them into an exit status. A message says what was wrong and what is allowed.
"""

from __future__ import annotations


class SpeechError(Exception):
    """Something the caller did or must know; `str(error)` is one sentence for people.

    Attributes:
        code: short stable word for programs, e.g. `bad_parameter`.
        field: the parameter or message field that is wrong; empty: none, or not one alone.
        retry_after: seconds after which a new attempt makes sense; None: it makes none.
    """

    code = "internal"

    def __init__(self, message: str, *, field: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.retry_after = retry_after


class BadParameter(SpeechError):
    """A parameter, message or voice name is not one of those allowed."""

    code = "bad_parameter"


class TextTooLong(SpeechError):
    """More text waits to be spoken than the server holds for one stream."""

    code = "text_too_long"


class Full(SpeechError):
    """There is no room for one more listener at present."""

    code = "full"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(f"{message}; try again in {retry_after} s", retry_after=retry_after)


class OverQuota(SpeechError):
    """The caller's API key allows no more at present."""

    code = "over_quota"

    def __init__(self, message: str, retry_after: int | None) -> None:
        wait = "" if retry_after is None else f"; try again in {retry_after} s"
        super().__init__(message + wait, retry_after=retry_after)


class Stopping(SpeechError):
    """The server speaks on for those it has, and takes nobody new."""

    code = "stopping"

    def __init__(self) -> None:
        super().__init__("the server is stopping; try again in 5 s", retry_after=5)


class ModelRestarted(SpeechError):
    """The model has failed and is being loaded again; what it had of a stream is lost."""

    def __init__(self) -> None:
        super().__init__("the model has failed and is being loaded again")


class NoSession(SpeechError):
    """There is no such session (any more), or it is somebody else's."""

    code = "no_session"


class OffsetGone(SpeechError):
    """The audio from that offset on is no longer kept."""

    code = "offset_gone"


class TakenOver(SpeechError):
    """A newer connection has resumed this session."""

    code = "taken_over"


class Idle(SpeechError):
    """Nothing was written and nothing spoken for too long."""

    code = "idle"


class BadCheckpoint(SpeechError):
    """A model file is not what it should be; names the file and what was expected."""

    code = "bad_checkpoint"


class BadVoice(SpeechError):
    """A voice file is not what it should be; names the file and what was expected."""

    code = "bad_voice"


class NotFetched(SpeechError):
    """A model or a voice could not be fetched; says from where and why."""

    code = "not_fetched"
