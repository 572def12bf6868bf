"""OpenAI's package: python openai_speech.py BASE_URL"""

import json
import sys

import openai

TEXT = (
    "Good morning, and welcome to the early programme. Today we talk about the weather, the news "
    "of the day, and a small town by the sea."
)

client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)

speech = client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)
speech.write_to_file("whole.mp3")

with client.audio.speech.with_streaming_response.create(
    model="gpt-4o-mini-tts", voice="nova", input=TEXT, response_format="wav"
) as answer:
    answer.stream_to_file("streamed.wav")
    request_id = answer.request_id

# What is wrong comes as the package's own errors.
try:
    client.audio.speech.create(model="tts-1", voice="nobody", input="Hello.")
except openai.BadRequestError as error:
    refused = {"param": error.param, "message": error.message}

print(json.dumps({
    "text": TEXT, "request_id": request_id, "refused": refused,
    "models": [model.id for model in client.models.list()],
}))  # fmt: skip
