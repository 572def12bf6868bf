"""The session as a state machine: whatever happens, its bytes are those of an unbroken one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.support.ear import Ear
from tests.support.engines import bulk_config, engine_of
from tests.support.tone import CHAR_SAMPLES, ToneModel
from vibevoice_pro.audio.frames import to_pcm16
from vibevoice_pro.engine.pcm import BEGINNING
from vibevoice_pro.errors import BadParameter, OffsetGone
from vibevoice_pro.models.base import Options
from vibevoice_pro.speech.account import Outcome
from vibevoice_pro.speech.events import Cut
from vibevoice_pro.speech.sessions.limits import Limits
from vibevoice_pro.speech.sessions.listener import Burst
from vibevoice_pro.speech.sessions.progress import Progress
from vibevoice_pro.speech.sessions.session import Session
from vibevoice_pro.speech.sessions.state import State
from vibevoice_pro.speech.speech import Speech

CHAR_BYTES = CHAR_SAMPLES * 2
CONFIG = bulk_config("xx-Tone", patience=0.0)
LIMITS = Limits(ttl=120.0, replay_seconds=120.0, replay_bytes=60 * CHAR_BYTES)
KEEP = LIMITS.keep(CONFIG.rate)

words = st.text("abcdefg", min_size=1, max_size=6)


def tones(text: str) -> bytes:
    """What the tone model makes of a text."""
    model = ToneModel()
    utterance = model.open("xx-Tone", Options())
    utterance.feed(text)
    utterance.finish()
    waves = [model.step([utterance])[0].wave for _ in text]
    return to_pcm16(np.concatenate(waves)) if waves else b""


class Machine(RuleBasedStateMachine):
    """A writer who numbers and repeats, a line that breaks, a place that is taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = engine_of(ToneModel(), max_streams=4)
        self.engine.start()
        self.session = Session("x" * 22, "", CONFIG, LIMITS, self.engine.open, lambda f: f)
        self.session.begin()
        self.ear: Ear | None = None
        self.before = b""  # what was sent before the last cancel
        self.text = ""  # since the last cancel
        self.open_to = 0  # of that, what may be spoken
        self.received = b""  # by all connections together
        self.acknowledged = 0

    def teardown(self) -> None:
        self.session.close()
        assert self.session.state is State.GONE
        self.engine.stop()
        assert all(u.closed for u in self.engine.hosts[0].model.opened), (
            "something was not given back"
        )

    @property
    def due(self) -> bytes:
        """All the audio that has to come, in the end."""
        return self.before + tones(self.text)[: self.open_to * CHAR_BYTES]

    @initialize()
    def begin(self) -> None:
        self.connect(0)

    @rule(back=st.integers(0, 3 * CHAR_BYTES // 2))
    def connect(self, back: int) -> None:
        """Go on from a place already heard, perhaps while the older connection is still there."""
        offset = max(0, len(self.received) - 2 * back)
        older, ear = self.ear, Ear(offset)
        if offset < self.session.progress.replay.start:
            with pytest.raises(OffsetGone):
                self.session.attach(ear, offset)
            return
        self.session.attach(ear, offset)
        assert self.session.state is State.HEARD
        assert older is None or older.evicted
        if older is not None:
            self.session.detach(older)  # it notices late
            assert self.session.state is State.HEARD
        self.ear = ear

    @precondition(lambda self: self.ear is not None)
    @rule()
    def lose(self) -> None:
        self.session.detach(self.ear)
        self.ear = None
        assert self.session.state is State.LOST

    @precondition(lambda self: self.session.state is State.LOST and self.session.runs)
    @rule()
    def park(self) -> None:
        self.session.park()
        assert self.session.state is State.PARKED

    @precondition(lambda self: self.ear is not None)
    @rule(text=words, stop=st.booleans(), repeat=st.booleans())
    def write(self, text: str, stop: bool, repeat: bool) -> None:
        text += ". " if stop else " "
        seq = self.session.progress.seq + 1
        assert self.session.is_new(seq)
        self.session.feed(text)
        self.session.progress.seq = seq
        self.text += text
        self.open_to = max(self.open_to, self.text.rfind(".") + 1)
        if repeat:
            assert not self.session.is_new(seq)
            with pytest.raises(BadParameter):
                self.session.is_new(seq + 2)

    @precondition(lambda self: self.ear is not None)
    @rule()
    def flush(self) -> None:
        self.session.flush()
        self.open_to = len(self.text)

    @precondition(lambda self: self.ear is not None)
    @rule(heard=st.none() | st.integers(0, 10**6))
    def cancel(self, heard: int | None) -> None:
        heard = heard and min(heard, self.session.progress.sent)
        told = self.session.cancel(heard)
        assert told.bytes == self.session.progress.sent == self.session.progress.replay.end
        assert told.spoken_chars <= self.session.progress.script.end
        self.before = self.due[: told.bytes]
        self.text, self.open_to = "", 0

    @precondition(lambda self: self.ear is not None)
    @rule(frames=st.integers(1, 80))
    def hear(self, frames: int) -> None:
        """Hear some frames, as far as there are any and may be any."""
        assert self.ear is not None
        until = min(len(self.due), self.ear.at + frames * CHAR_BYTES)
        if self.session.progress.acknowledges:
            until = min(until, self.acknowledged + KEEP)
        deadline = time.monotonic() + 10
        while self.ear.at < until - until % CHAR_BYTES:
            self.ear.woken.clear()
            burst = self.session.next(self.ear.at)
            for frame in burst.frames:
                self.received = self.received[: self.ear.at] + frame
                self.ear.at += len(frame)
                self.session.hand_out(self.ear.at)
                assert self.ear.at % CHAR_BYTES == 0, "frames lie on a grid"
            if not burst.frames:
                assert time.monotonic() < deadline, "what was due did not come"
                self.ear.woken.wait(0.05)

    @rule(back=st.integers(0, 4 * CHAR_BYTES))
    def acknowledge(self, back: int) -> None:
        byte = max(0, len(self.received) - back)
        self.session.acknowledge(byte)
        if self.ear is not None and self.ear.at < self.session.progress.replay.start:
            with pytest.raises(OffsetGone):  # it listens to what it says it has
                self.session.next(self.ear.at)
            self.lose()
        self.acknowledged = max(self.acknowledged, self.session.progress.replay.start)
        with pytest.raises(BadParameter):
            self.session.acknowledge(self.session.progress.sent + 1)

    @invariant()
    def heard_is_what_was_due(self) -> None:
        assert self.received == self.due[: len(self.received)]

    @invariant()
    def nothing_is_unbounded(self) -> None:
        assert len(self.session.progress.replay) <= KEEP + 60 * CHAR_BYTES
        assert self.session.progress.replay.start <= max(len(self.received), 0)

    @invariant()
    def impossible_offsets_are_refused(self) -> None:
        for offset in (self.session.progress.sent + 2, 1):
            with pytest.raises(BadParameter):
                self.session.attach(Ear(0), offset)


Machine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
TestSession = Machine.TestCase


@pytest.fixture
def hasty() -> Iterator[tuple[Session, ToneModel]]:
    """A session whose writer may not hesitate."""
    model = ToneModel()
    engine = engine_of(model)
    engine.start()
    model.batches.clear()
    config = bulk_config("xx-Tone", patience=0.001)
    session = Session("x" * 22, "", config, LIMITS, engine.open, lambda f: f)
    session.begin()
    yield session, model
    session.close()
    engine.stop()


def next_of(session: Session, ear: Ear) -> Burst:
    """What follows for a listener, as soon as there is something."""
    while True:
        ear.woken.clear()
        burst = session.next(ear.at)
        ear.at += sum(map(len, burst.frames))
        session.hand_out(ear.at)
        if burst.frames or burst.cuts:
            return burst
        assert ear.woken.wait(10)


async def test_a_cut_is_told_before_the_audio_that_depends_on_it(
    hasty: tuple[Session, ToneModel],
) -> None:
    session, model = hasty
    session.feed("ab cd")
    for _ in range(1000):  # until audio waits together with what there is to know about it
        if len(model.batches) == 3:
            break
        await asyncio.sleep(0.01)
    outcomes: list[Outcome] = []
    speech = Speech(
        session, None, 0, {}, 10.0, "", ["en"], str, outcomes.append, len,  # type: ignore[arg-type]
    )  # fmt: skip
    async for event in speech.events():
        assert event == Cut(3)
        break


def test_a_cut_that_may_not_have_arrived_is_told_again(hasty: tuple[Session, ToneModel]) -> None:
    session, _ = hasty
    ear = Ear(0)
    session.attach(ear, 0)
    session.feed("ab cd")
    cuts: list[int] = []
    while ear.at < 3 * CHAR_BYTES:
        cuts += next_of(session, ear).cuts
    assert cuts == [3]
    for offset, told in ((0, [3]), (CHAR_BYTES, []), (0, [])):
        ear = Ear(offset)
        session.attach(ear, offset)
        assert next_of(session, ear).cuts == told, offset


def test_making_again_what_was_heard_is_no_idleness() -> None:
    """Nothing is handed out for long then; the client must not be sent away."""
    model = ToneModel()
    engine = engine_of(model)
    engine.start()
    progress = Progress.from_offset(10 * CHAR_BYTES, BEGINNING)
    session = Session("x" * 22, "", CONFIG, LIMITS, engine.open, lambda f: f, progress)
    model.gate = threading.Semaphore(0)
    ear = Ear(10 * CHAR_BYTES)
    session.attach(ear, ear.at)
    session.feed("abcdefghijkl.")
    written = session.active
    model.gate.release(11)
    assert ear.woken.wait(10)
    assert session.active == written
    assert session.busy_at > written
    model.gate.release(1000)
    session.close()
    engine.stop()
