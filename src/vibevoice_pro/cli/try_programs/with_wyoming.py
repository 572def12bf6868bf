# pip install wyoming
import asyncio
import wave

from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncClient
from wyoming.tts import Synthesize

URL = "tcp://127.0.0.1:10200"


async def main():
    async with AsyncClient.from_uri(URL) as client:
        await client.write_event(Synthesize("Hello there. Home Assistant asks like this.").event())
        with wave.open("out.wav", "wb") as file:
            while (event := await client.read_event()) and not AudioStop.is_type(event.type):
                if AudioChunk.is_type(event.type):
                    chunk = AudioChunk.from_event(event)
                    file.setparams((chunk.channels, chunk.width, chunk.rate, 0, "NONE", ""))
                    file.writeframes(chunk.audio)
            print(f"out.wav: {file.getnframes() / file.getframerate():.1f} s, spoken by {URL}")


asyncio.run(main())
