"""Speech, as every front door sees it: text in, events out."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping

import anyio

from vibevoice_pro.audio.frames import SAMPLE_BYTES
from vibevoice_pro.engine.pcm import Span
from vibevoice_pro.errors import BadParameter, Full, Idle, SpeechError, TakenOver
from vibevoice_pro.speech.account import Account, Outcome
from vibevoice_pro.speech.events import (
    Audio,
    Cut,
    Drained,
    Ended,
    Event,
    Interrupted,
    Mark,
    Warning,
)
from vibevoice_pro.speech.language import Explain, LanguageCheck
from vibevoice_pro.speech.sessions.listener import Burst
from vibevoice_pro.speech.sessions.registry import Registry
from vibevoice_pro.speech.sessions.session import Session
from vibevoice_pro.text.clean import clean

_RETRY_S = 1.0  # between two attempts to get a place again that was lost with its model


class Speech:
    """One listener of a session: writes text, and is given what is to be heard.

    Used on the event loop only. A newer `Speech` of the same session ends this one.
    """

    def __init__(
        self, session: Session, sessions: Registry, offset: int, exact_marks: Mapping[str, bool],
        idle_timeout: float, voice_asked: str, spoken: Collection[str], explain: Explain,
        told: Callable[[Outcome], None], charge: Callable[[int], None],
    ) -> None:  # fmt: skip
        """Listens to `session` from byte `offset` on; see `Session.attach` for what it raises.

        `exact_marks`: whether they are, by voice; `spoken`: the languages that are spoken;
        `explain`: says of another one what can be done; `told`: is given what became of it;
        `charge`: is given the characters written, and raises `OverQuota` if they are too many.
        """
        self.voice_asked = voice_asked
        """The voice that was asked for, if another one speaks for it; else empty."""
        self._session = session
        self._sessions = sessions
        self._exact = exact_marks
        self._idle_timeout = idle_timeout
        self._charge = charge
        self._news = asyncio.Event()
        self._language = LanguageCheck(
            session.progress.opening, spoken, explain, self._news,
            tagged=session.config.markup == "ssml",
        )  # fmt: skip
        self._evicted = False
        self._account = Account(session.id, session.owner, session.config.voice, told)
        self._from = offset
        self.byte = offset
        """Bytes of the session's PCM that were given out, those before this listener included."""
        session.attach(self, offset)

    # --- what there is to know ----------------------------------------------------------------

    @property
    def id(self) -> str:
        """The session's id: whoever knows it can resume."""
        return self._session.id

    @property
    def voice(self) -> str:
        """Who really speaks; of several, who begins."""
        return self._session.config.voice

    @property
    def voices(self) -> dict[str, str]:
        """Who speaks which language, where the language of the text decides; else empty."""
        return dict(self._session.config.voices)

    @property
    def rate(self) -> int:
        """Sample rate of the PCM, in Hz."""
        return self._session.config.rate

    @property
    def frame_bytes(self) -> int:
        """Bytes of a whole frame."""
        return self._session.frame_bytes

    @property
    def seq(self) -> int:
        """Number of the last numbered request that was carried out, 0 before any."""
        return self._session.progress.seq

    @property
    def chars(self) -> int:
        """Characters written in the whole session."""
        return self._session.progress.script.end

    @property
    def unanswered(self) -> Interrupted | None:
        """The last barge-in, if the listener may not have been told what became of it."""
        told = self._session.progress.interruption
        return told if told is not None and self.byte <= told.bytes else None

    def written(self, start: int, end: int) -> str:
        """The text at [start, end) of all that was written, for marks that were just given."""
        script = self._session.progress.script
        return script.text[max(0, start - script.start) : max(0, end - script.start)]

    # --- writing ------------------------------------------------------------------------------

    def write(self, text: str, seq: int | None = None) -> None:
        """Add text, in any portions.

        `seq`: number of the request, counted 1, 2, 3, … over the whole session and all that write;
        one that was carried out before is ignored. None: not numbered.

        Raises:
            BadParameter: the text was complete, or requests before this one are missing.
            TextTooLong: too much would wait; nothing was taken.
            OverQuota: the API key allows no more; nothing was taken.
            Full: the place in the engine had been given to others, and there is none now.
        """
        if self._may_write("text", seq):
            self._charge(len(text))
            self._session.feed(clean(text))
            self._confirm(seq)

    def flush(self, seq: int | None = None) -> None:
        """Speak everything written so far; raises what `write` raises."""
        if self._may_write("flush", seq):
            self._session.flush()
            self._confirm(seq)

    def finish(self, seq: int | None = None) -> None:
        """No more text will come; raises what `write` raises."""
        if self._may_write("end", seq):
            self._session.finish()
            self._confirm(seq)

    def cancel(self, heard: int | None = None, seq: int | None = None) -> Interrupted | None:
        """Barge-in: be silent at once, forget all text; what is written then is spoken afresh.

        `heard`: bytes that were played, by default all that was given out.

        Returns what became of it; None: a request of that number had been carried out before.

        Raises:
            BadParameter: more was heard than was given out, or requests before this are missing.
        """
        if self._session.is_new(seq):
            self._session.cancel(heard)
            self._confirm(seq)
        return self._session.progress.interruption

    def acknowledge(self, byte: int) -> None:
        """Everything before `byte` has arrived and need not be kept.

        Raises:
            BadParameter: so much was not given out.
        """
        self._session.acknowledge(byte)

    def _may_write(self, verb: str, seq: int | None) -> bool:
        if not self._session.is_new(seq):
            return False
        if self._session.complete:
            raise BadParameter(
                f'"{verb}" came after the end of the text; open a new session for more',
                field="type",
            )
        return True

    def _confirm(self, seq: int | None) -> None:
        if seq is not None:
            self._session.progress.seq = seq

    async def saved(self) -> None:
        """Wait until what was written is in the store, if there is one that can be reached."""
        await self._sessions.save(self._session)

    @property
    def lasting(self) -> bool:
        """Whether sessions are saved, so that `saved` takes a while."""
        return self._sessions.lasting

    # --- hearing ------------------------------------------------------------------------------

    def wake(self) -> None:
        """There may be something new to hear."""
        self._news.set()

    def evict(self) -> None:
        """A newer listener has resumed the session."""
        self._evicted = True
        self._news.set()

    async def events(self) -> AsyncIterator[Event]:
        """What is to be heard, in order, up to `Ended`.

        Whoever does not ask for the next event is not given more: nothing is made far ahead.

        Raises:
            TakenOver: a newer listener has resumed the session.
            Idle: nothing was written and nothing spoken for too long.
            SpeechError: the model failed; everything made before has been given out.
        """
        try:
            async for event in self._events():
                if isinstance(event, Audio):
                    self._account.heard(len(event.pcm) / (SAMPLE_BYTES * self.rate))
                elif isinstance(event, Ended):
                    self._tell(event.reason)
                yield event
        except SpeechError as error:
            self._tell(error.code)
            raise

    def _tell(self, outcome: str) -> None:
        """Account for this listener in the log, if that was not done."""
        seconds = (self.byte - self._from) / (SAMPLE_BYTES * self.rate)
        self._account.end(outcome, self._session.progress.script.end, seconds)

    async def _events(self) -> AsyncIterator[Event]:
        session = self._session
        for span in session.progress.replay.spans_around(self.byte):
            yield self._mark(span)
        while True:
            cancels = session.cancels
            burst = session.next(self.byte)
            for place in burst.cuts:  # before the audio that depends on them
                yield Cut(place)
            for event in self._sounds(burst):
                yield event
                if self._evicted:
                    raise TakenOver("a newer connection goes on with this session")
                if session.cancels != cancels:
                    break
            if session.cancels != cancels and (told := session.progress.interruption):
                yield told
            if burst.unread:
                yield Warning(
                    "unread_text",
                    f"the voice cannot read {', '.join(sorted(burst.unread))}; it was left out",
                )
            for message in burst.ignored:
                yield Warning("markup", message)
            if session.over(self.byte):
                ended = self._ended()
                if ended.reason != "cancelled" and (warning := await self._language.last()):
                    yield warning
                yield ended
                return
            if session.heard and (warning := self._language.poll(session.complete)):
                yield warning
            if session.drained(self.byte):
                yield Drained(self.byte, session.progress.script.end)
            if burst.frames:
                await asyncio.sleep(0)  # the others have their turn
            else:
                self._account.waits(session.config.live and session.speaking)
                await self._wait()

    def _sounds(self, burst: Burst) -> Iterator[Audio | Mark]:
        """The frames of a burst, each with the marks of the text that begins in it before it."""
        spans = deque(burst.spans)
        for frame in burst.frames:
            end = self.byte + len(frame)
            while spans and spans[0].bytes[0] < end:
                yield self._mark(spans.popleft())
            start, self.byte = self.byte, end
            self._session.hand_out(end)
            yield Audio(frame, start)

    def _mark(self, span: Span) -> Mark:
        return Mark(span.chars, span.bytes, self._exact[span.voice or self.voice], span.voice)

    def _ended(self) -> Ended:
        told = self._session.progress.interruption
        if told is not None and told.final:
            return Ended(self.byte, "cancelled", told.spoken_chars)
        return Ended(self.byte, "done" if self.byte else "empty")

    async def _wait(self) -> None:
        """Wait for news; raises `Idle` when neither side has anything to say for long."""
        while not self._news.is_set():
            rest = self._session.busy_at + self._idle_timeout - time.monotonic()
            if rest <= 0:
                raise Idle(f"nothing was written or spoken for {self._idle_timeout:g} s")
            if self._session.waits_for_stream:
                rest = min(rest, _RETRY_S)
            with anyio.move_on_after(rest):  # asyncio.wait_for loses a cancel before Python 3.12
                await self._news.wait()
            self._begin_again()
        self._news.clear()
        if self._evicted:
            raise TakenOver("a newer connection goes on with this session")

    def _begin_again(self) -> None:
        """Get a place in the engine again, where there is one: the model had failed."""
        if self._session.waits_for_stream:
            try:
                self._session.begin()
            except Full:
                return  # it is being loaded again; the next turn tries again

    # --- leaving ------------------------------------------------------------------------------

    def leave(self) -> None:
        """The connection is lost: the session can be resumed for a while."""
        self._tell("lost")
        self._session.detach(self)

    async def close(self) -> None:
        """Nobody will want more of it: end the session, unless a newer listener has resumed it."""
        self._tell("left")
        await self._sessions.close(self._session, by=self)
