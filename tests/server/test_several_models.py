"""Two models in one server: each voice speaks with its own, over one engine."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.support.serving import Running, serving
from tests.support.tone import CHAR_SAMPLES, ToneModel
from tests.support.wire import HELLO, ask, hear
from vibevoice_pro.models.base import Loading
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.models.registry import load_model

CHAR_BYTES = 2 * CHAR_SAMPLES


@pytest.fixture
def both(compact: HibariModel) -> Iterator[Running]:
    with serving(compact, ToneModel()) as running:
        yield running


async def test_each_voice_speaks_with_its_model(server: Running, both: Running) -> None:
    real, tones = await asyncio.gather(
        ask(both, f"text={quote(HELLO)}"), ask(both, "text=abc.&voice=xx-Tone")
    )
    assert real.pcm == (await ask(server, f"text={quote(HELLO)}")).pcm
    assert len(tones.pcm) == 4 * CHAR_BYTES
    assert real.event("session")["voice"] == "en-Heart_woman"
    assert tones.event("session")["voice"] == "xx-Tone"
    marks = [[e["exact"] for e in a.events if e["type"] == "mark"] for a in (real, tones)]
    assert all(marks[0])
    assert not any(marks[1]), "whether marks are exact is the model's own"


def test_all_voices_are_listed(both: Running) -> None:
    assert httpx.get(f"{both.http}/config").json() == {
        "voices": ["en-Heart_woman", "xx-Tone"], "default_voice": "en-Heart_woman"
    }  # fmt: skip


async def test_a_voice_of_neither(both: Running) -> None:
    answer = await ask(both, "text=Hello&voice=nobody")
    assert answer.code == 4400
    assert "voice must be one of en-Heart_woman, xx-Tone" in answer.event("error")["message"]


async def test_they_share_the_places(compact: HibariModel) -> None:
    with serving(compact, ToneModel(), max_streams=1) as running:
        async with connect(f"{running.ws}/stream?voice=xx-Tone", max_queue=None) as ws:
            await ws.send(json.dumps({"type": "text", "text": "abc. And so on"}))
            await hear(ws, 4 * CHAR_BYTES)
            answer = await ask(running, f"text={quote(HELLO)}")
            assert answer.code == 1013
            assert answer.event("error")["retry_after"] >= 1


async def test_a_model_that_fails_leaves_the_other_alone(both: Running) -> None:
    bad, good = await asyncio.gather(
        ask(both, f"text={quote('abc!')}&voice=xx-Tone"), ask(both, f"text={quote(HELLO)}")
    )
    assert (bad.code, good.code) == (1011, 1000)


async def test_a_true_size_vibevoice_beside_the_embedded_voice(
    server: Running, compact: HibariModel
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install .[vibevoice]")
    loading = Loading(precision="int8", device="cpu", streams=2, kv_window="512")
    large = load_model("random:vibevoice-0.5b", loading)
    voice = next(iter(large.voices))
    with serving(compact, large) as running:
        running.engine.max_load = math.inf  # however slow this machine is now
        async with connect(
            f"{running.ws}/stream?text={quote(HELLO * 20)}&voice={voice}", max_queue=None
        ) as ws:
            before = await hear(ws, 8000)
            answer = await ask(running, f"text={quote(HELLO)}")
            after = await hear(ws, len(before.pcm) + 8000, before)
    assert answer.pcm == (await ask(server, f"text={quote(HELLO)}")).pcm
    assert after.event("session")["voice"] == voice
    assert any(after.pcm)
