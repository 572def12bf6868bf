# pip install cartesia
import os

from cartesia import Cartesia

URL = "http://127.0.0.1:7860"

client = Cartesia(base_url=URL, api_key=os.environ.get("VIBEVOICE_API_KEY", "none"))
speech = client.tts.generate(
    model_id="sonic-3",
    transcript="Hello there. Only the address had to be changed.",
    voice={"mode": "id", "id": "alloy"},
    output_format={"container": "wav", "encoding": "pcm_s16le", "sample_rate": 24000},
)
speech.write_to_file("out.wav")

print(f"out.wav: {os.path.getsize('out.wav'):,} bytes, spoken by {URL}")
