"""A session: a stream that outlives its connection. Bytes of PCM are its clock."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from vibevoice_pro.audio.frames import SAMPLE_BYTES, frame_bytes
from vibevoice_pro.engine.pcm import Checkpoint, Notes
from vibevoice_pro.engine.stream import Stream, StreamConfig
from vibevoice_pro.errors import BadParameter, ModelRestarted, OffsetGone, SpeechError
from vibevoice_pro.speech.events import Interrupted
from vibevoice_pro.speech.sessions.limits import BURST, Limits
from vibevoice_pro.speech.sessions.listener import Burst, Listener
from vibevoice_pro.speech.sessions.progress import Progress
from vibevoice_pro.speech.sessions.script import Script
from vibevoice_pro.speech.sessions.state import State

_FAR = 2**53


Open = Callable[[StreamConfig, Callable[[], None], Checkpoint, int], Stream]
"""Opens a stream in the engine, see `Engine.open`; raises `Full` where there is no room."""


class Session:
    """One listener's speech over any number of connections. Used on the event loop only.

    Attributes:
        id, owner: whoever knows the first, and comes with the second, may listen and write.
        config: of the stream; frame_bytes: of a frame at its rate.
        state: see `State`.
        progress: see `Progress`.
        listener: the present connection; lost_since: when it was lost.
        active: when something was written or handed out last (monotonic seconds).
        cancels: how many barge-ins there were on this object.
    """

    def __init__(
        self, id_: str, owner: str, config: StreamConfig, limits: Limits, open_stream: Open,
        from_any_thread: Callable[[Callable[[], None]], Callable[[], None]],
        progress: Progress | None = None,
    ) -> None:  # fmt: skip
        """Without a stream: it gets one when there is something to say.

        `from_any_thread` makes of a function of the event loop one that any thread may call.
        """
        self.id = id_
        self.owner = owner
        self.config = config
        self.state = State.PARKED
        self.progress = progress or Progress()
        self.listener: Listener | None = None
        self.lost_since = self.active = time.monotonic()
        self.frame_bytes = frame_bytes(config.rate)
        self.cancels = 0
        self._keep = limits.keep(config.rate)
        self._flushed: int | None = None  # characters up to the last flush that awaits an answer
        self._open_stream = open_stream
        self._on_output = from_any_thread(self._wake)
        self._news = Notes()  # cuts and scripts left out that nobody was told of
        self._told: list[tuple[int, int]] = []  # cuts that somebody was told of: byte then, place
        self._stream: Stream | None = None
        self._restarted_at: int | None = None  # where the model failed last, bytes

    # --- the stream ---------------------------------------------------------------------------

    def begin(self) -> None:
        """Get a stream, if there is anything to say.

        Raises:
            Full: the engine has no room.
        """
        if self.waits_for_stream:
            self._stream = self._make_stream()
        if self.state is State.PARKED:
            self.state = State.LOST

    def _make_stream(self) -> Stream:
        """A stream that says what is left to say; an earlier one is resumed where it was."""
        end = self.progress.replay.end
        stream = self._open_stream(self.config, self._on_output, self._origin, end)
        try:
            self.progress.script.write_into(stream, self._origin.at)
        except SpeechError:
            stream.close()
            raise
        return stream

    @property
    def _origin(self) -> Checkpoint:
        """From where a stream is made again."""
        end = self.progress.replay.end
        return [c for c in self.progress.checkpoints if c.byte <= end][-1]

    @property
    def runs(self) -> bool:
        """Whether it holds a place in the engine."""
        return self._stream is not None

    @property
    def waits_for_stream(self) -> bool:
        """Whether there is something to say, and no stream that says it."""
        progress = self.progress
        return self._stream is None and progress.total is None and not progress.script.empty

    def quiet_for(self, now: float) -> float:
        """Seconds since there is nothing to say; 0: there is something."""
        quiet = self._stream is None or self._stream.quiet
        return now - self.active if quiet else 0.0

    @property
    def busy_at(self) -> float:
        """When something was written, handed out or made last: also what was heard before."""
        return max(self.active, self._stream.worked_at) if self._stream else self.active

    def suspend(self) -> None:
        """Give the stream's place in the engine to others; it can be made again."""
        if self._stream is not None:
            with contextlib.suppress(SpeechError):  # the model will fail there again
                self._pull(self._keep)  # what has been made need not be made again
            self._forget_unmade()

    def _forget_unmade(self) -> None:
        """Do without the stream; what it knew of audio that it never gave is forgotten."""
        self._drop_stream()
        if self.progress.total is None:
            replay = self.progress.replay
            replay.cut(replay.end)
            self.progress.checkpoints = [
                c for c in self.progress.checkpoints if c.byte <= replay.end
            ]

    def park(self) -> None:
        """As `suspend`, for a session without a connection."""
        assert self.state is State.LOST
        self.suspend()
        self.state = State.PARKED

    def close(self) -> None:
        """Give everything back; a connection that still listens is left to itself."""
        self._drop_stream()
        self.state = State.GONE
        self.listener = None

    def _drop_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _wake(self) -> None:
        if self.listener is not None:
            self.listener.wake()

    @property
    def size(self) -> int:
        """Memory that it takes, in bytes: what is kept, and what its stream holds of it again."""
        stream = self._stream
        return self.progress.size + (self.progress.script.size + stream.untaken if stream else 0)

    # --- connections --------------------------------------------------------------------------

    def attach(self, listener: Listener, offset: int) -> None:
        """Let a connection listen from byte `offset` on; an older one is evicted.

        Raises:
            BadParameter: no such offset has been sent.
            OffsetGone: what lies there is not kept any more.
            Full: the stream had been given up for others, and there is no room for it now.
        """
        progress = self.progress
        if offset % SAMPLE_BYTES:
            raise BadParameter(
                f"offset must be even, a sample has two bytes; got {offset}", field="offset"
            )
        if offset > self.reach:
            raise BadParameter(
                f"offset must be at most {progress.sent}, the bytes sent; got {offset}",
                field="offset",
            )
        if offset < progress.replay.start:
            raise self._gone(offset)
        if self.state is State.PARKED:
            self.lost_since = time.monotonic()  # somebody wants it, perhaps again in a moment
        self.begin()
        if self.listener is not None:
            self.listener.evict()
        self.listener = listener
        self.state = State.HEARD
        self.active = time.monotonic()
        progress.sent = max(progress.sent, offset)
        # A cut is told before the audio that depends on it: whoever lacks that may not know of it.
        self._news.pauses[:0] = [place for byte, place in self._told if byte >= offset]
        self._told.clear()
        if progress.script.cuts[-1:] == [progress.script.end]:
            self._flushed = progress.script.end  # the answer may have been lost

    def _gone(self, offset: int) -> OffsetGone:
        kept = self.progress.replay.start
        return OffsetGone(
            f"the bytes before {kept} are not kept any more; got offset {offset}", field="offset"
        )

    @property
    def reach(self) -> int:
        """How many bytes a client may have; of one from elsewhere nobody knows."""
        return _FAR if self.progress.elsewhere else self.progress.sent

    def detach(self, listener: Listener) -> None:
        """The connection is lost; nothing happens if it was not the present one."""
        if self.listener is listener:
            self.listener = None
            self.state = State.LOST
            self.lost_since = time.monotonic()

    # --- writing ------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether the writer has said that no more text will come."""
        return self.progress.script.finished

    def is_new(self, seq: int | None) -> bool:
        """Whether a message that writes is to be obeyed; it is not if it was obeyed before.

        Raises:
            BadParameter: messages before it are missing.
        """
        last = self.progress.seq
        if seq is None:
            return True
        if seq > last + 1:
            raise BadParameter(
                f"seq {seq} came after {last}: send {last + 1} first, then the others again",
                field="seq",
            )
        return seq == last + 1

    def feed(self, text: str) -> None:
        """Add text.

        Raises:
            TextTooLong: too much would wait; nothing was taken.
            Full: its place in the engine had been given to others, and there is none now.
        """
        self._writable().feed(text)
        self.progress.script.text += text
        self.progress.opening.add(text)
        self._flushed = None
        self.active = time.monotonic()

    def flush(self) -> None:
        """Speak everything written so far; raises `Full` as `feed` does."""
        self._writable().flush()
        script = self.progress.script
        script.cut(script.end)
        self._flushed = script.end
        self.active = time.monotonic()

    def finish(self) -> None:
        """No more text will come; raises `Full` as `feed` does."""
        self._writable().finish()
        self.progress.script.finished = True
        self.active = time.monotonic()

    def _writable(self) -> Stream:
        if self._stream is None:
            self._stream = self._make_stream()
        return self._stream

    def cancel(self, heard: int | None = None) -> Interrupted:
        """Barge-in: be silent, forget all text.

        `heard`: bytes that the listener has played, by default all that was sent.

        Raises:
            BadParameter: more was heard than was sent.
        """
        progress = self.progress
        if heard is not None and heard > progress.sent:
            raise BadParameter(
                f"bytes must be at most {progress.sent}, the bytes sent; got {heard}",
                field="bytes",
            )
        heard = progress.sent if heard is None else heard
        quiet = self._stream is None or self._stream.quiet
        # An estimated mark may end behind the last sound.
        all_of_it = heard == progress.replay.end and quiet
        script = progress.script
        spoken = script.end if all_of_it else progress.replay.chars_heard(heard)
        final = self.complete
        origin = Checkpoint(progress.sent, script.end)
        if final:
            self._drop_stream()
            progress.total = progress.sent
        elif self._stream is not None:
            self._stream.cancel(progress.sent)
        progress.replay.cut(progress.sent)
        progress.checkpoints = [origin]
        progress.script = Script(origin.at, finished=final)
        progress.interruption = Interrupted(progress.sent, spoken, final)
        self._flushed = None
        self._told.clear()
        self.cancels += 1
        self.active = time.monotonic()
        self._wake()
        return progress.interruption

    # --- hearing ------------------------------------------------------------------------------

    def acknowledge(self, byte: int) -> None:
        """The listener has everything before `byte`: it need not be kept.

        Raises:
            BadParameter: so much has not been sent.
        """
        progress = self.progress
        if byte > progress.sent:
            raise BadParameter(
                f"bytes must be at most {progress.sent}, the bytes sent; got {byte}", field="bytes"
            )
        progress.acknowledges = True
        progress.replay.trim(byte)
        self.active = time.monotonic()
        self._wake()

    def next(self, at: int) -> Burst:
        """What follows byte `at`, up to a burst; no frames: nothing yet, or see `over`.

        Frames lie on a grid: the first after a resume in mid-frame is what is left of that one.

        Raises:
            OffsetGone: that was acknowledged in the meantime.
            SpeechError: the model failed; everything made before has been handed out.
        """
        progress, replay = self.progress, self.progress.replay
        if at < replay.start:
            raise self._gone(at)
        burst = Burst()
        while at >= self._whole and self._pull(BURST * self.frame_bytes):
            pass  # more than once only where a place far ahead is resumed
        if progress.total is not None and at > progress.total:
            raise BadParameter(
                f"offset must be at most {progress.total}, all there is; got {at}", field="offset"
            )
        last = min(self._whole, at + BURST * self.frame_bytes)
        first = at
        while at < last:
            end = at + self.frame_bytes - at % self.frame_bytes
            burst.frames.append(replay.read(at, end))
            at = end
        burst.spans = list(replay.spans(first, at))
        news, self._news = self._news, Notes()
        burst.unread, burst.ignored, burst.cuts = news.unread, news.ignored, news.pauses
        if burst.cuts:
            self._told = [told for told in self._told if told[0] >= replay.start]
            self._told += [(first, place) for place in burst.cuts]
        return burst

    @property
    def _whole(self) -> int:
        """Where the last whole frame that is kept ends."""
        end = self.progress.replay.end
        return end - end % self.frame_bytes

    def hand_out(self, byte: int) -> None:
        """All before `byte` was given to the present connection."""
        progress = self.progress
        progress.sent = max(progress.sent, byte)
        self.active = time.monotonic()
        checkpoints = progress.checkpoints
        if len(checkpoints) > 1 and checkpoints[1].byte <= progress.sent:
            passed = sum(c.byte <= progress.sent for c in checkpoints)
            progress.checkpoints = checkpoints[passed - 1 :]
            progress.script.forget(progress.checkpoints[0].at)
        if not progress.acknowledges:
            progress.replay.trim(progress.sent - self._keep)

    @property
    def speaking(self) -> bool:
        """Whether somebody listens, and has not been given all that is written."""
        if self.state is not State.HEARD:
            return False
        return self.progress.sent < self._whole or not (self._stream is None or self._stream.quiet)

    @property
    def heard(self) -> bool:
        """Whether anything was given out: the first sound waits for nothing else."""
        return self.progress.sent > 0

    def over(self, at: int) -> bool:
        """Whether all text was spoken, and nothing follows `at`."""
        return self.progress.total is not None and at >= self.progress.total

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
        progress, replay = self.progress, self.progress.replay
        if progress.acknowledges or self.listener is None:
            limit = min(limit, self._keep - len(replay))
        if limit <= 0:
            return False
        try:
            pcm = self._stream.take(limit - limit % SAMPLE_BYTES)
        except ModelRestarted:
            self._restart()
            return False
        replay.append(pcm)
        self._note(self._stream.take_notes())
        if self._stream.ended:
            replay.append(bytes(-replay.end % self.frame_bytes))
            progress.total = replay.end
            self._drop_stream()
        return bool(pcm)

    def _note(self, notes: Notes) -> None:
        self.progress.replay.note(notes.spans)
        self.progress.checkpoints += notes.checkpoints
        for place in notes.pauses:
            self.progress.script.cut(place)
        self._news.pauses += notes.pauses
        self._news.unread |= notes.unread
        self._news.ignored += notes.ignored

    def _restart(self) -> None:
        """The model is gone: do without a stream until it is back.

        Raises:
            SpeechError: it failed at this very place before.
        """
        end = self.progress.replay.end
        if self._restarted_at == end:
            raise SpeechError("the model has failed twice on this text; the server logged why")
        self._restarted_at = end
        self._forget_unmade()
