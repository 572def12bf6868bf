# pip install elevenlabs
import os

from elevenlabs import ElevenLabs, save

URL = "http://127.0.0.1:7860"

client = ElevenLabs(base_url=URL, api_key=os.environ.get("VIBEVOICE_API_KEY", "none"))
audio = client.text_to_speech.stream(
    "alloy",
    text="Hello there. Only the address had to be changed.",
    output_format="mp3_44100_128",
)
save(audio, "out.mp3")

print(f"out.mp3: {os.path.getsize('out.mp3'):,} bytes, spoken by {URL}")
