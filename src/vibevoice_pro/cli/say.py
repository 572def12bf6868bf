"""`say`."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Protocol

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from vibevoice_pro.audio.encode import WavWriter
from vibevoice_pro.audio.frames import SAMPLE_BYTES
from vibevoice_pro.cli.common import ModelOption, app, console, fail, load, read_settings
from vibevoice_pro.errors import SpeechError

if TYPE_CHECKING:
    from vibevoice_pro.speech.request import SpeechRequest
    from vibevoice_pro.speech.service import Service
    from vibevoice_pro.speech.speech import Speech

_SAY_RATE = 24000
_MAX_TEXT = 2**31  # nobody else waits for this process
_PIPE = "-"
_PLAYERS = (
    ("aplay", "-q -t raw -f S16_LE -c 1 -r {rate} -"),
    ("paplay", "--raw --format=s16le --channels=1 --rate={rate}"),
    ("ffplay", "-loglevel error -nodisp -autoexit -f s16le -ar {rate} -i -"),
    ("play", "-q -t raw -e signed -b 16 -c 1 -r {rate} -"),
)


class Sink(Protocol):
    """Where PCM goes."""

    def write(self, pcm: bytes, /) -> object:
        """Take PCM; may block for a while."""


@dataclass
class Told:
    """What became of a text: its characters, and seconds of audio."""

    chars: int = 0
    spoken: int = 0
    seconds: float = 0.0


@app.command()
def say(
    text: Annotated[
        str | None, typer.Argument(help="What to say; none or -: standard input.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="WAV file to write; -: standard output.")
    ] = None,
    play: Annotated[bool, typer.Option("--play", help="Play it as it is made.")] = False,
    voice: Annotated[str, typer.Option(help="Voice; see `voices`.")] = "",
    language: Annotated[
        str,
        typer.Option(help="Language of the voice; auto: that of each sentence."),
    ] = "",
    speed: Annotated[float | None, typer.Option(help="Pace from 0.5 to 2; 1 is normal.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    cfg: Annotated[float | None, typer.Option(help="Guidance scale.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same samples.")] = None,
    rate: Annotated[int, typer.Option(help="In Hz: 8000 to 48000.")] = _SAY_RATE,
    model: ModelOption = None,
) -> None:
    """Speak a text into a file, a pipe or the loudspeaker, without a server.

    Without TEXT, standard input is spoken while it is typed or piped in.
    """
    from vibevoice_pro.speech.build import build_service
    from vibevoice_pro.speech.request import Pace, SpeechRequest

    if output is None and not play:
        raise fail("say where to: -o FILE.wav, -o - for standard output, or --play")
    if text == _PIPE:
        text = None
    if text is not None and not text.strip():
        raise fail("the text is empty")
    settings = read_settings(model=model, max_text=_MAX_TEXT)
    typed = text is None and sys.stdin.isatty()
    request = SpeechRequest(
        voice=voice, language=language, rate=rate, speed=speed, steps=steps, cfg=cfg, seed=seed,
        pace=Pace.BULK, patience=None if typed else 0.0,
    )  # fmt: skip
    try:
        request.check()
        service = build_service(load(settings, streams=1), settings, admit_all=True)
        with _player(rate, play) as player, _wav(output, rate) as wav:
            sinks = [sink for sink in (player, wav) if sink is not None]
            asyncio.run(_speak(service, request, text, sinks))
    except SpeechError as error:
        raise fail(str(error), 1 if error.code != "bad_parameter" else 2) from None
    except OSError as error:
        raise fail(f"cannot write: {error.strerror or error}", 1) from None


async def _speak(
    service: Service, request: SpeechRequest, text: str | None, sinks: Sequence[Sink]
) -> None:
    """Speak `text`, or standard input, into the sinks.

    Raises:
        SpeechError: it cannot be spoken; OSError: a sink does not take it.
    """
    from vibevoice_pro.speech.events import Audio, Mark, Warning

    told, began = Told(), time.monotonic()
    await asyncio.to_thread(service.engine.start)
    async with service:
        speech = await service.start(request)
        if speech.voice_asked:
            console.print(
                f"[yellow]there is no voice {escape(speech.voice_asked)} here: {speech.voice} "
                "speaks instead[/]",
                highlight=False,
                soft_wrap=True,
            )
        _write(speech, text, told)
        with _bar(told) as update:
            async for event in speech.events():
                if isinstance(event, Audio):
                    for sink in sinks:
                        sink.write(event.pcm)  # may block: nobody else is served here
                    told.seconds += len(event.pcm) / SAMPLE_BYTES / speech.rate
                elif isinstance(event, Mark):
                    told.spoken = event.chars[1]
                    update()
                elif isinstance(event, Warning):
                    console.print(f"[yellow]{escape(event.message)}[/]", highlight=False)
    if not told.seconds:
        raise SpeechError("the text holds nothing that this voice can say")
    took = time.monotonic() - began
    console.print(f"{told.seconds:.1f} s of speech in {took:.2f} s", highlight=False)


def _write(speech: Speech, text: str | None, told: Told) -> None:
    """Write a text, or standard input as it comes, from a thread of its own."""
    if text is not None:
        told.chars = len(text)
        speech.write(text)
        speech.finish()
        return
    loop = asyncio.get_running_loop()

    def do(call: Callable[..., None], *arguments: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(call, *arguments)

    def read() -> None:
        for piece in _stdin_pieces(sys.stdin.buffer):
            told.chars += len(piece)
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


@contextlib.contextmanager
def _bar(told: Told) -> Iterator[Callable[[], None]]:
    """A bar that shows how much of the text so far has been spoken; gives what updates it."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("speaking …", total=None)

        def update() -> None:
            description = f"{told.seconds:.1f} s of speech"
            progress.update(task, description=description, total=told.chars, completed=told.spoken)

        yield update


@contextlib.contextmanager
def _player(rate: int, wanted: bool) -> Iterator[IO[bytes] | None]:
    """Standard input of a program that plays PCM; when left, all of it has been heard."""
    if not wanted:
        yield None
        return
    found = ((shutil.which(name), arguments) for name, arguments in _PLAYERS)
    program, arguments = next(((p, a) for p, a in found if p), (None, ""))
    if program is None:
        raise fail(f"--play needs one of these players: {', '.join(n for n, _ in _PLAYERS)}", 1)
    command = [program, *arguments.format(rate=rate).split()]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert process.stdin is not None
    try:
        yield process.stdin
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.wait()


@contextlib.contextmanager
def _wav(output: Path | None, rate: int) -> Iterator[WavWriter | None]:
    """A WAV file; what was there before stays unless all of the new one is written."""
    if output is None:
        yield None
    elif str(output) == _PIPE:
        with WavWriter(sys.stdout.buffer, rate) as wav:
            yield wav
    elif output.exists() and not output.is_file():  # a device or a named pipe
        with output.open("wb") as file, WavWriter(file, rate) as wav:
            yield wav
    else:
        part = output.with_name(f".{output.name}.part")
        try:
            with part.open("wb") as file, WavWriter(file, rate) as wav:
                yield wav
            part.replace(output)
        finally:
            part.unlink(missing_ok=True)
