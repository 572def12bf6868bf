"""A stream, the engine's side: its utterance, and when its next chunk is due.

Used on the engine's thread only; what the caller sees of it is in `stream.py`.
"""

from __future__ import annotations

import math

import numpy as np

from vibevoice_pro.audio.frames import SAMPLE_BYTES, frame_bytes
from vibevoice_pro.engine.controlled import Controlled
from vibevoice_pro.engine.host import Host
from vibevoice_pro.engine.pcm import Checkpoint, Notes, PcmMaker, Span
from vibevoice_pro.engine.relay import Relay, Voices
from vibevoice_pro.engine.stream import Collected, Stream
from vibevoice_pro.engine.urgency import Urgency
from vibevoice_pro.errors import BadParameter, SpeechError
from vibevoice_pro.models.base import Chunk, Utterance
from vibevoice_pro.models.names import primary
from vibevoice_pro.text.lexicon import Lexicon, lexicon_of

_CHARS_PER_SECOND = 15  # of speech, roughly, in any language written with letters
_BARREN = 2  # chunks without a sound, one after the other, that a listener is still waited for


class Job:
    """An utterance that is spoken for a stream.

    Attributes:
        hosts: the models that take part.
        utterance: what is spoken; None: no text has come in this epoch.
        due: when the audio delivered so far has been played; before any, since when somebody waits.
        heard: whether audio was delivered in this epoch.
        moved_at: when it was stepped last, or something was asked of it.
    """

    def __init__(
        self, stream: Stream, host: Host, now: float, voices: Voices | None = None
    ) -> None:
        """`host`: the model of the stream's voice; `voices`: of those who speak in turn, with it
        among them; None: it speaks alone."""
        self.stream = stream
        self.hosts = {host, *(each for _, each in (voices or {}).values())}
        self._host = host
        self._voices = voices
        self.utterance: Utterance | None = None
        self.due = now
        self.heard = False
        self.moved_at = now
        self._config = stream.config
        self._epoch = -1  # none yet: the first `tend` begins one
        self._over = False  # all was spoken, or it failed
        self._text_at: float | None = None  # when text came last; None: complete, or cut by a pause
        self._barren = 0
        self._second = self._config.rate * SAMPLE_BYTES  # bytes

    @property
    def _relay(self) -> Relay | Controlled | None:
        """What stands between the text and the utterance that is stepped, if anything does."""
        return self.utterance if isinstance(self.utterance, Relay | Controlled) else None

    @property
    def host(self) -> Host:
        """The model that speaks now, or did last."""
        return self._relay.host if self._relay else self._host

    @property
    def stepped(self) -> Utterance:
        """What the model is stepped with; only of a job that is `runnable`."""
        assert self.utterance is not None
        return self._relay.stepped if self._relay else self.utterance

    @property
    def cost(self) -> float:
        """Share of the cores' time that this listener takes, with the slowest of its models."""
        return max(host.meter.cost for host in self.hosts)

    # --- requests -----------------------------------------------------------------------------

    def tend(self, now: float) -> None:
        """Carry out what the caller has asked for, and read of the text what the next step needs.

        A bounded amount of work.
        """
        self._obey(self.stream.collect(), now)
        if self.utterance is None:
            if not self._over:
                self._settle()
            return
        self.utterance.prepare()
        self._tell_ignored()
        if self._hesitation(now) <= 0:
            self._text_at = None
            place = self.utterance.pause()
            self.utterance.prepare()
            if place is not None:
                notes = Notes(pauses=[self._chars_from + place])
                self.stream.put(self._epoch, b"", notes, self.utterance.waiting)
        if self.utterance.done:
            self._end()
        else:
            self._settle()

    def _tell_ignored(self) -> None:
        """Report what the text asked for and is not done."""
        if isinstance(self.utterance, Controlled) and (told := self.utterance.take_warnings()):
            self.stream.put(self._epoch, b"", Notes(ignored=told), self.utterance.waiting)
            self.stream.on_output()

    def _obey(self, collected: Collected, now: float) -> None:
        if collected.epoch != self._epoch:
            self._begin_epoch(collected, now)
        if self._over:
            return
        for verb, text in collected.requests:
            self.moved_at = now
            utterance = self._open(now)
            if verb == "feed":
                utterance.feed(text)
                self._text_at = now
            elif verb == "flush":
                utterance.flush()
            else:
                utterance.finish()
                self._text_at = None

    def _begin_epoch(self, collected: Collected, now: float) -> None:
        self.release()
        origin = collected.origin
        self._epoch = collected.epoch
        self._begin = collected.begin
        self._over = self.heard = False
        self._barren = 0
        self._text_at = None
        self.due = now
        self._origin = origin
        self._chars_from = origin.at - (origin.point.at if origin.point else 0)

    def _open(self, now: float) -> Utterance:
        if self.utterance is None:
            config, origin = self._config, self._origin
            if self._controlled:
                self.utterance = Controlled(
                    self._host, config.voice, config.options, config.markup, self._lexicon,
                    origin.point,
                )  # fmt: skip
            elif self._voices is None:
                self.utterance = self._host.model.open(config.voice, config.options, origin.point)
            else:
                own = next(k for k, (voice, _) in self._voices.items() if voice == config.voice)
                self.utterance = Relay(self._voices, own, config.options, origin.point)
            self._pcm = PcmMaker(self.host.model.info.sample_rate, config.rate, origin.byte)
            self.due = now
        return self.utterance

    @property
    def _lexicon(self) -> Lexicon:
        """The words that are said in another way, in the language of the voice."""
        config = self._config
        language = primary(self._host.model.voices[config.voice].language)
        house = (*config.house.get(language, ()), *config.house.get(config.voice, ()))
        return lexicon_of(config.lexicon, house)

    @property
    def _controlled(self) -> bool:
        """Whether the text, or a lexicon, says how it is to be spoken."""
        return self._voices is None and bool(self._config.markup or self._lexicon.longest)

    def _settle(self) -> None:
        """Report whether there is nothing left to say."""
        utterance = self.utterance
        held = utterance.waiting if utterance else 0
        silent = utterance is None or (not utterance.ready and not held)
        if self.stream.settle(self._epoch, held, silent):
            self.stream.on_output()

    # --- scheduling ---------------------------------------------------------------------------

    @property
    def urgency(self) -> Urgency:
        """How much a step of this job is needed."""
        if self._barren > _BARREN or self._pcm.made < self._begin:
            return Urgency.BACKGROUND
        if not self.heard:
            return Urgency.WAITING
        return Urgency.PLAYING if self._config.live else Urgency.BACKGROUND

    def runnable(self, now: float) -> bool:
        """Whether a step is possible and wanted: text is there and the listener is not far off."""
        return self._ready and self._until_lead(now) <= 0

    def stalled(self, now: float, longest: float) -> bool:
        """Whether a listener waits for a step, and has had none for `longest` seconds.

        May be asked on any thread.
        """
        if not self._config.live or not self._ready or self.urgency is Urgency.BACKGROUND:
            return False
        wanted = self.due - self._config.lead  # since then
        return self.runnable(now) and now - max(wanted, self.moved_at) > longest

    def idle_for(self, now: float) -> float:
        """Seconds until this job may want something without being asked; inf: not by itself."""
        if self._relay and self._relay.behind:
            return 0.0
        wait = self._until_lead(now) if self._ready else math.inf
        return min(wait, self._hesitation(now))

    def remaining(self, now: float) -> float:
        """A guess at the seconds until all text written so far has been heard."""
        return max(0.0, self.due - now) + self.stream.unspoken / _CHARS_PER_SECOND

    @property
    def _ready(self) -> bool:
        utterance = self.utterance
        return utterance is not None and utterance.ready

    def _until_lead(self, now: float) -> float:
        """Seconds until generation may go on; inf: only when the listener takes audio."""
        if self.stream.untaken > self._config.lead * self._second:
            return math.inf
        return self.due - self._config.lead - now if self._config.live else 0.0

    def _hesitation(self, now: float) -> float:
        """Seconds until a hesitating writer's words are spoken without a proper end; inf: never.

        Not while the listener still has something to hear.
        """
        patience, utterance = self._config.patience, self.utterance
        if self._text_at is None or not patience or utterance is None:
            return math.inf
        if utterance.ready or not utterance.waiting:
            return math.inf
        return max(self._text_at + patience, self.due - patience / 2) - now

    # --- audio --------------------------------------------------------------------------------

    def deliver(self, chunk: Chunk, now: float) -> None:
        """Hand a chunk to the listener, if the epoch it belongs to is still wanted.

        Raises:
            SpeechError: its samples are no numbers.
        """
        assert self.utterance is not None
        self.moved_at = now
        if chunk.unfinished:
            return
        if not np.isfinite(chunk.wave).all():
            raise SpeechError("the model gave samples that are no numbers")
        rate = self.host.model.info.sample_rate
        if self._relay:
            chunk = self._relay.heard(chunk)
        pcm = self._pcm.restart(rate) if chunk.point is not None else b""
        notes = self._notes_on(chunk)
        pcm = self._wanted(pcm + self._pcm(chunk.wave))
        self.utterance.prepare()
        self._tell_ignored()
        if not self.stream.put(self._epoch, pcm, notes, self.utterance.waiting):
            return
        if pcm:
            self.due = max(self.due, now) + len(pcm) / self._second
            self.heard = True
        elif not self.heard:
            self.due = now  # the others who wait come first
        self._barren = 0 if chunk.wave.size else self._barren + 1
        if self.utterance.done:
            self._end()
        else:
            self._settle()
            self.stream.on_output()

    def _wanted(self, pcm: bytes) -> bytes:
        """What of PCM just made lies behind `begin`."""
        return pcm[max(0, self._begin - (self._pcm.made - len(pcm))) :]

    def _notes_on(self, chunk: Chunk) -> Notes:
        """What there is to know about a chunk that is not resampled yet."""
        notes = Notes(unread=set(chunk.unread))
        if chunk.point is not None and self._pcm.made >= self._begin:
            at = self._chars_from + chunk.point.at
            notes.checkpoints.append(Checkpoint(self._pcm.made, at, chunk.point))
        for mark in chunk.marks:
            first, last = (self._pcm.byte_of(sample) for sample in mark.samples)
            if first >= self._begin:
                chars = (self._chars_from + mark.chars[0], self._chars_from + mark.chars[1])
                voice = self._relay.voice if self._relay else ""
                notes.spans.append(Span(chars, (first, last), voice))
        return notes

    # --- the end ------------------------------------------------------------------------------

    def _end(self) -> None:
        self.release()  # first: whoever sees the end may count on its place in the model
        self._over = True
        rest = self._wanted(self._pcm.end())
        if self._begin - self._pcm.made >= frame_bytes(self._config.rate):  # the last is filled up
            self.fail(
                BadParameter(
                    f"offset must be at most {self._pcm.made}, all that the text makes; "
                    f"got {self._begin}",
                    field="offset",
                )
            )
        elif self.stream.end(self._epoch, rest):
            self.stream.on_output()

    def fail(self, error: SpeechError, utterance_lost: bool = False) -> None:
        """The stream cannot go on.

        `utterance_lost`: the model that had the utterance is gone; nothing is given back to it.
        """
        self._over = True
        self.stream.fail(error)
        if utterance_lost:
            self.utterance = None
        try:
            self.release()
        finally:
            self.stream.on_output()

    def release(self) -> None:
        """Give the utterance back."""
        utterance, self.utterance = self.utterance, None
        if utterance is not None:
            utterance.close()
