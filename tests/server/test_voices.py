"""Voices over the wire: which one speaks is told, and several speak at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect

from tests.support.serving import Running, serving
from tests.support.stand_ins import register, save
from tests.support.tone import ToneModel
from tests.support.wire import ask, lose, next_event
from vibevoice_pro.client import Speech, speak
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.models.hibari.voices import VOICES

HEART = "en-Heart_woman"


@pytest.mark.parametrize("asked", ["en-Carter_man", "alloy", "SHIMMER"])
async def test_a_substitution_is_told(server: Running, asked: str) -> None:
    answer = await ask(server, f"text=Hello.&voice={asked}")
    session = answer.event("session")
    assert (session["voice"], session["voice_asked"]) == (HEART, asked)
    assert answer.code == 1000
    exact = await ask(server, f"text=Hello.&voice={HEART}")
    assert answer.pcm == exact.pcm


@pytest.mark.parametrize("query", ["", f"&voice={HEART}", "&voice=en-heart_woman"])
async def test_otherwise_nothing_is(server: Running, query: str) -> None:
    session = (await ask(server, f"text=Hello.{query}")).event("session")
    assert session["voice"] == HEART
    assert "voice_asked" not in session


@pytest.mark.parametrize(
    ("voice", "message"),
    [
        ("jp-Spk0_man", "there is none here: vibevoice-pro serve --model auto,kokoro"),
        ("en-GB-Emma_woman", "which is not here: vibevoice-pro pull --voices"),
        ("nobody", "got 'nobody'; for more: vibevoice-pro pull --voices"),
    ],
)
async def test_no_other_language_is_substituted(server: Running, voice: str, message: str) -> None:
    answer = await ask(server, f"text=Hello.&voice={voice}")
    assert answer.code == 4400
    assert answer.event("error")["field"] == "voice"
    assert answer.event("error")["message"].endswith(message)


async def test_strict_voices(compact: HibariModel) -> None:
    with serving(compact, strict_voices=True) as running:
        answer = await ask(running, "text=Hello.&voice=alloy")
        assert answer.code == 4400
        assert "but strict_voices is set" in answer.event("error")["message"]
        assert (await ask(running, f"text=Hello.&voice={HEART}")).code == 1000


async def test_a_japanese_voice_speaks_for_the_published_ones() -> None:
    japanese = ToneModel(voice="ja-Kumo_man", language="ja")
    with serving(ToneModel(), japanese) as running:
        session = (await ask(running, "text=Hello.&voice=jp-Spk0_man")).event("session")
        assert (session["voice"], session["voice_asked"]) == ("ja-Kumo_man", "jp-Spk0_man")


async def test_a_session_is_resumed_under_any_of_its_names(server: Running) -> None:
    async with connect(f"{server.ws}/stream?voice=alloy") as ws:
        id_ = (await next_event(ws, "session"))["session_id"]
        await lose(ws)
    for name in ("alloy", "nova", HEART):
        async with connect(f"{server.ws}/stream?session_id={id_}&offset=0&voice={name}") as ws:
            again = await next_event(ws, "session")
            assert again["voice"] == HEART
            assert again.get("voice_asked", HEART) == name
            await lose(ws)


# --- the clients ------------------------------------------------------------------------------


async def test_the_client_knows_who_speaks(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    async with Speech(server.ws, voice="alloy") as speech:
        assert (speech.voice, speech.voice_asked) == (HEART, "alloy")
    assert "no voice alloy: en-Heart_woman speaks instead" in caplog.messages
    async with Speech(server.ws, voice=HEART) as speech:
        assert (speech.voice, speech.voice_asked) == (HEART, "")
    assert await asyncio.to_thread(lambda: sum(map(len, speak("Hi.", server.ws, voice="nova"))))


# --- several at once --------------------------------------------------------------------------


async def test_listeners_of_all_voices_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch)
    save(tmp_path)
    text = quote("The schedule of tomatoes is a good one, and we go on with it.")
    with serving(HibariModel(workers=4, home=tmp_path)) as running:
        queries = [f"text={text}&voice={voice}" for voice in VOICES]
        alone = [await ask(running, query) for query in queries]
        together = await asyncio.gather(*(ask(running, query) for query in queries * 2))
    assert [a.event("session")["voice"] for a in alone] == list(VOICES)
    assert [a.pcm for a in together] == [a.pcm for a in alone] * 2
    assert len({a.pcm for a in alone}) == 2, "the stand-ins: American and British"
