"""The Python client: speech that survives lost connections and restarted servers.

    from vibevoice_pro.client import speak

    for pcm in speak("Any text, or an iterator of pieces of it."):
        play(pcm)                       # s16le, mono, 16 kHz

    async for pcm in speak(llm_tokens()):
        ...

`Speech` offers more: writing while listening, turns, barge-in, events.
"""

from vibevoice_pro.client.address import URL, stream_url
from vibevoice_pro.client.codes import CloseCode
from vibevoice_pro.client.errors import Lost, Refused
from vibevoice_pro.client.retry import Retry
from vibevoice_pro.client.speak import speak
from vibevoice_pro.client.speech import Interruption, Speech

__all__ = [
    "URL", "CloseCode", "Interruption", "Lost", "Refused", "Retry", "Speech", "speak", "stream_url",
]  # fmt: skip
