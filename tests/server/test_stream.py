"""`WS /stream` as a client sees it, over a real socket, with the real voice."""

from __future__ import annotations

import asyncio
import json
import socket
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from tests.support.serving import Running, serving
from tests.support.tone import CHAR_SAMPLES, ToneModel
from tests.support.wire import HELLO, ask, ask_until_admitted, next_event, rest, text, within
from vibevoice_pro.models.hibari.model import HibariModel


async def test_bare_url(server: Running) -> None:
    answer = await ask(server, f"text={quote(HELLO)}&voice=en-Heart_woman&cfg=1.5&steps=5")
    assert answer.code == 1000
    assert all(len(f) == 640 for f in answer.frames)
    session, end = answer.event("session"), answer.event("end")
    assert (answer.events[0], answer.events[-1]) == (session, end), "session first, end last"
    assert (session["sample_rate"], session["frame_bytes"]) == (16000, 640)
    assert len(session["session_id"]) >= 22
    assert end == {"type": "end", "bytes": len(answer.pcm), "reason": "done"}
    samples = np.frombuffer(answer.pcm, "<i2")
    assert 2.0 < len(samples) / 16000 < 6.0
    assert np.abs(samples).max() > 3000
    again = await ask(server, f"text={quote(HELLO)}")
    assert again.pcm == answer.pcm, "all of those were the defaults, and nothing is random"


async def test_in_pieces_it_is_the_same_sound(server: Running) -> None:
    whole = await ask(server, f"text={quote(HELLO)}")
    for parts in ([HELLO], list(HELLO), HELLO.split(" there")):
        joined = parts if "".join(parts) == HELLO else [parts[0], " there", parts[1]]
        answer = await ask(server, "", *text(*joined))
        assert answer.pcm == whole.pcm
        assert answer.code == 1000


@pytest.mark.parametrize(("rate", "size"), [(8000, 320), (16000, 640), (24000, 960), (48000, 1920)])
async def test_rates(server: Running, rate: int, size: int) -> None:
    answer = await ask(server, f"text=Hello+there+my+friend&rate={rate}")
    assert {len(f) for f in answer.frames} == {size}
    assert 0.9 < len(answer.frames) * 0.02 < 2.0


async def test_without_events_there_is_no_json(server: Running) -> None:
    answer = await ask(server, "text=Hello+there&events=0")
    assert answer.events == []
    assert answer.frames
    assert answer.code == 1000
    answer = await ask(server, "text=Hello&voice=nobody&events=0")
    assert answer.events == []
    assert answer.code == 4400
    assert "voice must be one of en-Heart_woman" in answer.reason


async def test_first_sound_comes_before_the_text_is_complete(server: Running) -> None:
    async with connect(f"{server.ws}/stream", max_queue=None) as ws:
        for message in text("Good morning, my friends, ", "and wel", end=False):
            await ws.send(message)
        while isinstance(await asyncio.wait_for(ws.recv(), 10), str):
            pass
        for message in text("come to the show."):
            await ws.send(message)
        answer = await rest(ws)
    assert answer.event("end")["reason"] == "done"


async def test_flush_speaks_and_the_connection_stays(server: Running) -> None:
    async with connect(f"{server.ws}/stream?patience=0", max_queue=None) as ws:
        await ws.send(text("Half a sentence", end=False)[0])
        await ws.send('{"type":"flush"}')
        heard = 0
        while heard < 20:
            heard += isinstance(await asyncio.wait_for(ws.recv(), 10), bytes)
        await ws.send('{"type":"end"}')
        answer = await rest(ws)
    assert answer.code == 1000


async def test_a_pause_of_the_writer_is_not_waited_out(server: Running) -> None:
    async with connect(f"{server.ws}/stream?patience=0.1", max_queue=None) as ws:
        await ws.send(text("I wonder whe", end=False)[0])
        while isinstance(await asyncio.wait_for(ws.recv(), 10), str):
            pass
        for message in text("ther it works."):
            await ws.send(message)
        assert (await rest(ws)).event("end")["bytes"] > 16000


async def test_cancel_then_speak_again(server: Running) -> None:
    fresh = await ask(server, "text=This+is+the+second+one.")
    async with connect(f"{server.ws}/stream", max_queue=None) as ws:
        await ws.send(text(HELLO * 20, end=False)[0])
        while isinstance(await asyncio.wait_for(ws.recv(), 10), str):
            pass
        await ws.send('{"type":"cancel"}')
        received, event = 640, {"type": ""}
        while event["type"] != "cancelled":
            message = await asyncio.wait_for(ws.recv(), 10)
            if isinstance(message, str):
                event = json.loads(message)
            else:
                received += len(message)
        assert event["bytes"] == received
        for message in text("This is the second one."):
            await ws.send(message)
        answer = await rest(ws)
    assert answer.pcm == fresh.pcm
    assert answer.event("end")["bytes"] == received + len(fresh.pcm)


async def test_cancel_of_a_complete_text_ends(server: Running) -> None:
    answer = await ask(server, f"text={quote(HELLO * 50)}", '{"type":"cancel"}')
    assert answer.event("end")["reason"] == "cancelled"
    assert answer.code == 1000


@pytest.mark.parametrize("nothing", ["", " \n ", "…", "?!", "—", "🎉 !", "Привет", "שלום"])
async def test_nothing_sayable_is_answered_alike_in_the_url_and_in_messages(
    server: Running, nothing: str
) -> None:
    for answer in (
        await within(ask(server, f"text={quote(nothing)}")),
        await within(ask(server, "", *text(nothing))),
    ):
        assert (answer.code, answer.reason, answer.frames) == (1000, "empty", [])
        assert answer.event("end") == {"type": "end", "bytes": 0, "reason": "empty"}
        if nothing.isalpha():
            assert "it was left out" in answer.event("warning")["message"]


BAD_QUERIES = [
    ("text=Hi&voice=nobody", "voice must be one of en-Heart_woman; got 'nobody'"),
    ("text=Hi&cfg=abc", "cfg must be a number from 0 to 10; got 'abc'"),
    ("text=Hi&cfg=nan", "cfg must be a number"),
    ("text=Hi&steps=-1", "steps must be a whole number from 1 to 100; got '-1'"),
    ("text=Hi&steps=2.5", "steps must be a whole number"),
    ("text=Hi&speed=9", "speed must be a number from 0.5 to 2"),
    ("text=Hi&seed=-3", "seed must be a whole number"),
    (
        "text=Hi&rate=11025",
        "rate must be one of 8000, 16000, 22050, 24000, 32000, 44100, 48000; got '11025'",
    ),
    ("text=Hi&events=yes", "events must be 0 or 1"),
    ("text=Hi&patience=-1", "patience must be a number from 0 to 60"),
    ("text=Hi&session_id=abc", "session_id must be 22 to 128 letters, digits, - or _"),
    ("text=Hi&session_id=a.b&offset=-640", "offset must be a whole number from 0 to"),
    ("text=Hi&offset=640", "offset needs session_id"),
    ("text=Hi&volume=11", "unknown parameter 'volume'; known are text, voice"),
]


@pytest.mark.parametrize(("query", "message"), BAD_QUERIES)
async def test_bad_parameters(server: Running, query: str, message: str) -> None:
    answer = await ask(server, query)
    assert answer.code == 4400
    assert message in answer.event("error")["message"]
    assert not answer.frames
    assert len(answer.reason.encode()) <= 123


BAD_MESSAGES: list[tuple[str | bytes, str]] = [
    (b"\x00\x01", "must be JSON text; a binary one came"),
    ("{nonsense", "messages must be JSON"),
    ("[" * 50_000, "messages must be JSON"),
    ("42", 'must be objects with "type" one of text, flush, end, cancel, ack'),
    ('{"type":"shout"}', 'must be objects with "type" one of'),
    ('{"type":["text"]}', 'must be objects with "type" one of'),
    ('{"type":"text"}', 'needs "text", a string'),
    ('{"type":"text","text":7}', 'needs "text", a string'),
]


@pytest.mark.parametrize(("message", "said"), BAD_MESSAGES)
async def test_bad_messages(server: Running, message: str | bytes, said: str) -> None:
    answer = await ask(server, "", message)
    assert answer.code == 4400
    assert said in answer.event("error")["message"]


async def test_text_after_the_end(server: Running) -> None:
    answer = await ask(server, "", *text("Hello there."), *text("More.", end=False))
    assert "came after the end" in answer.event("error")["message"]
    answer = await ask(server, f"text={quote(HELLO)}", *text("More.", end=False))
    assert answer.code == 4400


@pytest.mark.parametrize(
    "spoken",
    [
        "nul \x00 and \x1b control \x07 characters",
        "emoji 🎉 and 👩‍👩‍👧 families",
        "\u202eright to left\u202c marks",
        "half a \ud83d pair",
        "mixed שלום and 你好 letters",
        "a" * 3000,
        "9" * 300,
        "!?.,;:" * 50 + " word",
    ],
)
async def test_odd_text_is_spoken(server: Running, spoken: str) -> None:
    answer = await ask(server, "", *text(spoken))
    assert answer.event("end")["reason"] == "done"
    assert answer.code == 1000
    assert len(answer.pcm) > 16000


async def test_unreadable_part_is_told(server: Running) -> None:
    answer = await ask(server, f"text={quote('The word 你好 means hello.')}")
    assert "Chinese characters" in answer.event("warning")["message"]
    assert answer.code == 1000


@pytest.mark.parametrize("silent", ["", "   ", "🎉", "...", "你好"])
async def test_nothing_to_say_ends_empty(server: Running, silent: str) -> None:
    answer = await ask(server, "", *text(silent))
    assert answer.event("end") == {"type": "end", "bytes": 0, "reason": "empty"}


async def test_long_url(server: Running) -> None:
    answer = await ask(server, f"text={quote('A sentence that is not long. ' * 1500)}&speed=2",
                       '{"type":"cancel"}')  # fmt: skip
    assert answer.event("end")["reason"] == "cancelled"


@pytest.mark.parametrize("size", [400_000, 3_000_000])
async def test_a_url_that_is_too_long_is_answered(server: Running, size: int) -> None:
    # Or the line is broken while it is still being sent, which cannot be told from outside.
    with pytest.raises((InvalidHandshake, ConnectionError, ConnectionClosed)) as refused:
        await within(ask(server, "text=" + "a" * size))
    if isinstance(refused.value, InvalidStatus):
        assert refused.value.response.status_code == 400
    assert (await ask(server, "text=Hello+there")).code == 1000


async def test_ten_megabytes_at_once(server: Running) -> None:
    answer = await ask(server, "", *text("word " * 2_000_000))
    assert answer.code == 1009


async def test_too_much_waiting_text(compact: HibariModel) -> None:
    with serving(compact, max_text=1000) as small:
        answer = await ask(small, "", *text(*["word and word, " * 60] * 2))
        assert answer.code == 1009
        assert "at most 1,000 may wait" in answer.event("error")["message"]


async def test_full_says_when_to_try_again(compact: HibariModel) -> None:
    with serving(compact, max_streams=1) as small:
        async with connect(f"{small.ws}/stream?patience=0") as first:
            json.loads(await first.recv())
            assert (await ask(small, "text=Hello+there")).code == 1000, "who is silent needs none"
            await first.send('{"type":"text","text":"Hello","seq":1}')
            await next_event(first, "text_ack")
            answer = await ask(small, "text=Hello+there")
            assert answer.code == 1013
            assert "all 1 places are taken; try again in" in answer.reason
            error = answer.event("error")
            assert error["code"] == "full"
            assert answer.reason.endswith(f"try again in {error['retry_after']} s")
        assert (await ask_until_admitted(small)).code == 1000


async def test_one_who_never_sends_is_sent_away(compact: HibariModel) -> None:
    with serving(compact, idle_timeout=0.2) as hasty:
        answer = await ask(hasty)
        assert answer.code == 4408
        assert "nothing was written or spoken for 0.2 s" in answer.event("error")["message"]


async def test_one_who_vanishes_gives_the_place_back(compact: HibariModel) -> None:
    with serving(compact, max_streams=1) as small:
        async with connect(f"{small.ws}/stream?text={quote(HELLO * 20)}") as ws:
            while isinstance(await ws.recv(), str):
                pass
            ws.transport.abort()
        assert (await ask_until_admitted(small)).code == 1000


async def test_one_who_never_reads_is_dropped_and_harms_nobody(compact: HibariModel) -> None:
    with serving(compact, max_streams=1, send_timeout=1.0) as small:
        deaf = socket.create_connection(("127.0.0.1", small.port))
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(
            f"GET /stream?rate=48000&text={quote(HELLO * 400)} HTTP/1.1\r\nHost: x\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        assert (await ask_until_admitted(small)).code == 1000
        deaf.close()


async def test_a_failing_model_is_told_and_the_next_is_served() -> None:
    with serving(ToneModel()) as tones:
        answer = await ask(tones, "text=ab!cd")
        assert answer.code == 1011
        assert "could not speak this text" in answer.event("error")["message"]
        assert len(answer.frames) == 2
        answer = await ask(tones, "text=abcd")
        assert len(answer.pcm) == 4 * CHAR_SAMPLES * 2
        assert answer.code == 1000


async def test_many_at_once_hear_what_one_hears_alone(server: Running) -> None:
    texts = [f"This is listener number {i}, and it has its own text." for i in range(12)]
    alone = [(await ask(server, f"text={quote(t)}")).pcm for t in texts]
    together = await asyncio.gather(*(ask(server, f"text={quote(t)}") for t in texts))
    assert [a.pcm for a in together] == alone


async def test_shutdown_tells_the_listeners(compact: HibariModel) -> None:
    with serving(compact) as short:
        async with connect(f"{short.ws}/stream?patience=0") as ws:
            await ws.send('{"type":"text","text":"Hello","seq":1}')
            await next_event(ws, "text_ack")
            await asyncio.to_thread(short.engine.stop)
            answer = await rest(ws)
    assert answer.code == 1011
    assert "shutting down" in answer.event("error")["message"]


MESSAGE = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=40),
    st.builds(lambda t: json.dumps({"type": "text", "text": t}), st.text(max_size=40)),
    st.sampled_from(['{"type":"flush"}', '{"type":"cancel"}', '{"type":"ack","bytes":1}',
                     '{"type":"end"}', "{}", "null", '{"type":null}']),
)  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(messages=st.lists(MESSAGE, max_size=8))
def test_any_messages_get_a_documented_answer(server: Running, messages: list[str | bytes]) -> None:
    sendable = [
        m if isinstance(m, bytes) else m.encode("utf-8", "replace").decode() for m in messages
    ]

    answer = asyncio.run(within(ask(server, "", *sendable, '{"type":"end"}')))
    assert answer.code in {1000, 4400}, answer
    assert answer.events[0]["type"] == "session"
    assert answer.events[-1]["type"] == ("end" if answer.code == 1000 else "error")
    assert all(len(f) == 640 for f in answer.frames)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    query=st.dictionaries(
        st.sampled_from(["text", "voice", "cfg", "steps", "rate", "speed", "seed", "events", "x"]),
        st.one_of(st.text(max_size=20), st.integers().map(str), st.floats().map(str)),
        max_size=5,
    )
)
def test_any_query_gets_a_documented_answer(server: Running, query: dict[str, str]) -> None:
    encoded = "&".join(f"{k}={quote(v.encode('utf-8', 'replace'))}" for k, v in query.items())
    answer = asyncio.run(within(ask(server, encoded, '{"type":"end"}')))
    assert answer.code in {1000, 4400}, answer
