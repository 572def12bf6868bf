"""What is kept of the audio, and of where its text is heard."""

from __future__ import annotations

import pytest

from vibevoice_pro.engine.pcm import Span
from vibevoice_pro.speech.sessions.replay import Replay

SPANS = [Span((0, 4), (0, 40)), Span((5, 9), (50, 90)), Span((10, 12), (100, 160))]


@pytest.fixture
def replay() -> Replay:
    """A hundred bytes; the last span lies behind them, as a model tells it before its sound."""
    replay = Replay()
    replay.append(bytes(range(100)))
    replay.note(SPANS)
    return replay


def test_gives_what_was_kept(replay: Replay) -> None:
    assert (replay.start, replay.end, len(replay)) == (0, 100, 100)
    assert replay.read(10, 14) == bytes([10, 11, 12, 13])
    assert replay.read(100, 100) == b""


def test_trimmed_it_keeps_its_places(replay: Replay) -> None:
    replay.trim(45)
    assert (replay.start, replay.end, len(replay)) == (45, 100, 55)
    assert replay.read(45, 47) == bytes([45, 46])
    assert list(replay.spans(0, 200)) == SPANS[1:]
    assert replay.chars_heard(45) == 4
    replay.trim(30)  # behind it already
    assert replay.start == 45
    with pytest.raises(AssertionError):
        replay.read(44, 50)


def test_it_is_not_trimmed_beyond_its_end(replay: Replay) -> None:
    replay.trim(10_000)
    assert (replay.start, replay.end, len(replay)) == (100, 100, 0)


def test_a_span_that_is_half_heard_stays(replay: Replay) -> None:
    replay.trim(60)
    assert list(replay.spans(0, 200)) == SPANS[1:]
    assert list(replay.spans_around(60)) == [SPANS[1]]
    assert list(replay.spans_around(50)) == []


def test_characters_heard_are_those_of_whole_spans(replay: Replay) -> None:
    assert [replay.chars_heard(byte) for byte in (0, 39, 40, 89, 90, 159, 160)] == [
        0, 0, 4, 4, 9, 9, 12
    ]  # fmt: skip


def test_cut_off_what_will_never_be_heard(replay: Replay) -> None:
    replay.cut(50)
    assert (replay.start, replay.end) == (0, 50)
    assert list(replay.spans(0, 200)) == SPANS[:1]
    replay.append(b"xy")
    assert replay.read(48, 52) == bytes([48, 49]) + b"xy"


def test_cut_behind_its_end_keeps_nothing(replay: Replay) -> None:
    replay.cut(130)
    assert (replay.start, replay.end, len(replay)) == (130, 130, 0)
    assert list(replay.spans(0, 200)) == SPANS
    assert replay.chars_heard(130) == 9


def test_begins_anywhere() -> None:
    replay = Replay(1000, 77)
    replay.append(b"ab")
    assert (replay.start, replay.end) == (1000, 1002)
    assert replay.read(1001, 1002) == b"b"
    assert replay.chars_heard(1002) == 77
