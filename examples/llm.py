"""Speak what a language model writes, while it writes it.

Put your own model's tokens in the place of `tokens`; here they come from a list, at its pace.
"""

import argparse
import asyncio
import sys
import time
import wave
from collections.abc import AsyncIterator

from vibevoice_pro.client import URL, Lost, Refused, speak

ANSWER = """The moon is about 384,000 kilometres away. Light needs 1.3 seconds for that, a car would
need half a year. It moves away from us by 3.8 centimetres a year, as fast as nails grow."""
RATE = 16000


def say(what: str) -> None:
    print(f"{time.perf_counter() - began:.2f} s: {what}")


async def tokens() -> AsyncIterator[str]:
    for token in ANSWER.split(" "):
        await asyncio.sleep(0.05)
        yield token + " "
    say("the text is complete")


async def main(url: str, voice: str | None, output: str) -> None:
    with wave.open(output, "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        async for pcm in speak(tokens(), url, voice=voice, rate=RATE):
            if not out.tell():
                say("the first sound")
            out.writeframes(pcm)
    say(f"all of it is in {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=URL, help="the server's address (default: %(default)s)")
    parser.add_argument("--voice", help="a voice id, see /config of the server")
    parser.add_argument("-o", "--output", default="llm.wav", help="default: %(default)s")
    arguments = parser.parse_args()
    began = time.perf_counter()
    try:
        asyncio.run(main(arguments.url, arguments.voice, arguments.output))
    except (Lost, Refused, ValueError) as error:
        sys.exit(str(error))
