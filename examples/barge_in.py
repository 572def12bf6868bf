"""A listener interrupts, and the agent knows what was heard: python examples/barge_in.py [URL]"""

import asyncio
import sys

from vibevoice_pro.client import URL, Speech

LONG = "Let me tell you everything about the history of the teaspoon. It begins in China, long ago."
RATE, SAMPLE_BYTES = 16000, 2


async def main(url: str) -> None:
    async with Speech(url, rate=RATE) as speech:
        await speech.write(LONG)
        await speech.flush()
        played = 0
        async for pcm in speech:  # play it here
            played += len(pcm)
            if played > 1.5 * RATE * SAMPLE_BYTES:  # after 1.5 s the listener speaks up
                break
        told = await speech.cancel(played)
        print(f"heard: {LONG[: told.spoken_chars]!r}")
        await speech.write("All right, something else then.")
        await speech.end()
        rest = sum([len(pcm) async for pcm in speech])
        print(f"then {rest / RATE / SAMPLE_BYTES:.1f} s of something else")


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else URL))
