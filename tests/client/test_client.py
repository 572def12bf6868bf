"""The Python client, over good lines and bad ones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.bad_lines import CHAR_BYTES, HASTY, TEXT, listen, over_a_bad_line, url
from tests.support.proxy import Fault, Proxy
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from tests.support.wire import ask
from vibevoice_pro.client import Lost, Refused, Retry, Speech, speak


@pytest.fixture
def tones() -> Iterator[Running]:
    with serving(ToneModel()) as running:
        yield running


async def test_a_text_an_iterator_and_an_async_iterator(server: Running) -> None:
    whole = (await ask(server, f"text={quote(TEXT)}")).pcm

    async def tokens() -> AsyncIterator[str]:
        for word in TEXT.split(" "):
            yield word if word == "Hello" else f" {word}"
            await asyncio.sleep(0)

    assert await listen(TEXT, url(server.port)) == whole
    assert await listen(iter(list(TEXT)), url(server.port), patience=0) == whole
    assert await listen(tokens(), url(server.port), patience=0) == whole


def test_in_a_plain_loop(server: Running) -> None:
    whole = asyncio.run(ask(server, f"text={quote(TEXT)}&rate=8000")).pcm
    assert b"".join(speak(TEXT, url(server.port), rate=8000)) == whole
    for pcm in speak(TEXT, url(server.port)):
        assert pcm
        break  # and nothing is left behind
    names = [thread.name for thread in threading.enumerate()]
    assert "vibevoice-client" not in names


def test_what_goes_wrong_is_said(server: Running) -> None:
    with pytest.raises(Refused, match="voice must be one of en-Heart_woman") as refused:
        list(speak("Hello", url(server.port), voice="nobody"))
    told = refused.value
    assert (told.code, told.field, told.retry_after) == (4400, "voice", None)
    assert told.reason == str(told)
    with pytest.raises(Lost, match="cannot be reached"):
        list(speak("Hello", url(1)))
    with pytest.raises(ValueError, match="address must be like"):
        speak("Hello", "localhost:7860")

    def broken() -> Iterator[str]:
        yield "Hello there, "
        raise ValueError("the writer's own fault")

    with pytest.raises(ValueError, match="own fault"):
        list(speak(broken(), url(server.port)))
    with pytest.raises(ZeroDivisionError):
        list(speak((str(1 // 0) for _ in "a"), url(server.port)))


async def test_barge_in_and_a_second_turn(tones: Running) -> None:
    async with Speech(url(tones.port)) as speech:
        await speech.write("abcdefgh.")
        heard = b""
        async for pcm in speech:
            heard += pcm
            if len(heard) == 4 * CHAR_BYTES:
                break
        told = await speech.cancel(played=3 * CHAR_BYTES)
        assert told.spoken_chars == 3
        assert told.bytes >= 4 * CHAR_BYTES
        await speech.write("xyz")
        await speech.end()
        rest = b"".join([pcm async for pcm in speech])
    assert rest == (await ask(tones, "text=xyz")).pcm


async def test_a_barge_in_while_the_line_is_broken(tones: Running) -> None:
    events: list[Mapping[str, Any]] = []
    with Proxy(tones.port) as line:
        line.faults = iter([Fault(900 + 3 * CHAR_BYTES)])
        broken = asyncio.Event()

        def note(event: Mapping[str, Any]) -> None:
            events.append(event)
            if event["type"] == "reconnecting":
                broken.set()

        async with Speech(url(line.port), retry=HASTY, on_event=note) as speech:
            await speech.write("abcdefgh.")
            await broken.wait()
            told = await speech.cancel()
            assert told.spoken_chars <= 9
            await speech.write("xyz")
            await speech.end()
            rest = b"".join([pcm async for pcm in speech])
    assert rest == (await ask(tones, "text=xyz")).pcm
    assert [e["type"] for e in events].count("cancelled") == 1


async def test_a_barge_in_whose_answer_is_lost(tones: Running) -> None:
    """Everything the client says arrives, but nothing comes back any more."""
    with Proxy(tones.port) as line:
        line.faults = iter([Fault(1500 + 9 * CHAR_BYTES, "late", seconds=0.3)])
        async with Speech(url(line.port), retry=HASTY) as speech:
            await speech.write("abcdefgh.")
            async for pcm in speech:
                if speech.received >= 9 * CHAR_BYTES and pcm:
                    break
            told = await asyncio.wait_for(speech.cancel(), 15)
            assert told.bytes == 9 * CHAR_BYTES
            await speech.write("xyz")
            await speech.end()
            rest = b"".join([pcm async for pcm in speech])
    assert rest == (await ask(tones, "text=xyz")).pcm


async def test_gives_up_when_nobody_answers_any_more(tones: Running) -> None:
    with Proxy(lambda: 1 if line.accepted > 1 else tones.port) as line:
        line.faults = iter([Fault(3000)])
        with pytest.raises(Lost, match=r"could not be reached for 0\.3 s"):
            await listen("a" * 2000, url(line.port), retry=Retry(0.01, 0.05, 0.3))


@pytest.mark.parametrize("rate", [16000, 24000])
async def test_forty_sessions_over_a_bad_line(server: Running, rate: int) -> None:
    await over_a_bad_line(server.port, range(20), rate)
