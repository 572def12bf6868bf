"""The text that is kept, written again into another stream."""

from __future__ import annotations

import pytest

from tests.support.engines import bulk_config, engine_of
from tests.support.tone import ToneModel
from vibevoice_pro.engine.stream import Request, Stream
from vibevoice_pro.errors import TextTooLong
from vibevoice_pro.speech.sessions.script import Script


def written(script: Script, at: int) -> list[Request]:
    """The requests that a stream gets which begins at `at`."""
    stream = Stream(bulk_config("xx-Tone"), wake=lambda: None)
    script.write_into(stream, at)
    return list(stream.collect().requests)


def test_all_of_it_is_written_with_its_cuts() -> None:
    script = Script(text="One two. Three", cuts=[4, 9], finished=True)
    assert written(script, 0) == [
        ("feed", "One "), ("flush", ""), ("feed", "two. "), ("flush", ""), ("feed", "Three"),
        ("finish", ""),
    ]  # fmt: skip


def test_what_a_stream_begins_behind_is_not_written() -> None:
    script = Script(100, "One two. Three", [104, 109])
    assert written(script, 104) == [("feed", "two. "), ("flush", ""), ("feed", "Three")]
    assert written(script, 109) == [("feed", "Three")]
    assert written(script, 114) == []


def test_a_flush_at_the_end_is_written() -> None:
    assert written(Script(text="One", cuts=[3]), 0) == [("feed", "One"), ("flush", "")]


def test_a_cut_is_noted_once_and_in_order() -> None:
    script = Script(text="One two three")
    for place in (8, 4, 8):
        script.cut(place)
    assert script.cuts == [4, 8]


def test_forgetting_keeps_the_places() -> None:
    script = Script(text="One two. Three", cuts=[4, 9])
    script.forget(4)
    assert (script.start, script.text, script.end, script.cuts) == (4, "two. Three", 14, [9])
    assert written(script, 4) == [("feed", "two. "), ("flush", ""), ("feed", "Three")]


def test_empty_is_what_says_nothing_and_does_not_end() -> None:
    assert Script().empty
    assert Script(50).empty
    assert not Script(text="a").empty
    assert not Script(finished=True).empty


def test_size_is_what_the_text_takes() -> None:
    assert Script(text="\N{GRINNING FACE}" * 1000).size > 4000
    assert 1000 < Script(text="a" * 1000).size < 1100


def test_more_than_a_stream_takes_is_refused() -> None:
    engine = engine_of(ToneModel())
    stream = engine.open(bulk_config("xx-Tone", max_text=10))
    with pytest.raises(TextTooLong):
        Script(text="a" * 11).write_into(stream, 0)
    stream.close()
    engine.stop()
