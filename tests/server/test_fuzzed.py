"""Every WebSocket, sent what nobody would send: the server stays well, and closes with a reason."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.serving import Running, serving
from tests.support.tone import ToneModel

QUIET_S = 0.05
"""A server that has said nothing for so long has nothing more to say to what was sent."""

WENT_WELL, LEFT, STILL_OPEN = 1000, 1006, 0


@dataclass(frozen=True)
class Wire:
    """A WebSocket, and messages that its clients send."""

    path: str
    messages: tuple[dict[str, Any], ...]
    mistake: frozenset[int]
    """Codes that it closes with where a client has made a mistake."""

    end: int = WENT_WELL
    """How it is when all messages have been obeyed."""


CARTESIA = {
    "model_id": "sonic",
    "voice": {"mode": "id", "id": "xx-Tone"},
    "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 16000},
}

WIRES = {
    "native": Wire(
        "/stream?patience=0",
        (
            {"type": "text", "text": "Hello there. ", "seq": 1},
            {"type": "flush", "seq": 2},
            {"type": "ack", "bytes": 0},
            {"type": "cancel", "bytes": 0},
            {"type": "end"},
        ),
        frozenset({4400, 4408, 4413}),
    ),
    "elevenlabs": Wire(
        "/v1/text-to-speech/xx-Tone/stream-input?output_format=pcm_16000",
        (
            {"text": " ", "voice_settings": {"speed": 1.0, "stability": 0.5}},
            {"text": "Hello there. ", "try_trigger_generation": True},
            {"text": "More. ", "flush": True},
            {"text": ""},
        ),
        frozenset({1008}),
    ),
    "elevenlabs-multi": Wire(
        "/v1/text-to-speech/xx-Tone/multi-stream-input?output_format=pcm_16000&auto_mode=true",
        (
            {"text": "Hello there. ", "context_id": "a"},
            {"text": "Hello. ", "context_id": "b", "flush": True},
            {"context_id": "a", "flush": True},
            {"context_id": "a", "close_context": True},
            {"text": "", "context_id": "b"},
            {"close_socket": True},
        ),
        frozenset({1008}),
    ),
    "cartesia": Wire(
        "/tts/websocket",
        (
            {"context_id": "a", "transcript": "Hello there. ", "continue": True, **CARTESIA},
            {"context_id": "a", "transcript": "More. ", "continue": True, **CARTESIA},
            {"context_id": "b", "transcript": "Others.", "add_timestamps": True, **CARTESIA},
            {"context_id": "a", "transcript": "", "continue": True, "flush": True, **CARTESIA},
            {"context_id": "a", "transcript": "", "continue": False, **CARTESIA},
            {"context_id": "b", "cancel": True},
        ),
        frozenset(),
        STILL_OPEN,
    ),
    "deepgram": Wire(
        "/v1/speak?encoding=linear16&sample_rate=16000&model=xx-Tone",
        (
            {"type": "Speak", "text": "Hello there. "},
            {"type": "Flush"},
            {"type": "Clear"},
            {"type": "Close"},
        ),
        frozenset({1008, 1011}),
    ),
    "twilio": Wire(
        "/twilio",
        (
            {"event": "connected", "protocol": "Call", "version": "1.0.0"},
            {"event": "start", "start": {"streamSid": "MZ1", "customParameters": {"seed": "1"}}},
            {"event": "media", "streamSid": "MZ1", "media": {"payload": "no+JhoaJ"}},
            {"event": "speak", "text": "Hello there. ", "mark": "a"},
            {"event": "mark", "streamSid": "MZ1", "mark": {"name": "a"}},
            {"event": "clear", "streamSid": "MZ1"},
            {"event": "stop", "streamSid": "MZ1"},
        ),
        frozenset({1008, 1009}),
    ),
}

junk: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
    | st.sampled_from(["a", "x" * 3000, "\0", "😀" * 500, -1, 2**63, 1e308, ""]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, wire: Wire) -> str | bytes:
    """A message of the wire, as it is or with something wrong; or none at all."""
    kind = draw(st.sampled_from(["good", "good", "field", "field", "lost", "cut", "none"]))
    message = dict(draw(st.sampled_from(wire.messages)))
    if kind == "field":
        name = draw(st.sampled_from([*message, "unknown"]))
        message[name] = draw(junk)
    elif kind == "lost":
        del message[draw(st.sampled_from([*message]))]
    text = json.dumps(message)
    if kind == "cut":
        text = text[: draw(st.integers(0, len(text)))]
    elif kind == "none":
        return draw(st.text(max_size=40) | st.binary(max_size=40))
    return text


async def speak_to(
    url: str, messages: list[str | bytes], leaves: str = "", quiet_s: float = QUIET_S
) -> int:
    """Send it all and listen until nothing more comes for `quiet_s`; the code of the close frame.

    `leaves`: how the client does, if the server does not close before.
    """
    async with connect(url, max_size=None) as ws:
        with contextlib.suppress(ConnectionClosed):
            for message in messages:
                text = message if isinstance(message, bytes) else message.encode("utf-8", "replace")
                await ws.send(text if isinstance(message, bytes) else text.decode())
            if leaves == "at once":
                ws.transport.abort()
            while True:
                try:
                    await asyncio.wait_for(ws.recv(), quiet_s)
                except (TimeoutError, asyncio.TimeoutError):
                    return STILL_OPEN
        return ws.close_code or STILL_OPEN


@pytest.fixture(scope="module")
def toned() -> Iterator[Running]:
    with serving(ToneModel(), max_streams=20, max_text=2000) as running:
        yield running


@pytest.mark.parametrize("name", WIRES)
def test_it_stays_well(toned: Running, name: str, caplog: pytest.LogCaptureFixture) -> None:
    wire = WIRES[name]
    url = toned.ws + wire.path

    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        messages=st.lists(mutated(wire), max_size=8),
        leaves=st.sampled_from(["when it is quiet", "at once"]),
    )
    def fuzz(messages: list[str | bytes], leaves: str) -> None:
        code = asyncio.run(speak_to(url, messages, leaves))
        assert code in {STILL_OPEN, LEFT, WENT_WELL, *wire.mistake}, messages

    with caplog.at_level(logging.ERROR):
        fuzz()
    assert not caplog.records
    good: list[str | bytes] = [json.dumps(message) for message in wire.messages]
    assert asyncio.run(speak_to(url, good, quiet_s=2)) == wire.end
    assert httpx.get(f"{toned.http}/healthz").status_code == 200


def test_nobody_is_left(toned: Running) -> None:
    assert not toned.service.sessions.speaking
