"""A session: a stream that outlives its connection. Bytes of PCM are its clock."""

from __future__ import annotations

import contextlib
import enum
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from vibevoice_pro.audio.frames import SAMPLE_BYTES, frame_bytes
from vibevoice_pro.engine.stream import BEGINNING, Checkpoint, Notes, Spoken, Stream, StreamConfig
from vibevoice_pro.errors import BadParameter, OffsetGone, SpeechError
from vibevoice_pro.sessions.replay import Replay
from vibevoice_pro.sessions.script import Script

_BURST = 50  # frames handed out together, before others get a turn


class State(enum.Enum):
    """Where a session stands.

    ```
                    attach                 detach
        (opened) ──────────► HEARD ───────────────────► LOST ──── park ───► PARKED
                               ▲  ▲                       │                    │
                               │  └───────── attach ──────┘                    │
                               └──────────── attach (the stream is made anew) ─┘
        HEARD ── attach of a newer connection ──► HEARD, the older one is evicted
        any ── close, or LOST and PARKED: after the time to live ──► GONE
    ```
    """

    HEARD = "a connection listens"
    LOST = "no connection; the stream goes on until its lead is used up"
    PARKED = "no connection, and the stream gave its place to somebody else"
    GONE = "over for good"


class Listener(Protocol):
    """A connection, as its session sees it. Called on the event loop."""

    def wake(self) -> None:
        """There may be something new to hear."""

    def evict(self) -> None:
        """A newer connection listens now."""


@dataclass(frozen=True)
class Interruption:
    """What became of a barge-in.

    Attributes:
        sent: bytes that had been sent.
        spoken: characters, of all that was written in the session, heard in what was played.
        final: whether the text had been complete, so that nothing will follow.
    """

    sent: int
    spoken: int
    final: bool


Open = Callable[[StreamConfig, Callable[[], None], Checkpoint, int], Stream]
"""Opens a stream in the engine, see `Engine.open`; raises `Full` where there is no room."""


@dataclass(frozen=True)
class Limits:
    """How long and how much a session keeps.

    Attributes:
        ttl: seconds it lives without a connection.
        replay_seconds, replay_bytes: audio kept for a replay, whichever is less.
    """

    ttl: float = 120.0
    replay_seconds: float = 120.0
    replay_bytes: int = 6_000_000

    def keep(self, rate: int) -> int:
        """Bytes kept at a sample rate: whole frames, at least one burst."""
        size = frame_bytes(rate)
        most = min(self.replay_bytes, int(self.replay_seconds * rate * SAMPLE_BYTES))
        return max(most // size, _BURST) * size


@dataclass
class Part:
    """What a listener gets next: frames, the marks that begin in them, and what was left out."""

    frames: list[bytes] = field(default_factory=list)
    spoken: list[Spoken] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)


class Session:
    """One listener's speech over any number of connections. Used on the event loop only.

    Attributes:
        id, owner: whoever knows the first, and comes with the second, may listen and write.
        config: of the stream; frame_bytes: of a frame at its rate.
        state: see `State`.
        sent: bytes handed to connections, the furthest of them.
        seq: number of the last message that wrote, 0 before any.
        interruption: the last barge-in.
        listener: the present connection; lost_since: when it was lost.
    """

    def __init__(
        self, id_: str, owner: str, config: StreamConfig, limits: Limits, open_stream: Open,
        wake: Callable[[Callable[[], None]], Callable[[], None]],
    ) -> None:  # fmt: skip
        """`wake` makes of a function of the event loop one that any thread may call.

        Raises:
            Full: the engine has no room.
        """
        self.id = id_
        self.owner = owner
        self.config = config
        self.state = State.LOST
        self.sent = 0
        self.seq = 0
        self.interruption: Interruption | None = None
        self.lost_since = time.monotonic()
        self.replay = Replay()
        self._keep = limits.keep(config.rate)
        self.frame_bytes = frame_bytes(config.rate)
        self._script = Script()
        self._checkpoints = [BEGINNING]
        self._acknowledges = False
        self._flushed: int | None = None  # bytes are awaited up to this flush
        self._total: int | None = None  # bytes of the whole, when its end has been made
        self.listener: Listener | None = None
        self._open_stream = open_stream
        self._on_output = wake(self._wake)
        self._unread: set[str] = set()
        self._stream: Stream | None = open_stream(config, self._on_output, BEGINNING, 0)

    # --- connections -------------------------------------------------------------------------

    def attach(self, listener: Listener, offset: int) -> None:
        """Let a connection listen from byte `offset` on; an older one is evicted.

        Raises:
            BadParameter: no such offset has been sent.
            OffsetGone: what lies there is not kept any more.
            Full: the stream had been given up for others, and there is no room for it now.
        """
        if offset % SAMPLE_BYTES:
            raise BadParameter(f"offset must be even, a sample has two bytes; got {offset}")
        if offset > self.sent:
            raise BadParameter(f"offset must be at most {self.sent}, the bytes sent; got {offset}")
        if offset < self.replay.start:
            raise OffsetGone(
                f"the bytes before {self.replay.start} are not kept any more; got offset {offset}"
            )
        if self.state is State.PARKED:
            self._unpark()
        if self.listener is not None:
            self.listener.evict()
        self.listener = listener
        self.state = State.HEARD

    def detach(self, listener: Listener) -> None:
        """The connection is lost; nothing happens if it was not the present one."""
        if self.listener is listener:
            self.listener = None
            self.state = State.LOST
            self.lost_since = time.monotonic()

    def park(self) -> None:
        """Give the stream's place in the engine to others; it can be made again."""
        assert self.state is State.LOST
        if self._total is None:
            with contextlib.suppress(SpeechError):  # the model will fail there again
                self._pull(self._keep)  # what has been made need not be made again
            self._drop_stream()
            self.replay.cut(self.replay.end)
            self._checkpoints = [c for c in self._checkpoints if c.byte <= self.replay.end]
        self.state = State.PARKED

    def _unpark(self) -> None:
        if self._total is None:
            origin = self._checkpoints[-1]
            stream = self._open_stream(self.config, self._on_output, origin, self.replay.end)
            self._script.write_into(stream, origin.at)
            self._stream = stream

    def close(self) -> None:
        """Give everything back; a connection that still listens is left to itself."""
        self._drop_stream()
        self.state = State.GONE
        self.listener = None

    @property
    def runs(self) -> bool:
        """Whether it holds a place in the engine."""
        return self._stream is not None and self._total is None

    def _drop_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _wake(self) -> None:
        if self.listener is not None:
            self.listener.wake()

    # --- writing -----------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether the writer has said that no more text will come."""
        return self._script.finished

    @property
    def written(self) -> int:
        """Characters written so far."""
        return self._script.end

    def is_news(self, seq: int | None) -> bool:
        """Whether a message that writes is to be obeyed; it is not if it was obeyed before.

        Raises:
            BadParameter: messages before it are missing.
        """
        if seq is None:
            return True
        if seq > self.seq + 1:
            raise BadParameter(
                f"seq {seq} came after {self.seq}: send {self.seq + 1} first, then the others again"
            )
        return seq == self.seq + 1

    def feed(self, text: str) -> None:
        """Add text.

        Raises:
            TextTooLong: too much would wait; nothing was taken.
        """
        self._writable.feed(text)
        self._script.text += text
        self._flushed = None

    def flush(self) -> None:
        """Speak everything written so far."""
        self._writable.flush()
        self._script.cut(self._script.end)
        self._flushed = self._script.end

    def finish(self) -> None:
        """No more text will come."""
        self._writable.finish()
        self._script.finished = True

    @property
    def _writable(self) -> Stream:
        assert self._stream is not None, "only a connection writes, and it has a stream"
        return self._stream

    def cancel(self, heard: int | None = None) -> Interruption:
        """Barge-in: be silent, forget all text.

        `heard`: bytes that the listener has played, by default all that was sent.

        Raises:
            BadParameter: more was heard than was sent.
        """
        if heard is not None and heard > self.sent:
            raise BadParameter(f"bytes must be at most {self.sent}, the bytes sent; got {heard}")
        spoken = self.replay.spoken_by(self.sent if heard is None else heard)
        final = self.complete
        origin = self._writable.cancel(self.sent)
        self.replay.cut(self.sent)
        self._checkpoints = [origin]
        self._script = Script(origin.at)
        self._total = self._flushed = None
        if final:
            self.finish()
        self.interruption = Interruption(self.sent, spoken, final)
        return self.interruption

    # --- hearing -----------------------------------------------------------------------------

    def acknowledge(self, byte: int) -> None:
        """The listener has everything before `byte`: it need not be kept.

        Raises:
            BadParameter: so much has not been sent.
        """
        if byte > self.sent:
            raise BadParameter(f"bytes must be at most {self.sent}, the bytes sent; got {byte}")
        self._acknowledges = True
        self.replay.trim(byte)
        self._wake()

    def next(self, at: int) -> Part:
        """What follows byte `at`, up to a burst; no frames: nothing yet, or see `over`.

        Frames lie on a grid: the first after a resume in mid-frame is what is left of that one.

        Raises:
            SpeechError: the model failed; everything made before has been handed out.
        """
        part = Part()
        if at >= self._whole:
            self._pull(_BURST * self.frame_bytes)
        last = min(self._whole, at + _BURST * self.frame_bytes)
        first = at
        while at < last:
            end = at + self.frame_bytes - at % self.frame_bytes
            part.frames.append(self.replay.read(at, end))
            at = end
        part.spoken = list(self.replay.spoken(first, at))
        part.unread, self._unread = self._unread, set()
        return part

    @property
    def _whole(self) -> int:
        """Where the last whole frame that is kept ends."""
        return self.replay.end - self.replay.end % self.frame_bytes

    def hand_out(self, byte: int) -> None:
        """All before `byte` was given to the present connection."""
        self.sent = max(self.sent, byte)
        if not self._acknowledges:
            self.replay.trim(self.sent - self._keep)

    def over(self, at: int) -> bool:
        """Whether all text was spoken, and nothing follows `at`."""
        return self._total is not None and at >= self._total

    def drained(self, at: int) -> bool:
        """Whether everything before a flush has been handed out; true once for each flush."""
        if self._flushed is None or self._stream is None or not self._stream.quiet:
            return False
        if at < self._whole:
            return False
        self._flushed = None
        return True

    def _pull(self, limit: int) -> None:
        """Take what the stream has made, as much as may be kept."""
        if self._stream is None or self._total is not None:
            return
        if self._acknowledges or self.listener is None:
            limit = min(limit, self._keep - len(self.replay))
        if limit <= 0:
            return
        pcm = self._stream.take(limit - limit % SAMPLE_BYTES)
        self.replay.append(pcm)
        self._note(self._stream.take_notes())
        if self._stream.ended:
            self.replay.append(bytes(-self.replay.end % self.frame_bytes))
            self._total = self.replay.end

    def _note(self, notes: Notes) -> None:
        self.replay.note(notes.spoken)
        self._unread |= notes.unread
        for place in notes.pauses:
            self._script.cut(place)
        self._checkpoints += notes.checkpoints
        passed = [c for c in self._checkpoints if c.byte <= self.replay.end]
        if len(passed) > 1:
            self._checkpoints = self._checkpoints[len(passed) - 1 :]
            self._script.forget(self._checkpoints[0].at)
