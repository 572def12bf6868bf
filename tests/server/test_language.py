"""The language of the text, over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect

from tests.support.proxy import Proxy
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from tests.support.wire import (
    HELLO,
    Answer,
    ask,
    ask_until_admitted,
    hear,
    lose,
    next_event,
    rest,
    text,
)
from vibevoice_pro.client import Retry, Speech
from vibevoice_pro.models.hibari.model import HibariModel

EN = "I would like to know when it is going to leave. "
DE = "Ich möchte gerne wissen, wann der nächste fährt. "
TEXT = f"{EN}{DE}OK. {EN}".rstrip()
FRAME = 640  # bytes
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


# --- a voice for each sentence ------------------------------------------------------------------


@pytest.fixture
def both() -> Iterator[Running]:
    with serving(*models()) as running:
        yield running


def models() -> tuple[ToneModel, ToneModel]:
    return ToneModel(voice="en-Tone"), ToneModel(voice="de-Tone", language="de", rate=24_000)


async def test_each_sentence_by_a_voice_of_its_language(both: Running) -> None:
    answer = await ask(both, f"language=auto&text={quote(TEXT)}")
    session = answer.event("session")
    assert (session["voice"], session["language"]) == ("en-Tone", "auto")
    assert session["voices"] == {"en": "en-Tone", "de": "de-Tone"}
    assert [(voice, TEXT[a:b]) for voice, a, b in turns(answer)] == [
        ("en-Tone", EN), ("de-Tone", f"{DE}OK. "), ("en-Tone", EN.rstrip())
    ]  # fmt: skip
    assert answer.event("end")["bytes"] == len(answer.pcm)
    assert "warning" not in {event["type"] for event in answer.events}


def turns(answer: Answer) -> list[tuple[str, int, int]]:
    """Who speaks which characters."""
    found: list[tuple[str, int, int]] = []
    for mark in (event for event in answer.events if event["type"] == "mark"):
        a, b = mark["chars"]
        if found and found[-1][0] == mark["voice"]:
            found[-1] = (mark["voice"], found[-1][1], b)
        else:
            found.append((mark["voice"], a, b))
    return found


async def test_the_voice_that_was_asked_for_speaks_its_language(both: Running) -> None:
    answer = await ask(both, f"language=auto&voice=de-Tone&text={quote('OK. ' + DE + EN)}")
    assert answer.event("session")["voice"] == "de-Tone"
    assert [voice for voice, *_ in turns(answer)] == ["de-Tone", "en-Tone"]


async def test_without_it_nothing_changes(both: Running) -> None:
    answer = await ask(both, f"text={quote(DE)}")
    session = answer.event("session")
    assert session.keys() == {
        "type", "session_id", "sample_rate", "frame_bytes", "voice", "offset", "seq"
    }  # fmt: skip
    assert all("voice" not in event for event in answer.events if event["type"] == "mark")
    assert answer.event("warning")["message"].endswith("; voices for German: de-Tone")


async def test_a_language_names_a_voice(both: Running) -> None:
    answer = await ask(both, "language=de-AT&text=Hallo.")
    session = answer.event("session")
    assert session["voice"] == "de-Tone"
    assert "language" not in session


@pytest.mark.parametrize("more", ["", "&voice=en-Tone", "&voice=alloy"])
@pytest.mark.parametrize("value", ["klingon", "ja", "AUTO", "auto,de"])
async def test_a_bad_language(both: Running, value: str, more: str) -> None:
    answer = await ask(both, f"language={value}&text=Hello{more}")
    assert answer.code == 4400
    error = answer.event("error")
    if more != "&voice=alloy":
        assert error["field"] == "language"
        assert error["message"].startswith(
            "language must be auto or one of de, en, which the voices here speak; got "
            f"{value!r}"
        )  # fmt: skip


async def test_a_language_that_nobody_here_speaks_is_told(both: Running) -> None:
    swedish = "Jag skulle vilja veta när nästa tåg till staden avgår i dag. "
    answer = await ask(both, f"language=auto&text={quote(swedish * 2)}")
    assert answer.event("warning")["message"] == (
        "the text seems to be Swedish; no voice here speaks Swedish"
    )


async def test_letter_by_letter_it_is_the_same(both: Running) -> None:
    whole = await ask(both, f"language=auto&patience=0&text={quote(TEXT)}")
    bits = await ask(both, "language=auto&patience=0", *text(*TEXT))
    assert bits.pcm == whole.pcm
    assert marks(bits) == marks(whole)


def marks(answer: Answer) -> list[dict[str, Any]]:
    return [event for event in answer.events if event["type"] == "mark"]


async def test_it_is_resumed_at_any_byte(both: Running) -> None:
    whole = await ask(both, f"language=auto&text={quote(TEXT)}")
    switch = next(m["bytes"][0] for m in marks(whole) if m["voice"] == "de-Tone")
    for cut in (0, 642, switch - 4000, switch, switch + 1002, len(whole.pcm) - 2000):
        async with connect(
            f"{both.ws}/stream?language=auto&text={quote(TEXT)}", max_queue=None
        ) as ws:
            heard = await hear(ws, cut + 1)
            id_ = heard.event("session")["session_id"]
            await lose(ws)
        again = await ask(both, f"session_id={id_}&offset={cut}&language=auto")
        assert heard.pcm[:cut] + again.pcm == whole.pcm
        assert again.event("session")["voices"] == {"en": "en-Tone", "de": "de-Tone"}
        assert marks(again) == [m for m in marks(whole) if m["bytes"][1] > cut]


async def test_its_place_is_given_up_and_taken_again() -> None:
    """While it is disconnected others take all places: it is made again from a checkpoint."""
    with serving(*models(), max_streams=1, lead=0.2) as running:
        whole = await ask(running, f"language=auto&text={quote(TEXT)}")
        switch = next(m["bytes"][0] for m in marks(whole) if m["voice"] == "de-Tone")
        for cut in (switch - 4000, switch + 4000):
            async with connect(
                f"{running.ws}/stream?language=auto&text={quote(TEXT)}", max_queue=None
            ) as ws:
                heard = await hear(ws, cut + 1)
                id_ = heard.event("session")["session_id"]
                await lose(ws)
            other = await ask_until_admitted(running)
            assert other.code == 1000
            again = await ask(running, f"session_id={id_}&offset={cut}")
            assert heard.pcm[:cut] + again.pcm == whole.pcm


async def test_the_language_of_a_session_stays_what_it_was(both: Running) -> None:
    for query, other, stays in (
        ("language=auto", "de", "auto"), ("", "auto", "that of its voice")
    ):  # fmt: skip
        async with connect(f"{both.ws}/stream?{query}") as ws:
            id_ = (await next_event(ws, "session"))["session_id"]
            await lose(ws)
        answer = await ask(both, f"session_id={id_}&offset=0&language={other}")
        assert answer.event("error")["message"] == (
            f"language of a session stays what it was, {stays}; leave it out"
        )


async def test_turns_and_a_barge_in(both: Running) -> None:
    async with connect(f"{both.ws}/stream?language=auto", max_queue=None) as ws:
        for message in (*text(EN + DE, end=False), '{"type":"flush"}'):
            await ws.send(message)
        drained = await next_event(ws, "drained")
        assert drained["chars"] == len(EN + DE)
        await ws.send(text(DE * 3, end=False)[0])
        heard = await hear(ws, 20_000)
        await ws.send(json.dumps({"type": "cancel", "bytes": drained["bytes"]}))
        told = await next_event(ws, "cancelled")
        assert told["spoken_chars"] >= len((EN + DE).rstrip())
        for message in text("Hm. " + EN):
            await ws.send(message)
        after = await rest(ws)
    assert heard.frames
    assert [voice for voice, *_ in turns(after)] == ["en-Tone"], "the asked one begins again"
    alone = await ask(both, f"language=auto&text={quote('Hm. ' + EN)}")
    assert after.pcm == alone.pcm


async def test_the_client_reopens_it_on_another_server() -> None:
    """It was killed while the second voice spoke, and knew nothing of sessions."""
    with serving(*models()) as alone:
        whole = await ask(alone, f"language=auto&patience=0&text={quote(TEXT)}")
    switch = next(m["bytes"][0] for m in marks(whole) if m["voice"] == "de-Tone")
    with serving(*models()) as one, serving(*models()) as other:
        ports = [one.port]
        with Proxy(lambda: ports[0], b"GET /stream") as line:
            heard = b""
            retry = Retry(first=0.01, longest=0.05)
            async with Speech(line.ws, retry=retry, language="auto", patience=0) as speech:
                await speech.write(TEXT)
                await speech.end()
                async for pcm in speech:
                    heard += pcm
                    if len(heard) > switch + 4000 and ports[0] == one.port:
                        ports[0] = other.port
                        line.cut()
    assert heard == whole.pcm


async def test_hibari_and_another_model(compact: HibariModel) -> None:
    german = ToneModel(voice="de-Tone", language="de")
    with serving(compact, german) as running:
        mixed = await ask(running, f"language=auto&text={quote(EN + DE)}")
        alone = await ask(running, f"text={quote(EN)}")
        assert mixed.pcm.startswith(alone.pcm[:-FRAME])
        assert [voice for voice, *_ in turns(mixed)] == ["en-Heart_woman", "de-Tone"]
        exact = {mark["voice"]: mark["exact"] for mark in marks(mixed)}
        assert exact == {"en-Heart_woman": True, "de-Tone": False}, "as each model has them"
        cut = len(alone.pcm) // 2 & ~1
        async with connect(
            f"{running.ws}/stream?language=auto&text={quote(EN + DE)}", max_queue=None
        ) as ws:
            heard = await hear(ws, cut + 1)
            id_ = heard.event("session")["session_id"]
            await lose(ws)
        again = await ask(running, f"session_id={id_}&offset={cut}")
        assert heard.pcm[:cut] + again.pcm == mixed.pcm
