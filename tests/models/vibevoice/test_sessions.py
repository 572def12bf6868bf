"""A session with VibeVoice: it gives its place up, and is made again with the same samples."""

from __future__ import annotations

from itertools import pairwise

from tests.models.vibevoice.test_model import TEXT, VOICE, model  # noqa: F401 - a fixture
from tests.speech.sessions.test_session import Ear
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.pcm import Spoken
from vibevoice_pro.engine.stream import StreamConfig
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel
from vibevoice_pro.speech.sessions.session import Limits, Session

CONFIG = StreamConfig(VOICE, realtime=False, lead=1000.0)


def hear(session: Session, offset: int, most: int, marks: list[Spoken]) -> bytes:
    """Attach at a byte and hear up to `most` bytes, then lose the connection."""
    ear, heard = Ear(offset), b""
    session.attach(ear, offset)
    while not session.over(ear.at) and len(heard) < most:
        ear.woken.clear()
        part = session.next(ear.at)
        marks += part.spoken
        heard += b"".join(part.frames)
        ear.at = offset + len(heard)
        session.hand_out(ear.at)
        if not part.frames and not session.over(ear.at):
            assert ear.woken.wait(20)
    session.detach(ear)
    return heard


def open_session(engine: Engine) -> Session:
    session = Session("x" * 22, "", CONFIG, Limits(), engine.open, lambda f: f)
    session.begin()
    session.feed(TEXT)
    session.finish()
    return session


def test_parked_in_mid_sentence(model: VibeVoiceModel) -> None:  # noqa: F811
    engine = Engine(model, max_load=1.0)
    engine.start()
    try:
        marks: list[Spoken] = []
        unbroken = open_session(engine)
        whole = hear(unbroken, 0, 10**9, marks)
        assert len(whole) > 100_000
        chars = [mark.chars for mark in marks]
        assert chars[0][0] == 0
        assert chars[-1][1] == len(TEXT)
        assert all(before[1] <= after[0] for before, after in pairwise(chars))
        first: list[Spoken] = []
        broken = open_session(engine)
        heard = hear(broken, 0, 40_000, first)
        broken.park()
        again: list[Spoken] = []
        at = 30_002
        heard = heard[:at] + hear(broken, at, 10**9, again)
        assert heard == whole
        assert {*first, *again} == {*marks}
        unbroken.close()
        broken.close()
    finally:
        engine.stop()
