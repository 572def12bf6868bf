"""livekit's ElevenLabs plugin: python elevenlabs_livekit.py BASE_URL"""

import asyncio
import json
import sys
import wave

import aiohttp
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT
from livekit.plugins import elevenlabs

TEXT = (
    "Good morning, and welcome to the early programme. Today we talk about the weather, the news "
    "of the day, and a small town by the sea. It lies far from here."
)


async def collect(name: str, stream, until: float | None = None) -> list[tuple[str, float, float]]:
    """Write what a stream gives to a WAV; the words that came with it."""
    words, seconds = [], 0.0
    with wave.open(name, "wb") as file:
        async for event in stream:
            frame = event.frame
            if not seconds:
                file.setparams((1, 2, frame.sample_rate, 0, "NONE", ""))
            file.writeframes(bytes(frame.data))
            seconds += frame.duration
            timed = frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])
            words += [(str(word), word.start_time, word.end_time) for word in timed]
            if until is not None and seconds > until:
                break
    await stream.aclose()
    return words


async def main() -> None:
    async with aiohttp.ClientSession() as session:
        tts = elevenlabs.TTS(
            api_key="none", base_url=sys.argv[1], http_session=session,
            voice_settings=elevenlabs.VoiceSettings(stability=0.5, similarity_boost=0.7, speed=1.0),
        )  # fmt: skip
        voices = [voice.id for voice in await tts.list_voices()]
        await collect("whole.wav", tts.synthesize(TEXT))

        # An answer that is interrupted, over the same connection as the one after it.
        long = tts.stream()
        long.push_text(TEXT * 20)
        long.end_input()
        await collect("long.wav", long, until=1.0)

        stream = tts.stream()
        for token in TEXT.replace(" ", " |").split("|"):
            stream.push_text(token)
            await asyncio.sleep(0)
        stream.end_input()
        words = await collect("streamed.wav", stream)

        pcm = elevenlabs.TTS(
            api_key="none", base_url=sys.argv[1], http_session=session, encoding="pcm_24000",
            auto_mode=False,
        )  # fmt: skip
        stream = pcm.stream()
        for token in TEXT.replace(" ", " |").split("|"):
            stream.push_text(token)
        stream.end_input()
        plain = await collect("words.wav", stream)
        await tts.aclose()
        await pcm.aclose()
    print(json.dumps({"text": TEXT, "voices": voices, "words": words, "plain": plain}))


asyncio.run(main())
