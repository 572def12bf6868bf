"""A session with VibeVoice: it gives its place up, and is made again with the same samples."""

from __future__ import annotations

from itertools import pairwise

from tests.support.ear import Ear
from tests.support.engines import bulk_config, engine_of
from tests.support.vibevoice import TEXT, VOICE
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.pcm import Span
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel
from vibevoice_pro.speech.sessions.limits import Limits
from vibevoice_pro.speech.sessions.session import Session

CONFIG = bulk_config(VOICE)
LIMITS = Limits(ttl=120.0, replay_seconds=120.0, replay_bytes=6_000_000)


def hear(session: Session, offset: int, most: int, marks: list[Span]) -> bytes:
    """Attach at a byte and hear up to `most` bytes, then lose the connection."""
    ear, heard = Ear(offset), b""
    session.attach(ear, offset)
    while not session.over(ear.at) and len(heard) < most:
        ear.woken.clear()
        burst = session.next(ear.at)
        marks += burst.spans
        heard += b"".join(burst.frames)
        ear.at = offset + len(heard)
        session.hand_out(ear.at)
        if not burst.frames and not session.over(ear.at):
            assert ear.woken.wait(20)
    session.detach(ear)
    return heard


def open_session(engine: Engine) -> Session:
    session = Session("x" * 22, "", CONFIG, LIMITS, engine.open, lambda f: f)
    session.begin()
    session.feed(TEXT)
    session.finish()
    return session


def test_parked_in_mid_sentence(model: VibeVoiceModel) -> None:
    engine = engine_of(model)
    engine.start()
    try:
        marks: list[Span] = []
        unbroken = open_session(engine)
        whole = hear(unbroken, 0, 10**9, marks)
        assert len(whole) > 100_000
        chars = [mark.chars for mark in marks]
        assert chars[0][0] == 0
        assert chars[-1][1] == len(TEXT)
        assert all(before[1] <= after[0] for before, after in pairwise(chars))
        first: list[Span] = []
        broken = open_session(engine)
        heard = hear(broken, 0, 40_000, first)
        broken.park()
        again: list[Span] = []
        at = 30_002
        heard = heard[:at] + hear(broken, at, 10**9, again)
        assert heard == whole
        assert {*first, *again} == {*marks}
        unbroken.close()
        broken.close()
    finally:
        engine.stop()
