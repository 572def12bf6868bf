# pip install deepgram-sdk
import os

from deepgram import DeepgramClient
from deepgram.environment import DeepgramClientEnvironment

URL = "http://127.0.0.1:7860"

live = URL.replace("http", "ws", 1)
client = DeepgramClient(
    api_key=os.environ.get("VIBEVOICE_API_KEY", "none"),
    environment=DeepgramClientEnvironment(base=URL, production=live, agent=live, agent_rest=URL),
)
audio = client.speak.v1.audio.generate(
    text="Hello there. Only the address had to be changed.", model="alloy", encoding="mp3"
)
with open("out.mp3", "wb") as file:
    file.writelines(audio)

print(f"out.mp3: {os.path.getsize('out.mp3'):,} bytes, spoken by {URL}")
