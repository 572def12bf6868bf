"""One line in the log for each listener, without the text, as text or as JSON."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from websockets.asyncio.client import connect

from tests.support.serving import serving
from tests.support.tone import ToneModel
from tests.support.wire import ask, lose, next_event, text
from vibevoice_pro.cli.log import JsonLines

SECRET = "The quick brown fox."


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [record.values for record in caplog.records if hasattr(record, "values")]


async def test_each_listener_is_accounted_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with serving(ToneModel()) as running:
        answer = await ask(running, f"text={SECRET.replace(' ', '%20')}")
        async with connect(f"{running.ws}/stream") as ws:
            id_ = (await next_event(ws, "session"))["session_id"]
            await lose(ws)
        resumed = await ask(running, f"session_id={id_}&offset=0", *text(SECRET))
        await ask(running, "voice=nobody&text=Hello")
    first, lost, again = lines(caplog)
    assert first["outcome"] == "done"
    assert first["characters"] == len(SECRET)
    assert first["audio_s"] == pytest.approx(len(answer.pcm) / 32000, abs=0.01)
    assert 0 < first["first_audio_ms"] < 10_000  # type: ignore[operator]
    assert lost["outcome"] in {"lost", "taken_over"}  # whichever the server notices first
    assert (lost["audio_s"], lost["first_audio_ms"]) == (0, None)
    assert again["outcome"] == "done"
    assert again["session"] == lost["session"] == id_[:8]
    assert again["audio_s"] == pytest.approx(len(resumed.pcm) / 32000, abs=0.01)
    assert "quick" not in caplog.text
    assert id_ not in caplog.text, "it would let others resume the session"


def test_a_line_is_an_object() -> None:
    record = logging.LogRecord("a.b", logging.INFO, __file__, 1, "speech %s", ("x=1",), None)
    record.values = {"voice": "声", "first_audio_ms": None}
    line = json.loads(JsonLines().format(record))
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info", "logger": "a.b", "message": "speech x=1", "voice": "声",
        "first_audio_ms": None,
    }  # fmt: skip
    try:
        raise ValueError("no")
    except ValueError:
        record.exc_info = sys.exc_info()
    assert "ValueError: no" in json.loads(JsonLines().format(record))["exception"]
