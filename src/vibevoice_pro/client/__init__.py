"""The Python client: speech that goes on by itself when the connection breaks.

    from vibevoice_pro.client import speak

    for pcm in speak("Any text, or an iterator of pieces of it."):
        play(pcm)                       # s16le, mono, 16 kHz

    async for pcm in speak(llm_tokens()):
        ...

`Speech` gives more of it: writing while listening, turns, barge-in, events.
"""

from vibevoice_pro.client.address import URL
from vibevoice_pro.client.errors import Lost, Refused
from vibevoice_pro.client.speak import speak
from vibevoice_pro.client.speech import Interruption, Retry, Speech

__all__ = ["URL", "Interruption", "Lost", "Refused", "Retry", "Speech", "speak"]
