"""The loop: who is due → one batch → hand out the chunks, in one thread that owns the model."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from vibevoice_pro.engine.memory import available_budget, used_bytes
from vibevoice_pro.engine.pcm import BEGINNING, Checkpoint
from vibevoice_pro.engine.schedule import LoadMeter, pick
from vibevoice_pro.engine.stream import Stream, StreamConfig
from vibevoice_pro.errors import BadParameter, Full, SpeechError
from vibevoice_pro.models.base import AnyModel, Chunk, Options, Utterance

log = logging.getLogger(__name__)

_WARM_UP = (
    "These sentences are spoken to nobody. They are there to learn how long the model takes for a "
    "second of speech, and to have everything loaded when the first listener comes. A text of this "
    "length is like what people send: some short sentences, some longer ones with a clause or two, "
    "and now and then a long one that goes on for a while, because its writer had more to say."
)
_WARM_UP_S = 2.0  # at most, for each batch size

STUCK_S = 60.0
"""A step that takes longer than this means that the model hangs."""


@dataclass(frozen=True)
class EngineStatus:
    """What the engine is doing.

    Attributes:
        streams: open streams; max_streams: how many there may be.
        load: share of the model thread that the open streams need, 1 is all of it.
        capacity: listeners in real time at once, as measured; None: not measured yet.
        memory_used, memory_budget: bytes.
        steps: calls of the model so far; audio_seconds: audio made so far.
        healthy: whether the thread runs and makes progress.
    """

    streams: int
    max_streams: int
    load: float
    capacity: int | None
    memory_used: int
    memory_budget: int
    steps: int
    audio_seconds: float
    healthy: bool


class Engine:
    """Serves streams with one model. `start` before use, `stop` at the end; both block briefly."""

    def __init__(
        self, model: AnyModel, *, max_streams: int = 200, max_load: float = 0.95,
        memory_budget: int | None = None,
    ) -> None:  # fmt: skip
        self.model = model
        self.max_streams = min(max_streams, model.info.max_streams or max_streams)
        self.memory_budget = memory_budget or available_budget()
        self.load = LoadMeter(max_load)
        self._streams: list[Stream] = []
        self._condition = threading.Condition()
        self._poked = False
        self._stopping = False
        self._step_began: float | None = None
        self._steps = 0
        self._audio_seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="vibevoice-engine", daemon=True)

    def start(self) -> None:
        """Start the thread; first speak to nobody, so that the cost is known."""
        self._warm_up(1)
        self._warm_up(self.model.info.max_batch)
        self._thread.start()

    def _warm_up(self, size: int) -> None:
        voice = next(iter(self.model.voices))
        utterances = [self.model.open(voice, Options()) for _ in range(size)]
        for utterance in utterances:
            utterance.feed(_WARM_UP)
            utterance.finish()
            utterance.prepare()
        end = time.monotonic() + _WARM_UP_S
        while (batch := [u for u in utterances if u.ready]) and time.monotonic() < end:
            self._step(batch)
            for utterance in batch:
                utterance.prepare()
        for utterance in utterances:
            utterance.close()

    def stop(self) -> None:
        """End the thread; open streams fail with a `SpeechError`."""
        with self._condition:
            self._stopping = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout=STUCK_S)

    def open(
        self, config: StreamConfig, on_output: Callable[[], None] = lambda: None,
        origin: Checkpoint = BEGINNING, begin: int = 0,
    ) -> Stream:  # fmt: skip
        """Admit a listener.

        `origin` and `begin` let it go on where an earlier stream was, see `Stream`.

        Raises:
            BadParameter: the model has no such voice.
            Full: the others would no longer be served in time, or memory would not suffice.
        """
        if config.voice not in self.model.voices:
            names = ", ".join(self.model.voices)
            raise BadParameter(f"voice must be one of {names}; got {config.voice[:80]!r}")
        stream = Stream(config, self.model, self._wake, on_output, origin, begin)
        with self._condition:
            self._admit(stream)
            self._streams.append(stream)
        return stream

    def _admit(self, stream: Stream) -> None:
        listeners = sum(not (s.ended or s.closed) for s in self._streams)
        if listeners >= self.max_streams:
            raise Full(f"all {self.max_streams} places are taken", self._retry_after())
        # The first is served in any case: better late than never, where the machine is too slow.
        if stream.config.realtime and listeners + 1 > max(1.0, self.load.capacity()):
            raise Full(
                f"{listeners} listeners are as many as this machine serves in time",
                self._retry_after(),
            )
        need = self.model.info.stream_bytes
        if used_bytes() + need > self.memory_budget:
            raise Full(
                f"one more listener needs {need / 1e6:.0f} MB, which the memory budget of "
                f"{self.memory_budget / 1e6:.0f} MB does not hold",
                self._retry_after(),
            )

    def _retry_after(self) -> int:
        """Seconds after which a place is likely free: when the first stream will have ended."""
        now = time.monotonic()
        rest = min((s.remaining(now) for s in self._streams), default=1.0)
        return round(min(30.0, max(1.0, rest)))

    def status(self) -> EngineStatus:
        """What the engine is doing now."""
        with self._condition:
            streams = [s for s in self._streams if not (s.ended or s.closed)]
        capacity = self.load.capacity()
        began = self._step_began
        stuck = began is not None and time.monotonic() - began > STUCK_S
        return EngineStatus(
            streams=len(streams),
            max_streams=self.max_streams,
            load=round(len(streams) * self.load.cost, 3),
            capacity=None if capacity == float("inf") else min(int(capacity), self.max_streams),
            memory_used=used_bytes(),
            memory_budget=self.memory_budget,
            steps=self._steps,
            audio_seconds=round(self._audio_seconds, 3),
            healthy=self._thread.is_alive() and not stuck,
        )

    # --- the engine's thread -----------------------------------------------------------------

    def _wake(self) -> None:
        with self._condition:
            self._poked = True
            self._condition.notify()

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._turn()
        finally:
            with self._condition:
                streams, self._streams = self._streams, []
            for stream in streams:
                stream.fail(SpeechError("the server is shutting down"))

    def _turn(self) -> None:
        now = time.monotonic()
        with self._condition:
            self._poked = False
            gone = [s for s in self._streams if s.closed]
            self._streams = [s for s in self._streams if not s.closed]
            streams = list(self._streams)
        for stream in gone:
            stream.release()
        for stream in streams:
            try:
                stream.tend(now)
            except Exception:
                self._fail([stream])
        batch = pick(streams, now, self.model.info.max_batch, self.load.service_s)
        if batch:
            self._serve(batch)
        else:
            self._sleep(min((s.idle_for(now) for s in streams), default=float("inf")))

    def _serve(self, batch: list[Stream]) -> None:
        utterances = [u for s in batch if (u := s.utterance) is not None]
        try:
            chunks = self._step(utterances)
        except Exception:
            self._fail(batch)
            return
        now = time.monotonic()
        for stream, chunk in zip(batch, chunks, strict=True):
            stream.deliver(chunk, now)

    @staticmethod
    def _fail(streams: list[Stream]) -> None:
        log.exception("the model failed on %d stream(s); they end, the others go on", len(streams))
        for stream in streams:
            stream.fail(SpeechError("the model could not speak this text; the server logged why"))

    def _step(self, utterances: list[Utterance]) -> list[Chunk]:
        self._step_began = began = time.monotonic()
        try:
            chunks = self.model.step(utterances)
        finally:
            self._step_began = None
        audio = sum(len(c.wave) for c in chunks) / self.model.info.sample_rate
        self.load.record(len(chunks), time.monotonic() - began, audio)
        self._steps += 1
        self._audio_seconds += audio
        return chunks

    def _sleep(self, seconds: float) -> None:
        with self._condition:
            if not self._poked and not self._stopping:
                self._condition.wait(timeout=None if seconds == float("inf") else max(0.0, seconds))
