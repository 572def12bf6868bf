"""What became of each listener: one line in the log, and what metrics are made of."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

log = logging.getLogger(__name__)

_LATE_S = 0.1
_SHOWN = 8  # characters of a session's id: whoever knows all of it could resume the session


@dataclass(frozen=True)
class Outcome:
    """What a listener was given. The text itself is none of the log's business.

    Attributes:
        session: begin of the session's id.
        key: name of the API key; empty: there are none.
        voice: who spoke.
        characters: of the text that was written.
        audio_s: seconds of audio that this listener was given.
        first_audio_ms: milliseconds to the first of it; None: there was none.
        seconds: from its arrival to its end.
        underruns: how often audio came more than 100 ms late for a listener who plays from the
            first of it on, although there was text to speak.
        outcome: `done`, `empty` or `cancelled`; `lost`: the connection was; `left`: the client
            closed the session before its end; else the code of the error.
    """

    session: str
    key: str
    voice: str
    characters: int
    audio_s: float
    first_audio_ms: float | None
    seconds: float
    underruns: int
    outcome: str


class Account:
    """Keeps the time of a listener."""

    def __init__(self, session: str, key: str, voice: str, told: Callable[[Outcome], None]) -> None:
        """`told`: is given what became of it."""
        self._session = session[:_SHOWN]
        self._key = key
        self._voice = voice
        self._told = told
        self._began = time.monotonic()
        self._first: float | None = None
        self._played = math.inf  # when the audio given out will have been played
        self._late = False  # whether the listener waits for the engine, not the other way round
        self._underruns = 0
        self._over = False

    def heard(self, seconds: float) -> None:
        """So many seconds of audio were given out."""
        now = time.monotonic()
        if self._first is None:
            self._first = now - self._began
        if self._late and now - self._played > _LATE_S:
            self._underruns += 1
        self._late = False
        self._played = seconds + (now if math.isinf(self._played) else max(now, self._played))

    def waits(self, due: bool) -> None:
        """Nothing is there to give out; `due`: although there is text to speak."""
        self._late = due
        if not due:
            self._played = math.inf  # what comes next begins anew

    def end(self, outcome: str, characters: int, audio_s: float) -> None:
        """Tell what became of the listener, once; see `Outcome`."""
        if self._over:
            return
        self._over = True
        what = Outcome(
            self._session, self._key, self._voice, characters, round(audio_s, 2),
            None if self._first is None else round(self._first * 1e3, 1),
            round(time.monotonic() - self._began, 2), self._underruns, outcome,
        )  # fmt: skip
        values = asdict(what)
        text = " ".join(f"{name}={'-' if v in (None, '') else v}" for name, v in values.items())
        log.info("speech %s", text, extra={"values": values})
        self._told(what)
