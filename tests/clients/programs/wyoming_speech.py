"""The package `wyoming`, called as Home Assistant calls it: python wyoming_speech.py PORT

Source: homeassistant/components/wyoming/data.py and tts.py, 2026.11.
"""

import asyncio
import io
import json
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

TEXT = (
    "Good morning, and welcome to the early programme. Today we talk about the weather, the news "
    "of the day, and a small town by the sea."
)
PORT = int(sys.argv[1])
VOICE = SynthesizeVoice(name="en-Heart_woman")


class Refused(Exception):
    """The server has sent an `error` event."""


async def load_info() -> Info:
    async with AsyncTcpClient("127.0.0.1", PORT) as client:
        await client.write_event(Describe().event())
        while True:
            event = await client.read_event()
            assert event is not None
            if Info.is_type(event.type):
                return Info.from_event(event)


async def get_audio(text: str, voice: SynthesizeVoice | None) -> bytes:
    """A WAV of all of it."""
    async with AsyncTcpClient("127.0.0.1", PORT) as client:
        await client.write_event(Synthesize(text=text, voice=voice).event())
        chunks: list[AudioChunk] = []
        while True:
            event = await client.read_event()
            assert event is not None, "the connection was lost"
            if Error.is_type(event.type):
                raise Refused(Error.from_event(event))
            if AudioStop.is_type(event.type):
                break
            if AudioChunk.is_type(event.type):
                chunks.append(AudioChunk.from_event(event))
    samples = b"".join(chunk.audio for chunk in chunks)
    return wav(chunks[0].rate, chunks[0].width, chunks[0].channels, samples)


def wav(rate: int, width: int, channels: int, samples: bytes = b"") -> bytes:
    with io.BytesIO() as sound:
        with wave.open(sound, "wb") as file:
            file.setframerate(rate)
            file.setsampwidth(width)
            file.setnchannels(channels)
            file.writeframes(samples)
        return sound.getvalue()


async def stream_audio(
    pieces: AsyncIterator[str], voice: SynthesizeVoice | None
) -> AsyncIterator[bytes]:
    """A header, then samples while text is still being written."""
    client = AsyncTcpClient("127.0.0.1", PORT)
    await client.connect()
    writing = asyncio.create_task(write(pieces, client, voice))
    begun = False
    try:
        while event := await client.read_event():
            if Error.is_type(event.type):
                raise Refused(Error.from_event(event))
            if begun and AudioChunk.is_type(event.type):
                yield AudioChunk.from_event(event).audio
            elif not begun and AudioStart.is_type(event.type):
                start = AudioStart.from_event(event)
                yield wav(start.rate, start.width, start.channels)
                begun = True
            elif SynthesizeStopped.is_type(event.type):
                break
    finally:
        writing.cancel()
        await client.disconnect()


async def write(
    pieces: AsyncIterator[str], client: AsyncTcpClient, voice: SynthesizeVoice | None
) -> None:
    await client.write_event(SynthesizeStart(voice=voice).event())
    message = ""
    async for piece in pieces:
        message += piece
        await client.write_event(SynthesizeChunk(text=piece).event())
    await client.write_event(Synthesize(text=message, voice=voice).event())
    await client.write_event(SynthesizeStop().event())


async def letters(
    text: str, size: int = 4, heard: asyncio.Event | None = None
) -> AsyncIterator[str]:
    """As a language model writes; `heard`: the last piece waits for it."""
    for at in range(0, len(text), size):
        if heard is not None and at + size >= len(text):
            await heard.wait()
        yield text[at : at + size]


async def interrupted() -> int:
    """Somebody who closes after the first sounds; how many there were."""
    count = 0
    stream = stream_audio(letters(TEXT * 50, 200), VOICE)
    async for _ in stream:
        count += 1
        if count == 20:
            break
    await stream.aclose()
    return count


async def refusal(text: str, voice: SynthesizeVoice | None) -> list[dict[str, Any]]:
    """What is said to a wrong request, asked in both ways."""
    said = []
    for streamed in (False, True):
        try:
            if streamed:
                async for _ in stream_audio(letters(text), voice):
                    pass
            else:
                await get_audio(text, voice)
        except Refused as error:
            said.append({"text": error.args[0].text, "code": error.args[0].code})
    return said


async def main() -> dict[str, Any]:
    info = await load_info()
    (program,) = [program for program in info.tts if program.installed]
    whole = await get_audio(TEXT, VOICE)
    heard, streamed = asyncio.Event(), bytearray()
    async for data in stream_audio(letters(TEXT, heard=heard), None):
        streamed += data
        if len(streamed) > 10_000:
            heard.set()  # it is spoken before its text is complete
    for name, sound in (("whole", whole), ("streamed", streamed)):
        Path(f"{name}.wav").write_bytes(sound)  # noqa: ASYNC240
    async with AsyncTcpClient("127.0.0.1", PORT) as client:
        await client.write_event(Ping(text="there?").event())
        event = await client.read_event()
        assert event is not None
        pong = Pong.from_event(event).text
    return {
        "text": TEXT,
        "name": program.name,
        "streaming": program.supports_synthesize_streaming,
        "voices": {v.name: v.languages for v in program.voices if v.installed},
        "others": [len(each) for each in (info.asr, info.handle, info.intent, info.wake)],
        "satellite": info.satellite is not None,
        "pong": pong,
        "interrupted": await interrupted(),
        "nobody": await refusal("Hello.", SynthesizeVoice(name="nobody")),
        "nothing": await refusal("…", VOICE),
        "speaker": await refusal("Hello.", SynthesizeVoice(name="en-Heart_woman", speaker="2")),
    }


print(json.dumps(asyncio.run(main())))
