"""What a client keeps so that it can write its text again."""

from __future__ import annotations

from typing import Any

from vibevoice_pro.client.transcript import Transcript

FLUSH: dict[str, Any] = {"type": "flush"}
END: dict[str, Any] = {"type": "end"}


def text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def cancel(played: int) -> dict[str, Any]:
    return {"type": "cancel", "bytes": played}


def transcript(*messages: dict[str, Any], limit: int = 100) -> Transcript:
    written = Transcript(limit)
    for message in messages:
        written.add(message)
    return written


def test_pieces_are_joined_up_to_each_flush() -> None:
    written = transcript(text("ab"), text("c"), FLUSH, text("d"), text("e"), END)
    assert [*written.messages()] == [text("abc"), FLUSH, text("de"), END]
    assert (written.byte, written.char) == (0, 0)


def test_the_servers_cuts_become_flushes() -> None:
    written = transcript(text("abcdef"), FLUSH, text("ghi"))
    for place in (8, 4, 6, 4):
        written.cut(place)
    assert [*written.messages()] == [
        text("abcd"), FLUSH, text("ef"), FLUSH, text("gh"), FLUSH, text("i")
    ]  # fmt: skip
    written = transcript(text("ab"))
    written.cut(2)
    written.add(END)
    assert [*written.messages()] == [text("ab"), FLUSH, END]


def test_what_was_interrupted_is_dropped() -> None:
    written = transcript(text("abc"), cancel(10), text("de"), FLUSH)
    assert [*written.messages()] == [text("abc"), cancel(10), text("de"), FLUSH]
    written.cancelled(640)
    assert (written.byte, written.char) == (640, 3)
    assert [*written.messages()] == [text("de"), FLUSH]
    written.cut(3)  # of what was interrupted, told late
    written.cut(4)
    assert [*written.messages()] == [text("d"), FLUSH, text("e"), FLUSH]


def test_is_bounded() -> None:
    written = transcript(text("a" * 6), text("b" * 5), FLUSH, limit=10)
    assert not written.complete
    written.cut(3)
    written.add(cancel(0))
    written.add(text("cd"))
    assert not written.complete
    written.cancelled(64)
    assert written.complete
    assert (written.byte, written.char) == (64, 11)
    assert [*written.messages()] == [text("cd")]
    flushes = transcript(text("a"), *[FLUSH] * 1000)
    assert [*flushes.messages()] == [text("a"), FLUSH]
