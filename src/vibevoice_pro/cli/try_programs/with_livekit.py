# pip install livekit-agents livekit-plugins-openai
import asyncio
import os

from livekit.plugins import openai

URL = "http://127.0.0.1:7860"


async def main():
    key = os.environ.get("VIBEVOICE_API_KEY", "none")
    # In an agent: AgentSession(tts=tts, …)
    tts = openai.TTS(base_url=f"{URL}/v1", api_key=key, voice="alloy")
    speech = await tts.synthesize("Hello there. Only the address had to be changed.").collect()
    with open("out.wav", "wb") as file:
        file.write(speech.to_wav_bytes())
    print(f"out.wav: {speech.duration:.1f} s, spoken by {URL}")
    await tts.aclose()


asyncio.run(main())
