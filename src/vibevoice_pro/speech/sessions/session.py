"""A session: a stream that outlives its connection. Bytes of PCM are its clock."""

from __future__ import annotations

import contextlib
import enum
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from vibevoice_pro.audio.frames import SAMPLE_BYTES, frame_bytes
from vibevoice_pro.engine.pcm import BEGINNING, Checkpoint, Notes, Spoken
from vibevoice_pro.engine.stream import Stream, StreamConfig
from vibevoice_pro.errors import BadParameter, OffsetGone, SpeechError
from vibevoice_pro.speech.sessions.replay import Replay
from vibevoice_pro.speech.sessions.script import Script

_FAR = 2**53
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
        replay, script: what was made and is kept; what was written, as far as it may be needed.
        checkpoints: from where it can be made again: the last one before `sent`, and all behind it.
        acknowledges: whether the client says what has arrived.
        total: bytes of the whole, once its end has been made.
        restored: whether more may have been sent, by another process, than is known here.
        interruption: the last barge-in.
        listener: the present connection; lost_since: when it was lost.
    """

    def __init__(
        self, id_: str, owner: str, config: StreamConfig, limits: Limits, open_stream: Open,
        wake: Callable[[Callable[[], None]], Callable[[], None]],
    ) -> None:  # fmt: skip
        """Without a stream; see `begin`.

        `wake` makes of a function of the event loop one that any thread may call.
        """
        self.id = id_
        self.owner = owner
        self.config = config
        self.state = State.PARKED
        self.sent = 0
        self.seq = 0
        self.interruption: Interruption | None = None
        self.lost_since = time.monotonic()
        self.replay = Replay()
        self.script = Script()
        self.checkpoints = [BEGINNING]
        self.acknowledges = False
        self.total: int | None = None
        self.restored = False
        self.frame_bytes = frame_bytes(config.rate)
        self.listener: Listener | None = None
        self._keep = limits.keep(config.rate)
        self._flushed: int | None = None  # characters up to the last flush that awaits an answer
        self._open_stream = open_stream
        self._on_output = wake(self._wake)
        self._unread: set[str] = set()
        self._stream: Stream | None = None

    def begin(self) -> None:
        """Get a stream: a new one, or one that goes on where an earlier one was.

        Raises:
            Full: the engine has no room.
        """
        if self.total is None:
            origin = [c for c in self.checkpoints if c.byte <= self.replay.end][-1]
            stream = self._open_stream(self.config, self._on_output, origin, self.replay.end)
            self.script.write_into(stream, origin.at)
            self._stream = stream
        self.state = State.LOST

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
        if offset > self.reach:
            raise BadParameter(f"offset must be at most {self.sent}, the bytes sent; got {offset}")
        if offset < self.replay.start:
            raise self._gone(offset)
        if self.state is State.PARKED:
            self.lost_since = time.monotonic()  # somebody wants it, perhaps again in a moment
            self.begin()
        if self.listener is not None:
            self.listener.evict()
        self.listener = listener
        self.state = State.HEARD
        self.sent = max(self.sent, offset)
        if self.script.cuts[-1:] == [self.script.end]:
            self._flushed = self.script.end  # the answer may have been lost

    def _gone(self, offset: int) -> OffsetGone:
        kept = self.replay.start
        return OffsetGone(f"the bytes before {kept} are not kept any more; got offset {offset}")

    @property
    def reach(self) -> int:
        """How many bytes a client may have; of one restored nobody knows: they are made again."""
        return _FAR if self.restored else self.sent

    def detach(self, listener: Listener) -> None:
        """The connection is lost; nothing happens if it was not the present one."""
        if self.listener is listener:
            self.listener = None
            self.state = State.LOST
            self.lost_since = time.monotonic()

    def park(self) -> None:
        """Give the stream's place in the engine to others; it can be made again."""
        assert self.state is State.LOST
        if self.total is None:
            with contextlib.suppress(SpeechError):  # the model will fail there again
                self._pull(self._keep)  # what has been made need not be made again
            self._drop_stream()
            self.replay.cut(self.replay.end)
            self.checkpoints = [c for c in self.checkpoints if c.byte <= self.replay.end]
        self.state = State.PARKED

    def close(self) -> None:
        """Give everything back; a connection that still listens is left to itself."""
        self._drop_stream()
        self.state = State.GONE
        self.listener = None

    @property
    def runs(self) -> bool:
        """Whether it holds a place in the engine."""
        return self._stream is not None

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
        return self.script.finished

    @property
    def written(self) -> int:
        """Characters written so far."""
        return self.script.end

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
        self.script.text += text
        self._flushed = None

    def flush(self) -> None:
        """Speak everything written so far."""
        self._writable.flush()
        self.script.cut(self.script.end)
        self._flushed = self.script.end

    def finish(self) -> None:
        """No more text will come."""
        self._writable.finish()
        self.script.finished = True

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
        heard = self.sent if heard is None else heard
        quiet = self._stream is None or self._stream.quiet
        # An estimated mark may end behind the last sound.
        all_of_it = heard == self.replay.end and quiet
        spoken = self.script.end if all_of_it else self.replay.spoken_by(heard)
        final = self.complete
        origin = Checkpoint(self.sent, self.script.end)
        if final:
            self._drop_stream()
            self.total = self.sent
        else:
            self._writable.cancel(self.sent)
        self.replay.cut(self.sent)
        self.checkpoints = [origin]
        self.script = Script(origin.at, finished=final)
        self._flushed = None
        self.interruption = Interruption(self.sent, spoken, final)
        self._wake()
        return self.interruption

    # --- hearing -----------------------------------------------------------------------------

    def acknowledge(self, byte: int) -> None:
        """The listener has everything before `byte`: it need not be kept.

        Raises:
            BadParameter: so much has not been sent.
        """
        if byte > self.sent:
            raise BadParameter(f"bytes must be at most {self.sent}, the bytes sent; got {byte}")
        self.acknowledges = True
        self.replay.trim(byte)
        self._wake()

    def next(self, at: int) -> Part:
        """What follows byte `at`, up to a burst; no frames: nothing yet, or see `over`.

        Frames lie on a grid: the first after a resume in mid-frame is what is left of that one.

        Raises:
            OffsetGone: that was acknowledged in the meantime.
            SpeechError: the model failed; everything made before has been handed out.
        """
        if at < self.replay.start:
            raise self._gone(at)
        part = Part()
        while at >= self._whole and self._pull(_BURST * self.frame_bytes):
            pass  # more than once only where a place far ahead is gone on from
        if self.total is not None and at > self.total:
            raise BadParameter(f"offset must be at most {self.total}, all there is; got {at}")
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
        if len(self.checkpoints) > 1 and self.checkpoints[1].byte <= self.sent:
            passed = [c for c in self.checkpoints if c.byte <= self.sent]
            self.checkpoints = self.checkpoints[len(passed) - 1 :]
            self.script.forget(self.checkpoints[0].at)
        if not self.acknowledges:
            self.replay.trim(self.sent - self._keep)

    def over(self, at: int) -> bool:
        """Whether all text was spoken, and nothing follows `at`."""
        return self.total is not None and at >= self.total

    def drained(self, at: int) -> bool:
        """Whether everything before a flush has been handed out; true once for each flush."""
        if self._flushed is None or self._stream is None or not self._stream.quiet:
            return False
        if at < self._whole:
            return False
        self._flushed = None
        return True

    def _pull(self, limit: int) -> bool:
        """Take what the stream has made, as much as may be kept; whether there was anything."""
        if self._stream is None:
            return False
        if self.acknowledges or self.listener is None:
            limit = min(limit, self._keep - len(self.replay))
        if limit <= 0:
            return False
        pcm = self._stream.take(limit - limit % SAMPLE_BYTES)
        self.replay.append(pcm)
        self._note(self._stream.take_notes())
        if self._stream.ended:
            self.replay.append(bytes(-self.replay.end % self.frame_bytes))
            self.total = self.replay.end
            self._drop_stream()
        return bool(pcm)

    def _note(self, notes: Notes) -> None:
        self.replay.note(notes.spoken)
        self._unread |= notes.unread
        for place in notes.pauses:
            self.script.cut(place)
        self.checkpoints += notes.checkpoints
