"""The language of the text, over the wire."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.support.serving import Running
from tests.support.wire import HELLO, ask
from vibevoice_pro.client import Speech

GERMAN = "Ich möchte gerne wissen, wann der nächste Zug nach Hamburg fährt."
SEEMS_GERMAN = "the text seems to be German, the voice en-Heart_woman speaks English; no voice here"


async def test_another_language_than_the_voice_speaks_is_told_once(server: Running) -> None:
    answer = await ask(server, f"text={quote(f'{GERMAN} ' * 5)}")
    warning = answer.event("warning")
    assert warning.keys() == {"type", "code", "message", "language"}
    assert (warning["code"], warning["language"]) == ("language", "de")
    assert warning["message"].startswith(SEEMS_GERMAN)
    assert answer.code == 1000


async def test_its_own_language_is_not_spoken_of(server: Running) -> None:
    answer = await ask(server, f"text={quote(HELLO)}")
    assert "warning" not in {event["type"] for event in answer.events}


async def test_the_client_logs_it(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    async with Speech(server.ws) as speech:
        await speech.write(GERMAN)
        await speech.end()
        assert len([pcm async for pcm in speech]) > 0
    assert any(message.startswith(SEEMS_GERMAN) for message in caplog.messages)
