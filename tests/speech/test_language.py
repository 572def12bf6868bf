"""Text in a language that the voice does not speak: said once, and no speech waits for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.support.tone import CHAR_SAMPLES, ToneModel
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.engine.host import Host
from vibevoice_pro.models.base import AnyModel
from vibevoice_pro.speech.build import build_service
from vibevoice_pro.speech.events import Audio, Ended, Event, Interrupted, Warning
from vibevoice_pro.speech.request import SpeechRequest
from vibevoice_pro.speech.service import Reopening, Service
from vibevoice_pro.speech.speech import Speech
from vibevoice_pro.text import detect

CHAR_BYTES = 2 * CHAR_SAMPLES
GERMAN = "Ich möchte gerne wissen, wann der nächste Zug nach Hamburg fährt. "
ENGLISH = "I would like to know when the next train to the city is going to leave. "
ID = "a-client-drew-this-id-1"


@asynccontextmanager
async def serving(*models: AnyModel) -> AsyncIterator[Service]:
    settings = Settings(**{"lead": 600.0, "max_load": 1.0})
    service = build_service([Host(model) for model in models or [ToneModel()]], settings)
    service.engine.start()
    async with service:
        yield service


async def hear(speech: Speech, until: Callable[[Event], bool] = lambda event: False) -> list[Event]:
    """The events of a speech, up to one or the end."""
    heard = []
    async for event in speech.events():
        heard.append(event)
        if until(event):
            break
    return heard


def warnings(events: list[Event]) -> list[Warning]:
    return [event for event in events if isinstance(event, Warning)]


async def told(service: Service, text: str, **request: object) -> list[Warning]:
    return warnings(await hear(await service.start(SpeechRequest(text=text, **request))))


async def test_german_to_an_english_voice() -> None:
    async with serving() as service:
        events = await hear(await service.start(SpeechRequest(text=GERMAN)))
        (warning,) = warnings(events)
        assert (warning.code, warning.language) == ("language", "de")
        assert warning.message.startswith(
            "the text seems to be German, the voice xx-Tone speaks English; no voice here speaks "
            "German; for one: "
        )
        assert warning.message.endswith("vibevoice-pro pull --voice de-Spk0_man")
        assert isinstance(events[-1], Ended)
        assert events.index(warning) > events.index(
            next(event for event in events if isinstance(event, Audio))
        ), "the first sound does not wait for it"


async def test_english_is_not_spoken_of() -> None:
    async with serving() as service:
        assert await told(service, ENGLISH) == []
        assert await told(service, "Hello.") == []
        assert await told(service, "") == []


async def test_a_long_text_is_spoken_of_once() -> None:
    async with serving() as service:
        assert len(await told(service, GERMAN * 20)) == 1


async def test_in_pieces_it_is_the_same() -> None:
    async with serving() as service:
        for text in (GERMAN, GERMAN * 5, ENGLISH + GERMAN):
            speech = await service.start(SpeechRequest())
            for letter in text:
                speech.write(letter)
            speech.finish()
            assert warnings(await hear(speech)) == await told(service, text)


async def test_it_is_said_while_more_text_may_come() -> None:
    async with serving() as service:
        speech = await service.start(SpeechRequest())
        speech.write(GERMAN * 2)
        events = await hear(speech, lambda event: isinstance(event, Warning))
        assert [warning.language for warning in warnings(events)] == ["de"]
        speech.write(GERMAN * 10)
        speech.finish()
        assert warnings(await hear(speech)) == []


async def test_voices_of_that_language_are_named() -> None:
    german = ToneModel(voice="de-Tone", language="de-AT")
    async with serving(ToneModel(), german) as service:
        (warning,) = await told(service, GERMAN)
        assert warning.message.endswith("; voices for German: de-Tone")
        assert await told(service, GERMAN, voice="de-Tone") == []
        (warning,) = await told(service, ENGLISH, voice="de-Tone")
        assert warning.message == (
            "the text seems to be English, the voice de-Tone speaks German; "
            "voices for English: xx-Tone"
        )


async def test_it_is_not_said_again_after_a_resume() -> None:
    async with serving() as service:
        first = await service.start(SpeechRequest(text=GERMAN * 3), session_id=ID)
        await hear(first, lambda event: isinstance(event, Warning))
        again = await service.resume(ID, first.byte)
        assert warnings(await hear(again)) == []


async def test_it_is_said_after_a_resume_if_it_was_not_before() -> None:
    async with serving() as service:
        first = await service.start(SpeechRequest(text=GERMAN * 3), session_id=ID)
        await hear(first, lambda event: isinstance(event, Audio))
        assert len(warnings(await hear(await service.resume(ID, first.byte)))) == 1


@pytest.mark.parametrize(("offset", "count"), [(0, 1), (10 * CHAR_BYTES, 0)])
async def test_a_client_that_reopens_its_session_has_been_told(offset: int, count: int) -> None:
    async with serving() as service:
        request = SpeechRequest(text=GERMAN)
        speech = await service.resume(ID, offset, request=request, reopening=Reopening())
        assert len(warnings(await hear(speech))) == count


async def test_not_after_a_barge_in_at_the_end() -> None:
    async with serving() as service:
        speech = await service.start(SpeechRequest(text=GERMAN))
        async for event in speech.events():
            if isinstance(event, Audio):
                speech.cancel()
                break
        events = await hear(speech)
        assert [type(event) for event in events if not isinstance(event, Interrupted)] == [Ended]


async def test_a_fault_in_looking_does_not_end_the_speech(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(detect, "foreign", lambda text, own: 1 / 0)
    async with serving() as service:
        events = await hear(await service.start(SpeechRequest(text=GERMAN)))
        assert warnings(events) == []
        assert isinstance(events[-1], Ended)
        assert "could not be looked at" in caplog.text
