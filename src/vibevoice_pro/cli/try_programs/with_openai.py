# pip install openai
import os

from openai import OpenAI

URL = "http://127.0.0.1:7860"

client = OpenAI(base_url=f"{URL}/v1", api_key=os.environ.get("VIBEVOICE_API_KEY", "none"))
with client.audio.speech.with_streaming_response.create(
    model="tts-1", voice="alloy", input="Hello there. Only the address had to be changed."
) as speech:
    speech.stream_to_file("out.mp3")

print(f"out.mp3: {os.path.getsize('out.mp3'):,} bytes, spoken by {URL}")
