"""A stream: text in, PCM out, for one listener.

Callers on any thread write text and take audio; the engine's thread alone touches the utterance.
What the caller asks for travels through `_inbox` in order; audio comes back through `_pcm`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from vibevoice_pro.audio.frames import SAMPLE_BYTES
from vibevoice_pro.engine.pcm import BEGINNING, Checkpoint, Notes, PcmMaker, Spoken
from vibevoice_pro.errors import SpeechError, TextTooLong
from vibevoice_pro.models.base import AnyModel, Chunk, Options, Utterance

_CHARS_PER_SECOND = 15  # of speech, roughly, in any language written with letters


@dataclass(frozen=True)
class StreamConfig:
    """How one stream is served.

    Attributes:
        voice: a voice id of the model.
        options: the model's settings.
        rate: sample rate of the PCM, in Hz.
        realtime: whether somebody listens while it is made; else it is bulk work, done last.
        lead: how far generation runs ahead of the listener, in seconds.
        patience: seconds a writer may hesitate before a listener who hears nothing is given the
            whole words there are; 0: never.
        max_text: characters that may wait to be spoken.
    """

    voice: str
    options: Options = field(default_factory=Options)
    rate: int = 16000
    realtime: bool = True
    lead: float = 5.0
    patience: float = 0.5
    max_text: int = 500_000


class Stream:
    """One listener's stream. All public methods may be called from any thread.

    `on_output` is called (on the engine's thread) whenever `take` may give something new, or the
    stream has become quiet; it must not block.

    Bytes and characters are counted from `origin` on. The PCM up to byte `begin` is made, because
    what follows depends on it, and thrown away.
    """

    def __init__(
        self, config: StreamConfig, model: AnyModel, wake: Callable[[], None],
        on_output: Callable[[], None], origin: Checkpoint = BEGINNING, begin: int = 0,
    ) -> None:  # fmt: skip
        self.config = config
        self._model = model
        self._wake = wake
        self._on_output = on_output
        self._lock = threading.Lock()
        self._inbox: deque[tuple[str, str]] = deque()
        self._inbox_chars = 0
        self._unspoken = 0  # characters the utterance holds, as of its last change
        self._origin = origin
        self._written = origin.at  # characters
        self._begin = self._taken = max(begin, origin.byte)
        self._pcm = bytearray()
        self._notes = Notes()
        self._quiet = True
        self._epoch = 0  # grows with every cancel; audio of an older one is thrown away
        self._ended = False
        self._finished = False
        self._error: SpeechError | None = None
        self._closed = False

        # Below: the engine's thread only.
        self._live_epoch = 0
        self._utterance: Utterance | None = None
        self._begin_at(origin)
        self._hesitating = False
        self._ready = False
        self.arrived = time.monotonic()
        self.due = self.arrived  # when its delivered audio runs out; unheard: since it waits
        self.heard = False
        self.written = self.arrived  # when text came last

    # --- the caller's side -------------------------------------------------------------------

    def feed(self, text: str) -> None:
        """Add text.

        Raises:
            TextTooLong: more than `max_text` characters would wait; nothing of `text` was taken.
        """
        with self._lock:
            waiting = self._inbox_chars + self._unspoken
            if waiting + len(text) > self.config.max_text:
                before = f"{waiting:,} characters wait to be spoken and " if waiting else ""
                raise TextTooLong(
                    f"{before}{len(text):,} {'more ' if waiting else 'characters '}came; "
                    f"at most {self.config.max_text:,} may wait"
                )
            self._inbox_chars += len(text)
            self._written += len(text)
            self._inbox.append(("feed", text))
            self._quiet = False
        self._wake()

    def flush(self) -> None:
        """Speak everything written so far."""
        self._ask("flush")

    def finish(self) -> None:
        """No more text will come; the stream ends when all of it has been spoken."""
        self._ask("finish")

    def cancel(self, byte: int | None = None) -> None:
        """Be silent at once and forget all text; what is written from now on is spoken afresh.

        Its bytes are counted from `byte` on, by default from what has been taken.
        """
        with self._lock:
            self._epoch += 1
            self._inbox.clear()
            self._inbox_chars = self._unspoken = 0
            self._pcm.clear()
            self._notes = Notes()
            self._ended = False
            self._begin = self._taken = self._taken if byte is None else byte
            self._origin = Checkpoint(self._taken, self._written)
        self._wake()

    def close(self) -> None:
        """Nobody listens any more: give everything back."""
        with self._lock:
            self._closed = True
            self._inbox.clear()
            self._pcm.clear()
        self._wake()

    def take(self, limit: int | None = None) -> bytes:
        """Take up to `limit` bytes of s16le PCM (whole samples), or all there are; may be empty.

        Raises:
            SpeechError: the model failed; everything spoken before has been taken.
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

    @property
    def ended(self) -> bool:
        """Whether the text was finished and all its audio has been taken."""
        with self._lock:
            return self._ended and not self._pcm

    @property
    def unspoken(self) -> int:
        """Characters that wait to be spoken."""
        with self._lock:
            return self._inbox_chars + self._unspoken

    @property
    def quiet(self) -> bool:
        """Whether all that was written has been spoken and taken, and more may come."""
        with self._lock:
            return self._quiet and not self._pcm

    def take_notes(self) -> Notes:
        """What is new about the PCM made so far, that which has not been taken yet included."""
        with self._lock:
            notes, self._notes = self._notes, Notes()
            return notes

    def _ask(self, verb: str) -> None:
        with self._lock:
            self._inbox.append((verb, ""))
            self._quiet = False
        self._wake()

    # --- the engine's side -------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether the caller has left."""
        return self._closed

    def tend(self, now: float) -> None:
        """Carry out what the caller has asked for, and see whether a step is possible now."""
        self._listen(now)
        if self._hesitation(now) <= 0:
            self._hesitating = False
            assert self._utterance is not None
            place = self._utterance.pause()
            self._utterance.prepare()
            if place is not None:
                with self._lock:
                    self._notes.pauses.append(self._text_at + place)
        self._settle()

    def _settle(self) -> None:
        """See whether a step is possible, and whether there is nothing left to say."""
        self._ready = self._utterance is not None and self._utterance.ready
        silent = not self._ready and (self._utterance is None or self._utterance.waiting == 0)
        with self._lock:
            quiet = silent and not self._inbox and self._epoch == self._live_epoch
            news, self._quiet = quiet and not self._quiet, quiet
        if news:
            self._on_output()

    def _begin_at(self, origin: Checkpoint) -> None:
        """Count bytes and characters from here on; the next utterance begins here."""
        self._point = origin.point
        self._text_at = origin.at - (origin.point.at if origin.point else 0)
        self._pcm_of = PcmMaker(self._model.info.sample_rate, self.config.rate, origin.byte)

    def _listen(self, now: float) -> None:
        if self._error is not None:
            return
        with self._lock:
            requests, self._inbox = self._inbox, deque()
            self._inbox_chars = 0
            epoch = self._epoch
            if epoch != self._live_epoch:
                self._drop_utterance()
                self._live_epoch = epoch
                self._begin_at(self._origin)
                self.due, self.heard = now, False
        for verb, text in requests:
            if self._utterance is None:
                self._utterance = self._model.open(
                    self.config.voice, self.config.options, self._point
                )
                self.due = max(self.due, now) if self.heard else now
            if verb == "feed":
                self._utterance.feed(text)
                self.written = now
                self._hesitating = True
            elif verb == "flush":
                self._utterance.flush()
            else:
                self._utterance.finish()
                self._finished = True
        if requests and self._utterance is not None:
            self._utterance.prepare()
            self._unspoken = self._utterance.waiting
            if self._utterance.done:
                self._end()

    @property
    def utterance(self) -> Utterance | None:
        """What the model is stepped with."""
        return self._utterance

    def runnable(self, now: float) -> bool:
        """Whether a step is possible and wanted: text is there and the listener is not far off."""
        return self._ready and self._until_lead(now) <= 0

    def idle_for(self, now: float) -> float:
        """Seconds until this stream may want something without being asked; inf: not by itself."""
        wait = self._until_lead(now) if self._ready else float("inf")
        return min(wait, self._hesitation(now))

    def _until_lead(self, now: float) -> float:
        """Seconds until generation may go on; inf: only when the listener takes audio."""
        lead = self.config.lead
        if len(self._pcm) > lead * self.config.rate * SAMPLE_BYTES:
            return float("inf")
        return self.due - lead - now if self.config.realtime else 0.0

    def _hesitation(self, now: float) -> float:
        """Seconds until a hesitating writer's words are spoken without a proper end; inf: never.

        Not while the listener still has something to hear.
        """
        patience, utterance = self.config.patience, self._utterance
        if not (self._hesitating and patience and utterance and utterance.waiting):
            return float("inf")
        if self._finished or utterance.ready:
            return float("inf")
        return max(self.written + patience, self.due - patience / 2) - now

    @property
    def deadline(self) -> float:
        """When the listener runs dry: the earlier, the sooner it is stepped."""
        return self.due if self.config.realtime else float("inf")

    def remaining(self, now: float) -> float:
        """A guess at the seconds until all text written so far has been heard."""
        return max(0.0, self.due - now) + self._unspoken / _CHARS_PER_SECOND

    def deliver(self, chunk: Chunk, now: float) -> None:
        """Hand a chunk to the listener, if the utterance it belongs to is still wanted."""
        assert self._utterance is not None
        self._utterance.prepare()
        pcm = self._pcm_of.restart() if chunk.point is not None else b""
        notes = self._notes_on(chunk)
        pcm += self._pcm_of(chunk.wave)
        with self._lock:
            if self._epoch != self._live_epoch or self._closed:
                return
            pcm = pcm[max(0, self._begin - (self._pcm_of.made - len(pcm))) :]
            self._pcm += pcm
            self._unspoken = self._utterance.waiting
            self._notes.spoken += notes.spoken
            self._notes.checkpoints += notes.checkpoints
            self._notes.unread |= notes.unread
        if pcm:
            self.due = max(self.due, now) + len(pcm) / SAMPLE_BYTES / self.config.rate
            self.heard = True
        if self._utterance.done:
            self._end()
        else:
            self._settle()
        self._on_output()

    def _notes_on(self, chunk: Chunk) -> Notes:
        """What there is to know about a chunk that is not resampled yet."""
        notes = Notes(unread=set(chunk.unread))
        if chunk.point is not None and self._pcm_of.made >= self._begin:
            at = self._text_at + chunk.point.at
            notes.checkpoints.append(Checkpoint(self._pcm_of.made, at, chunk.point))
        for mark in chunk.marks:
            first, last = (self._pcm_of.byte_of(sample) for sample in mark.samples)
            if first >= self._begin:
                chars = (self._text_at + mark.chars[0], self._text_at + mark.chars[1])
                notes.spoken.append(Spoken(chars, (first, last)))
        return notes

    def _end(self) -> None:
        self._close_utterance()  # first: whoever sees the end may count on its place in the model
        tail = self._pcm_of.end()
        with self._lock:
            if self._epoch != self._live_epoch:
                return
            self._pcm += tail[max(0, self._begin - (self._pcm_of.made - len(tail))) :]
            self._ended = True
        self._on_output()

    def fail(self, error: SpeechError) -> None:
        """The model could not go on with this stream."""
        self._error = error
        self._drop_utterance()
        self._on_output()

    def release(self) -> None:
        """Give back the utterance; the engine has let go of the stream."""
        self._drop_utterance()

    def _close_utterance(self) -> None:
        if self._utterance is not None:
            self._utterance.close()
            self._utterance = None

    def _drop_utterance(self) -> None:
        self._close_utterance()
        self._finished = False
        self._ended = False
        self._hesitating = False
        self._ready = False
