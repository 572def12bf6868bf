"""ElevenLabs' package: python elevenlabs_speech.py BASE_URL

Where BASE_URL is https, the authority's certificate is in the file that SSL_CERT_FILE names.
"""

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from elevenlabs import VoiceSettings
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError

TEXT = (
    "Good morning, and welcome to the early programme. Today we talk about the weather, the news "
    "of the day, and a small town by the sea."
)
RACHEL = "21m00Tcm4TlvDq8ikWAM"

client = ElevenLabs(base_url=sys.argv[1], api_key="none")
speech = client.text_to_speech


def write(name: str, data: Iterator[bytes]) -> None:
    Path(name).write_bytes(b"".join(data))


def words() -> Iterator[str]:
    for word in TEXT.split():
        yield word + " "


write("convert.mp3", speech.convert(RACHEL, text=TEXT, model_id="eleven_flash_v2_5"))
write("stream.opus", speech.stream(RACHEL, text=TEXT, output_format="opus_48000_32"))
write("stream.wav", speech.convert(RACHEL, text=TEXT, output_format="wav_24000"))

timed = [*speech.stream_with_timestamps(RACHEL, text=TEXT, output_format="pcm_24000")]
write("timed.pcm", (base64.b64decode(chunk.audio_base_64) for chunk in timed))
chars, starts, ends = [], [], []
for chunk in timed:
    if chunk.alignment:
        chars += chunk.alignment.characters
        starts += chunk.alignment.character_start_times_seconds
        ends += chunk.alignment.character_end_times_seconds
whole = speech.convert_with_timestamps(RACHEL, text="Hello there.", output_format="pcm_24000")

settings = VoiceSettings(stability=0.5, similarity_boost=0.75, speed=1.0)
write("realtime.mp3", speech.convert_realtime(RACHEL, text=words(), voice_settings=settings))

# What is wrong comes as the package's own errors.
refused = []
for attempt in (
    lambda: [*speech.convert("nobody", text="Hello.")],
    lambda: [*speech.convert(RACHEL, text="Hello.", output_format="mp3_8000_1")],
    lambda: [*speech.convert_realtime("nobody", text=words())],
):
    try:
        attempt()
    except ApiError as error:
        refused.append([error.status_code, error.body])

print(json.dumps({
    "text": TEXT, "chars": chars, "starts": starts, "ends": ends, "refused": refused,
    "whole": "".join(whole.alignment.characters),
    "voices": [voice.voice_id for voice in client.voices.get_all().voices],
    "searched": [voice.voice_id for voice in client.voices.search(search="heart").voices],
    "voice": client.voices.get(RACHEL).voice_id,
    "models": [model.model_id for model in client.models.list()],
    "limit": client.user.subscription.get().character_limit,
    "user": client.user.get().user_id,
}))  # fmt: skip
