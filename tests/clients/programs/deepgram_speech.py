"""Deepgram's package: python deepgram_speech.py HTTP_URL WS_URL"""

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deepgram import AsyncDeepgramClient, DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment
from deepgram.speak.v1.types import SpeakV1Text
from websockets.exceptions import InvalidStatus

TEXT = (
    "Good morning, and welcome to the early programme. Today we talk about the weather, the news "
    "of the day, and a small town by the sea."
)
OTHER = "Now somebody says something else."
HELENA = "aura-2-helena-en"
HTTP, WS = sys.argv[1:]

where = DeepgramClientEnvironment(base=HTTP, production=WS, agent=WS, agent_rest=HTTP)
client = DeepgramClient(api_key="none", environment=where)
told: dict[str, Any] = {"text": TEXT, "other": OTHER}


def write(name: str, data: Iterable[bytes]) -> None:
    Path(name).write_bytes(b"".join(data))


# --- HTTP -----------------------------------------------------------------------------------------

generate = client.speak.v1.audio.generate
write("default.mp3", generate(text=TEXT, model=HELENA))
write("linear16.wav", generate(text=TEXT, model=HELENA, encoding="linear16", sample_rate=24000))
write("opus.ogg", generate(text=TEXT, model=HELENA, encoding="opus", bit_rate=32000))
write("mulaw.wav", generate(text=TEXT, model=HELENA, encoding="mulaw", container="wav"))
with client.speak.v1.audio.with_raw_response.generate(text="Hello.", model=HELENA) as answer:
    told["headers"] = {n: v for n, v in answer.headers.items() if n.startswith("dg-")}

# --- WebSockets -----------------------------------------------------------------------------------

with client.speak.v1.connect(model=HELENA, encoding="linear16", sample_rate=24000) as connection:
    for word in TEXT.split():
        connection.send_text(SpeakV1Text(text=f"{word} "))
    connection.send_flush()
    pcm, kinds = [], []
    while not kinds or kinds[-1] != "Flushed":
        message = connection.recv()
        if isinstance(message, bytes):
            pcm.append(message)
        else:
            kinds.append(message.type)
    write("streamed.pcm", pcm)
    told["kinds"] = kinds
    told["flushed"] = message.sequence_id

    # An interruption, and the next answer.
    connection.send_text(SpeakV1Text(text=f"{TEXT} " * 100))
    connection.send_flush()
    connection.recv()
    connection.send_clear()
    while isinstance(message := connection.recv(), bytes):
        pass
    told["cleared"] = message.type
    connection.send_text(SpeakV1Text(text=OTHER))
    connection.send_flush()
    pcm = []
    while isinstance(message := connection.recv(), bytes):
        pcm.append(message)
    write("after.pcm", pcm)
    told["after"] = message.type
    connection.send_close()


async def listen() -> None:
    """With the package's events, as its examples do it."""
    client = AsyncDeepgramClient(api_key="none", environment=where)
    pcm: list[bytes] = []
    seen: list[str] = []

    def heard(message: Any) -> None:
        if isinstance(message, bytes):
            pcm.append(message)
        else:
            seen.append(message.type)

    async with client.speak.v1.connect(model=HELENA, encoding="mulaw", sample_rate=8000) as line:
        line.on(EventType.MESSAGE, heard)
        line.on(EventType.ERROR, lambda error: seen.append(str(error)))
        listening = asyncio.create_task(line.start_listening())
        await line.send_text(SpeakV1Text(text=TEXT))
        await line.send_close()
        await asyncio.wait_for(listening, 30)
    write("events.ulaw", pcm)
    told["seen"] = seen


asyncio.run(listen())

# --- what is wrong comes as the package's own errors ----------------------------------------------

told["refused"] = []
for query in ({"model": "nobody"}, {"encoding": "g729"}):
    try:
        [*generate(text="Hello.", **query)]
    except ApiError as error:
        told["refused"].append([error.status_code, error.body])
try:
    with client.speak.v1.connect(model="nobody") as connection:
        connection.recv()
except InvalidStatus as error:  # the package lets it through
    told["refused"].append([error.response.status_code, json.loads(error.response.body)])

print(json.dumps(told))
