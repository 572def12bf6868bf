"""The loop: which streams are due → one batch of one model → hand out the chunks."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vibevoice_pro.audio.frames import SAMPLE_BYTES
from vibevoice_pro.engine.host import Host
from vibevoice_pro.engine.job import Job
from vibevoice_pro.engine.memory import card_bytes, used_bytes
from vibevoice_pro.engine.pcm import BEGINNING, Checkpoint
from vibevoice_pro.engine.relay import Voices
from vibevoice_pro.engine.schedule import pick
from vibevoice_pro.engine.stream import Stream, StreamConfig
from vibevoice_pro.engine.warm_up import warm_up
from vibevoice_pro.errors import BadParameter, Full, ModelRestarted, SpeechError
from vibevoice_pro.memory import give_back_memory
from vibevoice_pro.models.base import AnyModel, Chunk

log = logging.getLogger(__name__)

_STOP_S = 5.0  # a thread that has not ended by then hangs in a model, and is left behind
_RELOAD_S = (1.0, 60.0)  # before a model is loaded again after a failure, doubled up to the second
_RELOAD_RETRY_S = 5
_REST_S = (5.0, 60.0)  # without a stream, before memory is given back: the first time, and again
_MEASURE_S = 0.5  # of a model's time, for each batch size, to learn what a step costs
_SHORT = 0.9  # of the memory budget: then those who come get less
_CATCH_UP_S = 60.0  # a client gives up after twice that


@dataclass(frozen=True)
class EngineStatus:
    """What the engine is doing.

    Attributes:
        streams: open streams; max_streams: how many there may be.
        load: share of the cores' time that the open streams need, 1 is all of it.
        capacity: listeners in real time at once, as measured; None: not measured yet.
        memory_used, memory_budget: bytes.
        steps: calls of the models so far; audio_seconds: audio made so far.
        healthy: see `Engine.ailing`.
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
    """Serves streams of several models in one thread. `start` before use, `stop` at the end.

    A second thread watches the first. A step that takes longer than the watchdog's time is given
    up with the thread that waits for it: another thread goes on, and the model is loaded again.
    """

    def __init__(
        self, hosts: Sequence[Host], *, max_streams: int, max_load: float, memory_budget: int,
        watchdog: float,
    ) -> None:  # fmt: skip
        """Not started yet.

        Args:
            hosts: the models; where two have a voice of the same name, the first one's counts.
            max_streams: open at once at most.
            max_load: share of the cores' time that may be promised to listeners; inf: no limit.
            memory_budget: bytes this process may take; of the card, if a model computes on one.
            watchdog: seconds a step may take.
        """
        self.hosts = list(hosts)
        self.max_streams = max_streams
        self.max_load = max_load
        self.memory_budget = memory_budget
        self.watchdog = watchdog
        self.on_step: Callable[[Host, int, float], None] = lambda host, size, seconds: None
        """Told of each step: the model, its streams, and seconds. On the engine's thread."""
        self._jobs: list[Job] = []
        self._condition = threading.Condition()
        self._poked = False
        self._started = False
        self._stopping = threading.Event()
        self._stepping: tuple[float, list[Job]] | None = None  # since when, and whom
        self._steps = 0
        self._rested_at = 0  # steps made before memory was given back last
        self._audio_seconds = 0.0
        self._thread = self._new_thread()

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the threads, unless that was done; first each model speaks to nobody, so that its
        cost is known."""
        if self._started:
            return
        for host in self.hosts:
            before = used_bytes()
            warm_up(host)
            host.memory += max(0, used_bytes() - before)
        self._thread.start()
        self._started = True
        threading.Thread(target=self._watch, name="vibevoice-watchdog", daemon=True).start()

    def stop(self) -> None:
        """End the threads, in seconds; open streams fail with a `SpeechError`."""
        self._stopping.set()
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout=_STOP_S)
        with self._condition:
            jobs, self._jobs = self._jobs, []
        for job in jobs:  # of a thread that hangs
            self._fail(job, SpeechError("the server is shutting down"), utterance_lost=True)

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="vibevoice-engine", daemon=True)

    # --- admission ----------------------------------------------------------------------------

    def host_of(self, voice: str) -> Host:
        """The model that has a voice.

        Raises:
            BadParameter: none has it.
        """
        for host in self.hosts:
            if voice in host.model.voices:
                return host
        names = ", ".join(name for host in self.hosts for name in host.model.voices)
        raise BadParameter(
            f"voice must be one of {names}; got {voice[:80]!r}", field="voice"
        )  # fmt: skip

    def open(
        self, config: StreamConfig, on_output: Callable[[], None] = lambda: None,
        origin: Checkpoint = BEGINNING, begin: int = 0,
    ) -> Stream:  # fmt: skip
        """Admit a listener.

        `origin` and `begin` let it resume where an earlier stream was, see `Stream`.

        Raises:
            BadParameter: no model has such a voice.
            Full: the others would no longer be served in time, or memory would not suffice.
            SpeechError: the engine does not run.
        """
        stream = Stream(config, self._wake, on_output, origin, begin)
        job = self._job(stream)
        behind_s = (begin - origin.byte) / SAMPLE_BYTES / config.rate
        with self._condition:
            self._admit(job, max(0.0, behind_s))
            self._jobs.append(job)
        self._wake()
        return stream

    def check(self, config: StreamConfig) -> None:
        """See whether `open` would admit a new listener now; raises what it would raise."""
        job = self._job(Stream(config, self._wake))
        with self._condition:
            self._admit(job, 0.0)

    def hosts_of(self, config: StreamConfig) -> set[Host]:
        """The models that a stream needs; raises what `host_of` raises."""
        return {self.host_of(voice) for voice in (config.voice, *dict(config.voices).values())}

    def _job(self, stream: Stream) -> Job:
        config = stream.config
        voices: Voices = {key: (voice, self.host_of(voice)) for key, voice in config.voices}
        host = self.host_of(config.voice)
        return Job(stream, host, time.monotonic(), voices if len(voices) > 1 else None)

    def _admit(self, job: Job, behind_s: float) -> None:
        """One rule over all models, because they share the cores.

        `behind_s`: seconds of audio to be made before the listener hears anything new.
        """
        if self._started and not self._thread.is_alive():
            raise SpeechError("the engine has stopped; the server must be restarted")
        open_ = self._open()
        for host in job.hosts:  # of each a place is kept, whichever speaks first
            info = host.model.info
            if not host.available:
                raise Full(f"the model {info.name} is not available now", _RELOAD_RETRY_S)
            mine = sum(host in each.hosts for each in open_)
            places = info.max_streams
            if len(open_) >= self.max_streams or (places is not None and mine >= places):
                taken = min(self.max_streams, places or self.max_streams)
                raise Full(f"all {taken} places are taken", self._retry_after())
        load, cost = self._load(open_), job.cost
        live = sum(each.stream.config.live for each in open_)
        # The first is served in any case: better late than never, where the machine is too slow.
        if job.stream.config.live and live and load + cost > self.max_load:
            raise Full(
                f"{live} listeners are as many as this machine serves in time", self._retry_after()
            )
        if math.isfinite(self.max_load) and load:
            catch_up_s = behind_s * cost / max(0.05, self.max_load - load)
            if catch_up_s > _CATCH_UP_S:
                raise Full(
                    f"the {behind_s:.0f} s before that place would have to be made again, which "
                    f"takes {catch_up_s:.0f} s now",
                    self._retry_after(),
                )
        need = max(host.model.info.stream_bytes for host in job.hosts)  # one speaks at a time
        if self.memory_used + need > self.memory_budget:
            raise Full(
                f"one more listener needs {need / 1e6:.0f} MB, which the memory budget of "
                f"{self.memory_budget / 1e6:.0f} MB does not hold",
                self._retry_after(),
            )

    @property
    def short_of_memory(self) -> bool:
        """Whether nearly all of the budget is in use."""
        return self.memory_used > _SHORT * self.memory_budget

    def _open(self) -> list[Job]:
        """The jobs that hold a place."""
        return [job for job in self._jobs if not job.stream.over]

    @staticmethod
    def _load(open_: Sequence[Job]) -> float:
        """Share of the cores' time that these jobs need."""
        return sum(job.cost for job in open_ if job.stream.config.live)

    def _retry_after(self) -> int:
        """Seconds after which a place is likely free: when the first stream will have ended."""
        now = time.monotonic()
        rest = min((job.remaining(now) for job in self._jobs), default=1.0)
        return round(min(30.0, max(1.0, rest)))

    def status(self) -> EngineStatus:
        """What the engine is doing now; listeners in real time are those of the first model."""
        with self._condition:
            open_ = self._open()
        load = self._load(open_)
        limits = [host.model.info.max_streams or self.max_streams for host in self.hosts]
        places = min(self.max_streams, sum(limits))
        more = self._room(self.hosts[0], load)
        live = sum(job.stream.config.live for job in open_)
        capacity = None if more is None else min(places, live + more)
        return EngineStatus(
            streams=len(open_),
            max_streams=places,
            load=round(load, 3),
            capacity=capacity,
            memory_used=self.memory_used,
            memory_budget=self.memory_budget,
            steps=self._steps,
            audio_seconds=round(self._audio_seconds, 3),
            healthy=self.healthy,
        )

    @property
    def on_card(self) -> bool:
        """Whether a model computes on a graphics card, whose memory is then the one that counts."""
        return any(host.model.info.device.startswith("cuda") for host in self.hosts)

    @property
    def memory_used(self) -> int:
        """Bytes in use of what `memory_budget` is a budget of."""
        return card_bytes() if self.on_card else used_bytes()

    def capacity(self, host: Host) -> int | None:
        """Listeners in real time of a model, if no others speak; None: not measured yet."""
        room = self._room(host, 0.0)
        return None if room is None else min(room, host.model.info.max_streams or self.max_streams)

    def _room(self, host: Host, load: float) -> int | None:
        """Listeners of a model that can come beside `load`; None: its cost is not known."""
        if not host.meter.cost or math.isinf(self.max_load):
            return None
        return max(0, math.floor((self.max_load - load) / host.meter.cost + 1e-9))

    @property
    def healthy(self) -> bool:
        """Whether all is well, see `ailing`."""
        return not self.ailing

    @property
    def ailing(self) -> str:
        """What is wrong, empty: nothing. The thread has ended, a step hangs, a model is being
        loaded again, or a listener is not served."""
        now, stepping = time.monotonic(), self._stepping
        if not self._thread.is_alive():
            return "the engine has stopped"
        if stepping is not None and now - stepping[0] > self.watchdog:
            return "the engine does not make progress"
        if missing := [host.model.info.name for host in self.hosts if not host.available]:
            return f"the model {missing[0]} is being loaded again"
        with self._condition:
            open_ = self._open()
        stalled = sum(job.stalled(now, self.watchdog) for job in open_)
        return f"{stalled} streams have not moved for {self.watchdog:g} s" if stalled else ""

    # --- the engine's thread ------------------------------------------------------------------

    def _wake(self) -> None:
        with self._condition:
            self._poked = True
            self._condition.notify()

    @property
    def _replaced(self) -> bool:
        """Whether this thread was given up by the watchdog, and another one goes on."""
        return threading.current_thread() is not self._thread

    def _run(self) -> None:
        why = SpeechError("the engine has failed")
        try:
            while not self._stopping.is_set() and not self._replaced:
                self._turn()
            why = SpeechError("the server is shutting down")
        except BaseException:
            log.critical("the engine has failed; nothing more can be spoken", exc_info=True)
        finally:
            if not self._replaced:
                with self._condition:
                    jobs, self._jobs = self._jobs, []
                for job in jobs:
                    self._fail(job, why)

    def _turn(self) -> None:
        now = time.monotonic()
        with self._condition:
            self._poked = False
            gone = [job for job in self._jobs if job.stream.closed]
            self._jobs = [job for job in self._jobs if not job.stream.closed]
            jobs = list(self._jobs)
        for job in gone:
            self._guard(job, job.release)
        for job in jobs:
            self._guard(job, job.tend, now)
        batch = pick(jobs, now)
        if batch:
            self._serve(batch)
        elif jobs:
            self._sleep(min(job.idle_for(now) for job in jobs))
        elif self._sleep(_REST_S[0] if self._steps > self._rested_at else _REST_S[1]):
            self._rest()

    def _sleep(self, seconds: float) -> bool:
        """Sleep until that time has passed, or something has happened; whether nothing has."""
        with self._condition:
            if self._poked or self._stopping.is_set():
                return False
            self._condition.wait(timeout=None if math.isinf(seconds) else max(0.0, seconds))
            return not self._poked and not self._stopping.is_set()

    def _rest(self) -> None:
        """Nobody has spoken for a while: learn anew what a step costs, as the load may have made
        steps slow; and give memory back that is only needed under load."""
        measure = self._steps > self._rested_at
        self._rested_at = self._steps
        for host in self.hosts:
            try:
                if measure:
                    host.meter.fade()
                    warm_up(host, _MEASURE_S, lambda: self._poked or self._stopping.is_set())
                host.model.rest()
            except Exception:
                log.exception("a model could not rest")
        give_back_memory()

    def _serve(self, batch: list[Job]) -> None:
        """Step a batch; where that fails, each by itself, to find the one who is at fault."""
        host = batch[0].host
        try:
            chunks = self._step(host, batch)
        except Exception as error:
            if self._replaced:
                return
            if len(batch) > 1:
                for job in batch:
                    if job.utterance is not None:  # else its model was given up meanwhile
                        self._serve([job])
                return
            log.exception("the model failed on a stream; it ends, the others go on")
            self._fail(batch[0], _fault(error))
            host.failed()
            if host.broken and host.reload is not None:
                self._load_again(host, self._give_up(host))
            return
        if self._replaced:
            return
        now = time.monotonic()
        for job, chunk in zip(batch, chunks, strict=True):
            self._guard(job, job.deliver, chunk, now)

    def _step(self, host: Host, batch: list[Job]) -> list[Chunk]:
        utterances = [job.stepped for job in batch]
        began = time.monotonic()
        self._stepping = began, batch
        try:
            chunks = host.step(utterances)
        finally:
            with self._condition:
                if not self._replaced:
                    self._stepping = None
        self.on_step(host, len(batch), time.monotonic() - began)
        audio = sum(len(chunk.wave) for chunk in chunks) / host.model.info.sample_rate
        self._steps += 1
        self._audio_seconds += audio
        return chunks

    # --- faults -------------------------------------------------------------------------------

    def _guard(self, job: Job, do: Callable[..., None], *arguments: object) -> None:
        """Do something for a job; if it fails, that job ends and nothing else."""
        try:
            do(*arguments)
        except Exception as error:
            log.exception("a stream failed; it ends, the others go on")
            self._fail(job, _fault(error))

    @staticmethod
    def _fail(job: Job, error: SpeechError, utterance_lost: bool = False) -> None:
        try:
            job.fail(error, utterance_lost)
        except Exception:
            log.exception("a stream that had failed could not be given back")

    def _watch(self) -> None:
        """Look whether a step hangs, until the engine stops."""
        while not self._stopping.wait(min(1.0, self.watchdog / 4)):
            with self._condition:
                stepping = self._stepping
                if stepping is None or time.monotonic() - stepping[0] <= self.watchdog:
                    continue
                host, batch = stepping[1][0].host, stepping[1]
                lost = self._give_up(host)
                self._stepping = None
                self._thread = self._new_thread()  # the old one ends when its step does, if ever
                self._thread.start()
            log.error(
                "a step of %s has taken more than %g s; the model is loaded again",
                host.model.info.name, self.watchdog,
            )  # fmt: skip
            if len(batch) == 1:
                self._fail(batch[0], SpeechError("the model hung on this text"), True)
            self._load_again(host, lost)

    def _give_up(self, host: Host) -> list[Job]:
        """Step a model no more; returns its streams."""
        with self._condition:
            host.available = False
            lost = [job for job in self._jobs if job.host is host]
            self._jobs = [job for job in self._jobs if job.host is not host]
        return lost

    def _load_again(self, host: Host, lost: list[Job]) -> None:
        """Tell the streams of a model that it is gone; load it again in a thread of its own."""
        for job in lost:
            if not job.stream.over:
                self._fail(job, ModelRestarted(), utterance_lost=True)
        if host.reload is not None:
            thread = threading.Thread(
                target=self._reload, args=(host, host.reload), name="vibevoice-reload", daemon=True
            )
            thread.start()

    def _reload(self, host: Host, load: Callable[[], AnyModel]) -> None:
        wait, longest = _RELOAD_S
        while not self._stopping.is_set():
            try:
                model = load()
            except Exception:
                log.exception("the model could not be loaded; the next attempt is in %g s", wait)
                self._stopping.wait(wait)
                wait = min(longest, 2 * wait)
                continue
            host.replace(model)
            log.warning("the model %s was loaded again", model.info.name)
            self._wake()
            return


def _fault(error: Exception) -> SpeechError:
    """What the listener of a stream that failed is told."""
    if isinstance(error, SpeechError):
        return error
    return SpeechError("the model could not speak this text; the server logged why")
