"""What a listener of speech is given, in the order in which it is to be heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reason = Literal["done", "cancelled", "empty"]


@dataclass(frozen=True)
class Audio:
    """A frame of PCM: s16le, mono; 20 ms, or less where a resume began within a frame.

    Attributes:
        pcm: the bytes.
        byte: bytes of the session's PCM before it.
    """

    pcm: bytes
    byte: int


@dataclass(frozen=True)
class Mark:
    """Where text is heard; comes before the frame in which that begins.

    Attributes:
        chars: of all text written in the session, [start, end).
        bytes: of the session's PCM, [start, end).
        exact: whether it is known from what was made, or estimated.
        voice: who is heard, of those who speak in turn; empty: there is only one.
    """

    chars: tuple[int, int]
    bytes: tuple[int, int]
    exact: bool
    voice: str = ""


@dataclass(frozen=True)
class Cut:
    """The writer hesitated so long that the text was cut there, as a flush would have done.

    Attributes:
        chars: characters of the session's text before the cut.
    """

    chars: int


@dataclass(frozen=True)
class Drained:
    """All that was written before a flush has been given out.

    Attributes:
        bytes: of PCM; chars: of text.
    """

    bytes: int
    chars: int


@dataclass(frozen=True)
class Warning:
    """Something the listener should know; the speech goes on.

    Attributes:
        code: for programs: `unread_text`, `language`, `markup`.
        message: one sentence for people.
        language: of a `language` warning, what the text seems to be in: an ISO 639-1 code.
    """

    code: str
    message: str
    language: str = ""


@dataclass(frozen=True)
class Interrupted:
    """A barge-in: nothing that follows belongs to the text before it.

    Attributes:
        bytes: of PCM that had been given out.
        spoken_chars: characters of all text that were heard in what was played.
        final: whether the text had been complete: nothing but the end will follow.
    """

    bytes: int
    spoken_chars: int
    final: bool


@dataclass(frozen=True)
class Ended:
    """All has been given out.

    Attributes:
        bytes: of PCM in the whole session.
        reason: `empty`: there was nothing to say.
        spoken_chars: see `Interrupted`; None unless the reason is `cancelled`.
    """

    bytes: int
    reason: Reason
    spoken_chars: int | None = None


Event = Audio | Mark | Cut | Drained | Warning | Interrupted | Ended
