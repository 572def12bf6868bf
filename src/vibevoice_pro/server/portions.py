"""Frames joined to portions, for protocols where each message has a price."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from vibevoice_pro.errors import SpeechError
from vibevoice_pro.speech.events import Audio, Event, Mark


async def in_portions(events: AsyncIterator[Event], frames: int) -> AsyncIterator[Event]:
    """The same events, with up to `frames` frames of audio joined where they are there at once.

    The first frame goes alone, and none waits for one that is still to be made. A mark comes before
    the portion in which it begins.
    """
    held: list[Audio] = []
    most = 1
    while True:
        coming = asyncio.ensure_future(anext(events, None))
        try:
            await asyncio.sleep(0)  # what is there comes without waiting
            if held and not coming.done():
                yield _joined(held)
                held, most = [], frames
            event = await coming
        except SpeechError:
            if held:
                yield _joined(held)
            raise
        finally:
            coming.cancel()
        if isinstance(event, Audio):
            held.append(event)
        if held and (len(held) >= most or not isinstance(event, Audio | Mark)):
            yield _joined(held)
            held, most = [], frames
        if event is None:
            return
        if not isinstance(event, Audio):
            yield event


def _joined(held: list[Audio]) -> Audio:
    return Audio(b"".join(audio.pcm for audio in held), held[0].byte)
