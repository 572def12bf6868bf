"""Cartesia's package: python cartesia_speech.py HTTP_URL WS_URL"""

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cartesia import APIStatusError, AsyncCartesia, Cartesia

TEXT = (
    "Good morning, and welcome to the early programme. Today we talk about the weather, the news "
    "of the day, and a small town by the sea."
)
OTHER = "Somebody else speaks at the same time, over the same connection."
TESSA = "6ccbfb76-1fc6-48f7-b71d-91ac6298247b"
RAW = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000}
HTTP, WS = sys.argv[1:]

client = Cartesia(api_key="none", base_url=HTTP, websocket_base_url=WS, max_retries=0)
told: dict[str, Any] = {"text": TEXT, "other": OTHER}


def write(name: str, data: Iterable[bytes]) -> None:
    Path(name).write_bytes(b"".join(data))


# --- HTTP -----------------------------------------------------------------------------------------

common = {"model_id": "sonic-3", "transcript": TEXT, "voice": {"mode": "id", "id": TESSA}}
for name, output in (
    ("whole.wav", {"container": "wav", "encoding": "pcm_s16le", "sample_rate": 44100}),
    ("float.wav", {"container": "wav", "encoding": "pcm_f32le", "sample_rate": 24000}),
    ("whole.mp3", {"container": "mp3", "sample_rate": 44100, "bit_rate": 128000}),
):
    client.tts.generate(**common, output_format=output).write_to_file(name)

events = [*client.tts.generate_sse(**common, output_format=RAW, add_timestamps=True)]
write("events.pcm", (event.audio for event in events if event.type == "chunk"))
told["events"] = sorted({event.type for event in events})
told["event_words"] = [w for e in events if e.type == "timestamps" for w in e.word_timestamps.words]

told["voices"] = [voice.id for voice in client.voices.list(limit=1)]
told["voice"] = client.voices.get(TESSA).id

# --- WebSockets -----------------------------------------------------------------------------------

with client.tts.websocket_connect() as connection:
    context = connection.context(
        model_id="sonic-3", voice={"mode": "id", "id": TESSA}, output_format=RAW, timeout=20,
        add_timestamps=True,
    )  # fmt: skip
    for word in TEXT.split():
        context.push(f"{word} ")
    context.no_more_inputs()
    pcm, words = [], []
    for event in context.receive():
        if event.type == "chunk":
            pcm.append(event.audio)
        elif event.type == "timestamps":
            times = event.word_timestamps
            words += zip(times.words, times.start, times.end, strict=True)
    write("pushed.pcm", pcm)
    told["words"] = words

    # An interruption, and the next answer over the same connection.
    context = connection.context(voice=TESSA, output_format=RAW, timeout=20)
    context.push(f"{TEXT} " * 100)
    next(context.receive())
    context.cancel()
    after = connection.context(voice=TESSA, output_format=RAW, timeout=20)
    after.push(OTHER, continue_=False)
    mine = [event for event in after.receive() if event.context_id == after._context_id]
    write("after.pcm", (event.audio for event in mine if event.type == "chunk"))
    told["after"] = mine[-1].type

    # A mistake, then a flush.
    wrong = connection.context(voice="nobody", output_format=RAW, timeout=20)
    wrong.push("Hello.")
    told["error"] = [*wrong.receive()][-1].to_dict()
    flushed = connection.context(voice=TESSA, output_format=RAW, timeout=20)
    flushed.push("Hello. ", flush=True)
    for event in flushed.receive():
        if event.type == "flush_done":
            told["flushed"] = event.flush_id
            flushed.no_more_inputs()
    told["done"] = event.type

# The older way of the package, still documented.
old = client.tts.websocket()
spoken = old.send(**common, output_format=RAW, stream=False, add_timestamps=True)
old.close()
write("old.pcm", [spoken.audio])
told["old_words"] = spoken.word_timestamps["words"]


async def beside() -> None:
    """Two contexts at once."""
    client = AsyncCartesia(api_key="none", base_url=HTTP, websocket_base_url=WS, max_retries=0)
    async with client.tts.websocket_connect() as connection:

        async def speak(name: str, text: str) -> None:
            context = connection.context(voice=TESSA, output_format=RAW, timeout=20)
            for word in text.split():
                await context.push(f"{word} ")
            await context.no_more_inputs()
            pcm = [event.audio async for event in context.receive() if event.type == "chunk"]
            write(f"{name}.pcm", pcm)

        await asyncio.gather(speak("one", TEXT), speak("two", OTHER))


asyncio.run(beside())

# --- what is wrong comes as the package's own errors ----------------------------------------------

told["refused"] = []
for change in ({"voice": "nobody"}, {"transcript": "…"}, {"output_format": {"container": "ogg"}}):
    try:
        client.tts.generate(**{**common, "output_format": RAW, **change})
    except APIStatusError as error:
        told["refused"].append([type(error).__name__, error.body["error_code"], error.message])

print(json.dumps(told))
