"""One text, or what is typed, spoken in this process."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from rich.markup import escape

from vibevoice_pro.audio.files import Sink
from vibevoice_pro.audio.frames import SAMPLE_BYTES
from vibevoice_pro.cli.common import console
from vibevoice_pro.cli.outputs import Captions
from vibevoice_pro.errors import SpeechError

if TYPE_CHECKING:
    from vibevoice_pro.speech.events import Mark
    from vibevoice_pro.speech.request import SpeechRequest
    from vibevoice_pro.speech.service import Service
    from vibevoice_pro.speech.speech import Speech


@dataclass
class Told:
    """What became of a text.

    Attributes:
        spoken: characters that were spoken; chars: of those that were written.
        seconds: of audio.
    """

    spoken: int = 0
    chars: int = 0
    seconds: float = 0.0
    _written: io.StringIO = field(default_factory=lambda: io.StringIO(newline=""))

    def write(self, text: str) -> None:
        """So much more was written."""
        self._written.seek(0, io.SEEK_END)
        self.chars += self._written.write(text)

    def written(self, start: int, end: int) -> str:
        """The text at [start, end)."""
        self._written.seek(start)
        return self._written.read(max(0, end - start))


class NothingToSay(SpeechError):
    """The text holds nothing that the voice can say."""

    def __init__(self) -> None:
        super().__init__("the text holds nothing that this voice can say")


async def speak(
    service: Service, request: SpeechRequest, text: str | None, sinks: Sequence[Sink],
    captions: Captions | None, told: Told, update: Callable[[], None],
) -> None:  # fmt: skip
    """Speak `text`, or standard input where it is None, into the sinks.

    `told` is kept up to date; `update` is called when there is something new in it.

    Raises:
        SpeechError: it cannot be spoken; OSError: a sink does not take it.
    """
    from vibevoice_pro.speech.events import Audio, Mark, Warning

    speech = await service.start(request)
    if speech.voice_asked:
        _warn(f"there is no voice {speech.voice_asked} here: {speech.voice} speaks instead")
    if captions is not None:
        captions.language(service.catalog.entries[speech.voice].voice.language)
    try:
        _write(speech, text, told)
        async for event in speech.events():
            if isinstance(event, Audio):
                for sink in sinks:
                    sink.write(event.pcm)  # may block: nobody else is served here
                told.seconds += len(event.pcm) / SAMPLE_BYTES / speech.rate
            elif isinstance(event, Mark):
                if captions is not None:
                    _caption(captions, told, speech.rate, event)
                told.spoken = event.chars[1]
                update()
            elif isinstance(event, Warning):
                _warn(event.message)
    finally:
        await speech.close()
    if not told.seconds:
        raise NothingToSay


def _warn(message: str) -> None:
    console.print(f"[yellow]{escape(message)}[/]", highlight=False, soft_wrap=True)


def _caption(captions: Captions, told: Told, rate: int, mark: Mark) -> None:
    start, end = (place / SAMPLE_BYTES / rate for place in mark.bytes)
    gap = told.written(told.spoken, mark.chars[0])
    captions.word(gap, told.written(*mark.chars), start, end)


def _write(speech: Speech, text: str | None, told: Told) -> None:
    """Write a text, or standard input as it comes, from a thread of its own."""
    if text is not None:
        told.write(text)
        speech.write(text)
        speech.finish()
        return
    loop = asyncio.get_running_loop()

    def do(call: Callable[..., object], *arguments: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(call, *arguments)

    def read() -> None:
        for piece in _stdin_pieces(sys.stdin.buffer):
            do(told.write, piece)
            do(speech.write, piece)
            if sys.stdin.isatty() and piece.endswith("\n"):
                do(speech.flush)
        do(speech.finish)

    threading.Thread(target=read, daemon=True).start()


def _stdin_pieces(stdin: IO[bytes]) -> Iterator[str]:
    """Text from standard input as it comes: bytes that are there, never half a character."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while data := os.read(stdin.fileno(), 65536):
        yield decoder.decode(data)
    yield decoder.decode(b"", final=True)
