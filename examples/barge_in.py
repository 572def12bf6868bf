"""A listener interrupts, and the agent knows what was heard."""

import argparse
import asyncio
import sys

from vibevoice_pro.client import URL, Lost, Refused, Speech

LONG = "Let me tell you everything about the history of the teaspoon. It begins in China, long ago."
RATE, SAMPLE_BYTES = 16000, 2


async def main(url: str, voice: str | None, after: float) -> None:
    async with Speech(url, voice=voice, rate=RATE) as speech:
        await speech.write(LONG)
        await speech.flush()
        played = 0
        async for pcm in speech:  # play it here
            played += len(pcm)
            if played > after * RATE * SAMPLE_BYTES:  # now the listener speaks up
                break
        told = await speech.cancel(played)
        print(f"heard: {LONG[: told.spoken_chars]!r}")
        await speech.write("All right, something else then.")
        await speech.end()
        rest = sum([len(pcm) async for pcm in speech])
        print(f"then {rest / RATE / SAMPLE_BYTES:.1f} s of something else")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=URL, help="the server's address (default: %(default)s)")
    parser.add_argument("--voice", help="a voice id, see /config of the server")
    parser.add_argument("--after", type=float, default=1.5, metavar="SECONDS",
                        help="when the listener interrupts (default: %(default)s)")  # fmt: skip
    arguments = parser.parse_args()
    try:
        asyncio.run(main(arguments.url, arguments.voice, arguments.after))
    except (Lost, Refused, ValueError) as error:
        sys.exit(str(error))
