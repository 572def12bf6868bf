"""Speech without a protocol: what every front door gets from `Service`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.tone import CHAR_SAMPLES, ToneModel
from vibevoice_pro.config.keys import Key
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.engine.host import Host
from vibevoice_pro.engine.schedule import LoadMeter
from vibevoice_pro.errors import (
    BadParameter,
    Full,
    NoSession,
    OverQuota,
    SpeechError,
    TakenOver,
    TextTooLong,
)
from vibevoice_pro.models.base import AnyModel
from vibevoice_pro.speech.build import build_service
from vibevoice_pro.speech.events import Audio, Drained, Ended, Event, Interrupted, Mark
from vibevoice_pro.speech.request import Pace, SpeechRequest
from vibevoice_pro.speech.service import Reopening, Service
from vibevoice_pro.speech.speech import Speech
from vibevoice_pro.text.clean import clean

CHAR_BYTES = 2 * CHAR_SAMPLES
TEXT = "One two three. Four five."
ID = "a-client-drew-this-id-1"


def key(name: str, **limits: int) -> Key:
    return Key(name=name, sha256="0" * 64, **limits)


@asynccontextmanager
async def serving(*models: AnyModel, **settings: object) -> AsyncIterator[Service]:
    service = build_service(
        [Host(model) for model in models or [ToneModel()]],
        Settings(**{"lead": 600.0, "max_load": 1.0, **settings}),
    )
    service.engine.start()
    async with service:
        yield service


async def hear(speech: Speech, least: int | None = None) -> tuple[bytes, list[Event]]:
    """The PCM of a speech, to its end or `least` bytes of it, and its other events."""
    pcm, events = b"", []
    async for event in speech.events():
        if isinstance(event, Audio):
            assert event.byte + len(event.pcm) == speech.byte
            pcm += event.pcm
            if least is not None and len(pcm) >= least:
                break
        else:
            events.append(event)
    return pcm, events


async def whole(service: Service, **request: object) -> bytes:
    return (await hear(await service.start(SpeechRequest(**{"text": TEXT, **request}))))[0]


async def test_a_text_in_one_go() -> None:
    async with serving() as service:
        speech = await service.start(SpeechRequest(text=TEXT))
        pcm, events = await hear(speech)
        assert len(pcm) == len(TEXT) * CHAR_BYTES
        assert events[-1] == Ended(len(pcm), "done")
        marks = [event for event in events if isinstance(event, Mark)]
        assert [mark.chars for mark in marks] == [(i, i + 1) for i in range(len(TEXT))]
        assert (speech.voice, speech.rate, speech.frame_bytes) == ("xx-Tone", 16000, 640)


async def test_who_speaks_and_who_was_asked_for() -> None:
    async with serving() as service:
        speech = await service.start(SpeechRequest(voice="alloy", text=TEXT), session_id=ID)
        assert (speech.voice, speech.voice_asked) == ("xx-Tone", "alloy")
        again = await service.start(SpeechRequest(voice="alloy"), session_id=ID)
        assert (again.voice, again.voice_asked) == ("xx-Tone", "alloy")
        for voice in ("", "xx-Tone", "XX-tone"):
            speech = await service.start(SpeechRequest(voice=voice, text=TEXT))
            assert (speech.voice, speech.voice_asked) == ("xx-Tone", "")


async def test_a_session_whose_voice_is_not_here() -> None:
    """Another process began it, which has more voices."""
    async with serving(ToneModel(), ToneModel(voice="de-Eins", language="de")) as service:
        await service.start(SpeechRequest(voice="de-Eins"), session_id=ID)
        del service.catalog.entries["de-Eins"]
        with pytest.raises(NoSession, match="the voice of the session, de-Eins, is not on this"):
            await service.resume(ID, 0)


async def test_in_pieces_it_is_the_same() -> None:
    async with serving() as service:
        speech = await service.start(SpeechRequest())
        for letter in TEXT:
            speech.write(letter)
        speech.finish()
        assert (await hear(speech))[0] == await whole(service)


async def test_drained_after_a_flush() -> None:
    async with serving() as service:
        speech = await service.start(SpeechRequest())
        speech.write("One two")
        speech.flush()
        drained = [e async for e in until(speech, Drained)][-1]
        assert drained == Drained(7 * CHAR_BYTES, 7)


async def until(speech: Speech, kind: type) -> AsyncIterator[Event]:
    async for event in speech.events():
        yield event
        if isinstance(event, kind):
            return


async def test_a_barge_in_then_more() -> None:
    async with serving() as service:
        speech = await service.start(SpeechRequest())
        speech.write(TEXT)
        events = speech.events()
        async for event in events:
            if isinstance(event, Audio) and speech.byte >= 6 * CHAR_BYTES:
                break
        told = speech.cancel(5 * CHAR_BYTES)
        assert told == Interrupted(speech.byte, 5, final=False)
        speech.write("New.")
        speech.finish()
        rest = [event async for event in events]
        assert told in rest
        pcm = b"".join(event.pcm for event in rest if isinstance(event, Audio))
        assert len(pcm) == 4 * CHAR_BYTES
        assert [e.chars for e in rest if isinstance(e, Mark)] == [
            (len(TEXT) + i, len(TEXT) + i + 1) for i in range(4)
        ]


@pytest.mark.parametrize("text", ["one \ud800 two.", "\udfff"])
async def test_text_that_cannot_be_encoded_is_mended(text: str) -> None:
    async with serving() as service:
        expected = await whole(service, text=clean(text))
        assert await whole(service, text=text) == expected
        speech = await service.start(SpeechRequest())
        speech.write(text)
        speech.finish()
        assert (await hear(speech))[0] == expected


async def test_nothing_to_say_ends_empty() -> None:
    async with serving() as service:
        pcm, events = await hear(await service.start(SpeechRequest(text="")))
        assert (pcm, events) == (b"", [Ended(0, "empty")])


async def test_resumed_from_a_byte() -> None:
    async with serving() as service:
        expected = await whole(service)
        first = await service.start(SpeechRequest(text=TEXT))
        heard, _ = await hear(first, 7 * CHAR_BYTES)
        first.leave()
        second = await service.resume(first.id, len(heard) - CHAR_BYTES)
        rest, _ = await hear(second)
        assert heard[:-CHAR_BYTES] + rest == expected


async def test_the_newer_listener_wins() -> None:
    async with serving() as service:
        first = await service.start(SpeechRequest())
        await service.resume(first.id, 0)
        with pytest.raises(TakenOver):
            await hear(first)


async def test_a_session_is_its_owner_s() -> None:
    async with serving() as service:
        speech = await service.start(SpeechRequest(), key=key("anna"))
        with pytest.raises(NoSession):
            await service.resume(speech.id, 0, key=key("bert"))
        await service.resume(speech.id, 0, key=key("anna"))


async def test_a_key_allows_so_many_streams_at_once() -> None:
    async with serving() as service:
        two = key("anna", streams=2)
        first = await service.start(SpeechRequest(), key=two)
        second = await service.start(SpeechRequest(), key=two)
        with pytest.raises(OverQuota, match="the key anna allows 2 streams at once") as refused:
            await service.start(SpeechRequest(), key=two)
        assert refused.value.retry_after
        await service.start(SpeechRequest(), key=key("bert", streams=2))
        await service.resume(first.id, 0, key=two)  # its old connection does not count
        await second.close()
        await service.start(SpeechRequest(), key=two)
        assert service.refused == {"over_quota": 1}


async def test_a_key_allows_so_many_characters() -> None:
    async with serving() as service:
        ten = key("anna", characters_per_day=10)
        speech = await service.start(SpeechRequest(text="12345"), key=ten)
        await hear(speech)
        speech = await service.start(SpeechRequest(), key=ten)
        speech.write("678", seq=1)
        with pytest.raises(OverQuota, match="10 characters a day; try again in 8640 s"):
            speech.write("9ab", seq=2)
        speech.write("9a", seq=2)
        speech.finish()
        await hear(speech)
        before = service.sessions.listening
        with pytest.raises(OverQuota, match=r"10 characters a day$"):  # it never will
            await service.start(SpeechRequest(text="12345678901"), key=ten)
        assert service.sessions.listening == before


async def test_a_closed_session_is_gone() -> None:
    async with serving() as service:
        speech = await service.start(SpeechRequest())
        await speech.close()
        with pytest.raises(NoSession):
            await service.resume(speech.id, 0)


@pytest.mark.parametrize(
    ("request_", "field", "message"),
    [
        (SpeechRequest(voice="nobody"), "voice", "voice must be one of xx-Tone; got 'nobody'"),
        (SpeechRequest(rate=11025), "rate", "rate must be one of 8000, 16000"),
        (SpeechRequest(cfg=99), "cfg", "cfg must be a number from 0 to 10; got 99"),
        (SpeechRequest(steps=2.5), "steps", "steps must be a whole number from 1 to 100; got 2.5"),
        (SpeechRequest(speed=9), "speed", "from 0.5 to 2; got 9"),
        (SpeechRequest(seed=-1), "seed", "from 0 to 4294967295; got -1"),
        (SpeechRequest(context="none"), "context", "context must be carry or reset; got 'none'"),
        (SpeechRequest(patience=61), "patience", "from 0 to 60; got 61"),
        (SpeechRequest(patience=float("nan")), "patience", "from 0 to 60; got nan"),
        (SpeechRequest(language="pl"), "language", "one of en, which"),
    ],
)
async def test_what_is_not_allowed_is_named(
    request_: SpeechRequest, field: str, message: str
) -> None:
    async with serving() as service:
        with pytest.raises(BadParameter) as error:
            await service.start(request_)
        assert error.value.field == field
        assert message in str(error.value)


async def test_a_text_that_is_too_long() -> None:
    async with serving(max_text=10) as service:
        with pytest.raises(TextTooLong) as error:
            await service.start(SpeechRequest(text="a" * 11))
        assert error.value.field == "text"
        speech = await service.start(SpeechRequest())
        with pytest.raises(TextTooLong):
            speech.write("a" * 11)
        speech.write("a" * 10)


async def test_full_says_when_to_come_again() -> None:
    async with serving(max_streams=1, patience=0) as service:
        first = await service.start(SpeechRequest())
        first.write("Long. ")
        with pytest.raises(Full) as error:
            await service.start(SpeechRequest(text=TEXT))
        assert error.value.retry_after >= 1
        assert str(error.value).endswith(f"try again in {error.value.retry_after} s")


async def test_bulk_work_gives_way_and_is_the_same() -> None:
    async with serving() as service:
        assert await whole(service, pace=Pace.BULK) == await whole(service)


async def test_a_model_that_fails_ends_this_speech_alone() -> None:
    async with serving() as service:
        good = await service.start(SpeechRequest(text=TEXT))
        bad = await service.start(SpeechRequest(text="One!"))
        results = await asyncio.gather(hear(good), hear(bad), return_exceptions=True)
        assert len(results[0][0]) == len(TEXT) * CHAR_BYTES
        assert isinstance(results[1], SpeechError)
        assert service.healthy


class TestReopened:
    """A server that forgot a session makes the same bytes again."""

    async def test_from_its_beginning(self) -> None:
        async with serving() as service:
            expected = await whole(service)
            speech = await service.resume(
                ID, 9 * CHAR_BYTES, request=SpeechRequest(voice="xx-Tone", seed=5),
                reopening=Reopening(),
            )  # fmt: skip
            assert speech.byte == 9 * CHAR_BYTES
            assert speech.seq == 0
            speech.write(TEXT, 1)
            speech.finish(2)
            pcm, events = await hear(speech)
            assert pcm == expected[9 * CHAR_BYTES :]
            assert events[-1] == Ended(len(expected), "done")

    async def test_with_its_text_in_the_request(self) -> None:
        async with serving() as service:
            speech = await service.resume(
                ID, 4 * CHAR_BYTES, request=SpeechRequest(text=TEXT), reopening=Reopening()
            )
            assert (await hear(speech))[0] == (await whole(service))[4 * CHAR_BYTES :]

    async def test_behind_a_barge_in(self) -> None:
        """The text that was cancelled is needed no more, only how much there was of it."""
        async with serving() as service:
            before = await service.start(SpeechRequest())
            before.write(TEXT)
            await hear(before, 6 * CHAR_BYTES)
            told = before.cancel()
            before.write("Something new. ")
            before.finish()
            rest, marks = await hear(before)
            again = await service.resume(
                ID, told.bytes + 2 * CHAR_BYTES, request=SpeechRequest(),
                reopening=Reopening(told.bytes, len(TEXT)),
            )  # fmt: skip
            again.write("Something new. ", 1)
            again.finish(2)
            pcm, events = await hear(again)
            assert pcm == rest[2 * CHAR_BYTES :]
            kinds = (Mark, Ended)
            told_again = [e for e in events if isinstance(e, kinds)]
            assert told_again == [e for e in marks if isinstance(e, kinds)][-len(told_again) :]

    async def test_a_session_that_is_known_is_resumed(self) -> None:
        async with serving() as service:
            first = await service.start(SpeechRequest(text=TEXT))
            heard, _ = await hear(first, 3 * CHAR_BYTES)
            first.leave()
            again = await service.resume(
                first.id, len(heard), request=SpeechRequest(), reopening=Reopening()
            )
            assert heard + (await hear(again))[0] == await whole(service)

    async def test_a_place_that_was_never_made(self) -> None:
        async with serving() as service:
            speech = await service.resume(
                ID, 500 * CHAR_BYTES, request=SpeechRequest(text=TEXT), reopening=Reopening()
            )
            with pytest.raises(
                BadParameter, match="offset must be at most 16000, all that the text"
            ):
                await hear(speech)

    async def test_what_has_to_be_made_again_is_admitted_as_work(self) -> None:
        """Hours of speech cannot be made again at once for one listener, while others listen."""
        async with serving(max_streams=8) as service:
            other = await service.start(SpeechRequest())
            other.write("Others listen.")
            await hear(other, 14 * CHAR_BYTES)
            service.engine.hosts[0].meter = LoadMeter()
            service.engine.hosts[0].meter.record(1, 0.3, 1.0)  # three such fill the machine
            with pytest.raises(Full, match="would have to be made again") as error:
                await service.resume(
                    ID, 32_000 * 3600, request=SpeechRequest(text=TEXT), reopening=Reopening()
                )
            assert error.value.retry_after
