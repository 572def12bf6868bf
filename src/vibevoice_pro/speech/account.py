"""One line in the log for each listener: who spoke, how much, how soon, and how it ended."""

from __future__ import annotations

import logging
import time

log = logging.getLogger(__name__)

_SHOWN = 8  # characters of a session's id: whoever knows all of it could resume the session


class Account:
    """What a listener has been given. The text itself is none of the log's business."""

    def __init__(self, session: str, voice: str) -> None:
        self._session = session[:_SHOWN]
        self._voice = voice
        self._began = time.monotonic()
        self._first: float | None = None
        self._outcome = ""

    def heard(self) -> None:
        """Audio was given out."""
        if self._first is None:
            self._first = time.monotonic() - self._began

    def end(self, outcome: str, characters: int, audio_s: float) -> None:
        """Write the line, once.

        Args:
            outcome: `done`, `empty` or `cancelled`; `lost`: the connection was; `left`: the client
                closed the session before its end; else the code of the error.
            characters: of the text that was written.
            audio_s: seconds of audio that this listener was given.
        """
        if self._outcome:
            return
        self._outcome = outcome
        values = {
            "session": self._session,
            "voice": self._voice,
            "characters": characters,
            "audio_s": round(audio_s, 2),
            "first_audio_ms": None if self._first is None else round(self._first * 1e3, 1),
            "seconds": round(time.monotonic() - self._began, 2),
            "outcome": outcome,
        }
        text = " ".join(f"{name}={'-' if v is None else v}" for name, v in values.items())
        log.info("speech %s", text, extra={"values": values})
