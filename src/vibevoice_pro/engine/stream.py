"""A stream, the caller's side: text in, PCM out, for one listener.

Callers on any thread write text and take audio; the engine's thread has the other side, a `Job`.
All that the two sides share is here, under one lock: requests on their way to the engine, PCM and
notes on their way back. Everything the engine reports carries the epoch it belongs to; `cancel`
begins a new epoch, so that nothing of what was cancelled can come back.
"""

from __future__ import annotations

import enum
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from vibevoice_pro.engine.pcm import BEGINNING, Checkpoint, Notes
from vibevoice_pro.errors import SpeechError, TextTooLong
from vibevoice_pro.models.base import Options
from vibevoice_pro.text.lexicon import Entries


@dataclass(frozen=True)
class StreamConfig:
    """How one stream is served.

    Attributes:
        voice: a voice id of one of the engine's models.
        options: the model's settings.
        rate: sample rate of the PCM, in Hz.
        live: whether somebody listens while it is made: paced to the listener's clock. Else it is
            bulk work, as fast as possible and due last.
        lead: how far generation runs ahead of the listener, in seconds.
        patience: seconds a writer may hesitate before a listener who hears nothing is given the
            whole words there are; 0: never.
        max_text: characters that may wait to be spoken.
        voices: language (ISO 639-1 code) and voice of those who speak in turn, each the text in its
            language; `voice` is one of them, and begins. None: `voice` speaks all of it.
        markup: which marks the text has, see `text.ssml`; empty: none.
        lexicon: words of this stream that are said in another way, see `text.lexicon`.
        house: by language (ISO 639-1 code) or voice, words that are for every stream.
    """

    voice: str
    options: Options
    rate: int
    live: bool
    lead: float
    patience: float
    max_text: int
    voices: tuple[tuple[str, str], ...] = ()
    markup: str = ""
    lexicon: Entries = ()
    house: Mapping[str, Entries] = field(default_factory=dict)


class State(enum.Enum):
    """Where a stream stands, as its caller sees it.

    ```
    OPEN ── finish ──► COMPLETE ── all was made ──► ENDED        cancel: back to OPEN
    any but CLOSED ── the engine cannot go on ──► FAILED         any ── close ──► CLOSED
    ```
    """

    OPEN = "text may come"
    COMPLETE = "no more text will come"
    ENDED = "all of its audio has been made"
    FAILED = "it cannot go on"
    CLOSED = "the caller has left"


class Request(NamedTuple):
    """Something the caller asks of the engine."""

    verb: Literal["feed", "flush", "finish"]
    text: str = ""


class Collected(NamedTuple):
    """What the engine finds when it looks at a stream.

    Attributes:
        epoch: to be given back with all that is reported about these requests.
        origin: where this epoch's bytes and characters are counted from.
        begin: the PCM before this byte is made, because what follows depends on it, and dropped.
        requests: new ones, in order.
    """

    epoch: int
    origin: Checkpoint
    begin: int
    requests: deque[Request]


class Stream:
    """One listener's stream. All methods may be called from any thread.

    `on_output` is called (on the engine's thread) whenever `take` may give something new, or the
    stream has become quiet; it must not block.

    Bytes and characters are counted from `origin` on. The PCM up to byte `begin` is made and
    dropped.
    """

    def __init__(
        self, config: StreamConfig, wake: Callable[[], None],
        on_output: Callable[[], None] = lambda: None, origin: Checkpoint = BEGINNING,
        begin: int = 0,
    ) -> None:  # fmt: skip
        self.config = config
        self.on_output = on_output
        self._wake = wake
        self._lock = threading.Lock()
        self._state = State.OPEN
        self._error: SpeechError | None = None
        self._epoch = 0
        self._origin = origin
        self._begin = self._taken = max(begin, origin.byte)
        self._fed = origin.at  # characters
        self._requests: deque[Request] = deque()
        self._requested = 0  # characters in the requests
        self._held = 0  # characters that the engine has and has not spoken
        self._pcm = bytearray()
        self._notes = Notes()
        self._quiet = True
        self._worked_at = time.monotonic()

    # --- the caller ---------------------------------------------------------------------------

    def feed(self, text: str) -> None:
        """Add text.

        Raises:
            TextTooLong: more than `max_text` characters would wait; nothing of `text` was taken.
        """
        with self._lock:
            waiting, limit = self._requested + self._held, self.config.max_text
            if waiting + len(text) > limit:
                before = f"{waiting:,} characters wait to be spoken and " if waiting else ""
                raise TextTooLong(
                    f"{before}{len(text):,} {'more ' if waiting else 'characters '}came; "
                    f"at most {limit:,} may wait",
                    field="text",
                )
            self._requested += len(text)
            self._fed += len(text)
        self._ask(Request("feed", text))

    def flush(self) -> None:
        """Speak everything written so far."""
        self._ask(Request("flush"))

    def finish(self) -> None:
        """No more text will come; the stream ends when all of it has been spoken."""
        self._ask(Request("finish"))

    def _ask(self, request: Request) -> None:
        with self._lock:
            if self._state is State.CLOSED:
                return
            self._requests.append(request)
            self._quiet = False
            if request.verb == "finish" and self._state is State.OPEN:
                self._state = State.COMPLETE
        self._wake()

    def cancel(self, byte: int | None = None) -> None:
        """Be silent at once and forget all text; what is written from now on is spoken afresh.

        Its bytes are counted from `byte` on, by default from what has been taken.
        """
        with self._lock:
            self._epoch += 1
            self._requests.clear()
            self._requested = self._held = 0
            self._pcm.clear()
            self._notes = Notes()
            if self._state in (State.COMPLETE, State.ENDED):
                self._state = State.OPEN
            self._begin = self._taken = self._taken if byte is None else byte
            self._origin = Checkpoint(self._taken, self._fed)
        self._wake()

    def close(self) -> None:
        """Nobody listens any more: give everything back."""
        with self._lock:
            self._state = State.CLOSED
            self._error = None  # it refers to what it has come through, this stream too
            self._requests.clear()
            self._requested = self._held = 0
            self._pcm.clear()
        self._wake()

    def take(self, limit: int | None = None) -> bytes:
        """Take up to `limit` bytes of s16le PCM (whole samples), or all there are; may be empty.

        Raises:
            SpeechError: the stream failed; everything made before has been taken.
        """
        with self._lock:
            if not self._pcm and self._error is not None:
                raise self._error
            size = len(self._pcm) if limit is None else min(limit, len(self._pcm))
            pcm = bytes(self._pcm[:size])
            del self._pcm[:size]
            self._taken += size
        if pcm:
            self._wake()
        return pcm

    def take_notes(self) -> Notes:
        """What is new about the PCM made so far, that which has not been taken yet included."""
        with self._lock:
            notes, self._notes = self._notes, Notes()
            return notes

    @property
    def ended(self) -> bool:
        """Whether the text was finished and all its audio has been taken."""
        with self._lock:
            return self._state is State.ENDED and not self._pcm

    @property
    def closed(self) -> bool:
        """Whether the caller has left."""
        return self._state is State.CLOSED

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it: the caller has left, it failed, or it ended."""
        return self._state in (State.CLOSED, State.FAILED) or self.ended

    @property
    def unspoken(self) -> int:
        """Characters that wait to be spoken."""
        with self._lock:
            return self._requested + self._held

    @property
    def untaken(self) -> int:
        """Bytes of PCM that wait to be taken."""
        return len(self._pcm)

    @property
    def worked_at(self) -> float:
        """When the engine has spoken of its text last, heard or not (monotonic seconds)."""
        return self._worked_at

    @property
    def quiet(self) -> bool:
        """Whether all that was written has been spoken and taken, and more may come."""
        with self._lock:
            return self._quiet and not self._pcm

    # --- the engine ---------------------------------------------------------------------------

    def collect(self) -> Collected:
        """Hand over the requests; their text counts as held from then on."""
        with self._lock:
            requests, self._requests = self._requests, deque()
            self._held += self._requested
            self._requested = 0
            return Collected(self._epoch, self._origin, self._begin, requests)

    def put(self, epoch: int, pcm: bytes, notes: Notes, held: int) -> bool:
        """Add PCM and what is known about it; False: it was cancelled, or nobody listens."""
        with self._lock:
            if not self._wants(epoch):
                return False
            self._pcm += pcm
            self._notes += notes
            self._held = held
            self._worked_at = time.monotonic()
            return True

    def settle(self, epoch: int, held: int, silent: bool) -> bool:
        """Report what is held, and whether there is nothing left to say; True: that is news."""
        with self._lock:
            if not self._wants(epoch):
                return False
            self._held = held
            quiet = silent and not self._requests
            news, self._quiet = quiet and not self._quiet, quiet
            return news

    def end(self, epoch: int, pcm: bytes) -> bool:
        """Report that all was spoken; `pcm` is the last of it. False: it was cancelled."""
        with self._lock:
            if not self._wants(epoch):
                return False
            self._pcm += pcm
            self._held = 0
            self._state = State.ENDED
            return True

    def fail(self, error: SpeechError) -> None:
        """Report that the stream cannot go on, whatever its epoch."""
        with self._lock:
            if self._state is not State.CLOSED:
                self._state, self._error = State.FAILED, error

    def _wants(self, epoch: int) -> bool:
        return epoch == self._epoch and self._state in (State.OPEN, State.COMPLETE)
