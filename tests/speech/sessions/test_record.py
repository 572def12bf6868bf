"""What is saved of a session is all that it takes to resume it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.ear import Ear
from tests.support.engines import bulk_config, engine_of
from tests.support.tone import CHAR_SAMPLES, ToneModel
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.speech.sessions.limits import Limits
from vibevoice_pro.speech.sessions.opening import Opening
from vibevoice_pro.speech.sessions.record import Changes, Record, Recorder, progress_of, settings_of
from vibevoice_pro.speech.sessions.session import Session

CHAR_BYTES = 2 * CHAR_SAMPLES
LIMITS = Limits(ttl=120.0, replay_seconds=120.0, replay_bytes=200 * CHAR_BYTES)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = engine_of(ToneModel())
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def session(engine: Engine) -> Session:
    config = bulk_config("xx-Tone", patience=0.0)
    session = Session("x" * 22, "anna", config, LIMITS, engine.open, lambda f: f)
    session.attach(Ear(0), 0)
    return session


def hear(session: Session, to: int) -> None:
    """Let the listener be given all up to a byte."""
    ear = session.listener
    assert isinstance(ear, Ear)
    while ear.at < to:
        ear.woken.clear()
        frames = session.next(ear.at).frames
        for frame in frames:
            if ear.at < to:
                ear.at += len(frame)
                session.hand_out(ear.at)
        if not frames:
            assert ear.woken.wait(20)


class Saved(Record):
    """A store with one record."""

    def __init__(self) -> None:
        super().__init__(b"")

    def apply(self, changes: Changes) -> None:
        self.state = changes.state
        self.texts = self.texts[changes.drop_texts :] + changes.texts
        self.chunks = self.chunks[changes.drop_chunks :] + changes.chunks


def save(recorder: Recorder, session: Session, saved: Saved) -> Changes:
    changes = recorder.changes(session)
    assert changes is not None
    recorder.saved(changes)
    saved.apply(changes)
    return changes


def test_only_what_is_new_is_saved(session: Session) -> None:
    recorder, saved = Recorder(), Saved()
    session.feed("One two. ")
    first = save(recorder, session, saved)
    assert first.first
    assert recorder.changes(session) is None
    hear(session, 5 * CHAR_BYTES)
    session.feed("Three.")
    second = save(recorder, session, saved)
    assert not second.first
    assert [json.loads(entry.split(b"\n")[0])["start"] for entry in second.texts] == [9]
    assert sum(len(entry.partition(b"\n")[2]) for entry in second.chunks) == 5 * CHAR_BYTES


def test_it_comes_back_as_it_was(session: Session) -> None:
    recorder, saved = Recorder(), Saved()
    session.progress.seq = 7
    for text in ("One 你 two. ", "Three \N{GRINNING FACE}. "):
        session.feed(text)
        save(recorder, session, saved)
    session.flush()
    hear(session, 12 * CHAR_BYTES)
    session.acknowledge(4 * CHAR_BYTES)
    save(recorder, session, saved)

    back, was = progress_of(saved), session.progress
    assert settings_of(saved) == (
        "anna",
        {
            "voice": "xx-Tone", "voices": (), "rate": 16000, "patience": 0.0,
            "options": session.config.options,
        },
    )  # fmt: skip
    assert (back.seq, back.sent, back.acknowledges, back.elsewhere) == (7, was.sent, True, True)
    assert (back.script.start, back.script.text) == (was.script.start, was.script.text)
    assert (back.script.cuts, back.script.finished) == (was.script.cuts, False)
    assert back.replay.start == 4 * CHAR_BYTES
    assert back.replay.end == was.sent
    first, last = back.replay.start, back.replay.end
    assert back.replay.read(first, last) == was.replay.read(first, last)
    assert list(back.replay.spans(first, last)) == list(was.replay.spans(first, last))
    assert back.replay.chars_heard(last) == was.replay.chars_heard(last)
    assert back.checkpoints == [c for c in was.checkpoints if c.byte <= was.sent]


def test_entries_that_nobody_needs_are_dropped(session: Session) -> None:
    recorder, saved = Recorder(), Saved()
    for _ in range(3):
        session.feed("A few words.")
        hear(session, session.progress.sent + 12 * CHAR_BYTES)
        save(recorder, session, saved)
    assert (len(saved.texts), len(saved.chunks)) == (1, 3)  # the text before a word is not needed
    session.acknowledge(session.progress.sent)
    changes = save(recorder, session, saved)
    assert changes.drop_chunks == 3
    assert saved.chunks == []


def test_a_barge_in_is_saved(session: Session) -> None:
    recorder, saved = Recorder(), Saved()
    session.feed("One two. ")
    hear(session, 3 * CHAR_BYTES)
    session.cancel(2 * CHAR_BYTES)
    session.feed("Four.")
    save(recorder, session, saved)
    back = progress_of(saved)
    assert back.interruption == session.progress.interruption
    assert (back.script.start, back.script.text) == (9, "Four.")
    assert [(c.byte, c.at) for c in back.checkpoints] == [(session.progress.interruption.bytes, 9)]


def test_a_lost_record_is_saved_as_a_whole(session: Session) -> None:
    recorder, saved = Recorder(), Saved()
    session.feed("One two. ")
    hear(session, 3 * CHAR_BYTES)
    save(recorder, session, saved)
    recorder.start_over()
    again = Saved()
    assert save(recorder, session, again).first
    assert again == saved


def test_who_takes_over_saves_only_what_is_new(session: Session) -> None:
    saved = Saved()
    session.feed("One two. ")
    hear(session, 3 * CHAR_BYTES)
    save(Recorder(), session, saved)
    taken_over = Recorder(saved)
    assert taken_over.changes(session) is None
    session.feed("Three.")
    changes = taken_over.changes(session)
    assert changes is not None
    assert (len(changes.texts), changes.chunks, changes.first) == (1, [], False)


def test_a_record_of_another_version_is_refused(session: Session) -> None:
    saved = Saved()
    session.feed("One.")
    save(Recorder(), session, saved)
    saved.state = json.dumps({**json.loads(saved.state), "version": 99}).encode()
    with pytest.raises(ValueError, match="version 99"):
        progress_of(saved)


def test_whether_the_language_was_told_is_saved(session: Session) -> None:
    recorder, saved = Recorder(), Saved()
    session.feed("One two. ")
    save(recorder, session, saved)
    assert progress_of(saved).opening == Opening("One two. ")
    session.progress.opening.looked(found=True)
    save(recorder, session, saved)
    assert progress_of(saved).opening.settled
    state = json.loads(saved.state)
    del state["opening"]  # as an earlier version saved it
    saved.state = json.dumps(state).encode()
    assert progress_of(saved).opening.settled


def test_voices_that_speak_in_turn_are_saved() -> None:
    german = ToneModel(voice="de-Tone", language="de")
    engine = engine_of(ToneModel(), german)
    engine.start()
    voices = (("en", "xx-Tone"), ("de", "de-Tone"))
    config = bulk_config("xx-Tone", voices=voices, patience=0.0)
    session = Session("x" * 22, "anna", config, LIMITS, engine.open, lambda f: f)
    session.attach(Ear(0), 0)
    session.feed("Guten Morgen. ")
    session.finish()
    hear(session, len("Guten Morgen. ") * CHAR_BYTES)
    recorder, saved = Recorder(), Saved()
    save(recorder, session, saved)
    assert settings_of(saved)[1]["voices"] == voices
    replay = progress_of(saved).replay
    assert {span.voice for span in replay.spans(0, replay.end)} == {"de-Tone"}
    session.close()
    engine.stop()
