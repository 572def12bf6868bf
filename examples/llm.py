"""Speak what a language model writes, while it writes it: python examples/llm.py [ws://host:7860/stream]

Put your own model's tokens in the place of `tokens`; here they come from a list, at its pace.
"""

import asyncio
import sys
import time
import wave
from collections.abc import AsyncIterator

from vibevoice_pro.client import URL, speak

ANSWER = """The moon is about 384,000 kilometres away. Light needs 1.3 seconds for that, a car would
need half a year. It moves away from us by 3.8 centimetres a year, as fast as nails grow."""


async def tokens() -> AsyncIterator[str]:
    for token in ANSWER.split(" "):
        await asyncio.sleep(0.05)
        yield token + " "
    print(f"{time.perf_counter() - began:.2f} s: the text is complete")


async def main(url: str) -> None:
    with wave.open("llm.wav", "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        async for pcm in speak(tokens(), url):
            if not out.tell():
                print(f"{time.perf_counter() - began:.2f} s: the first sound")
            out.writeframes(pcm)
    print(f"{time.perf_counter() - began:.2f} s: all of it is in llm.wav")


began = time.perf_counter()
asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else URL))
