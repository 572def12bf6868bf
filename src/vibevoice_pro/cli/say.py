"""`say`."""

from __future__ import annotations

import codecs
import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from vibevoice_pro.audio.encode import WavWriter
from vibevoice_pro.audio.frames import SAMPLE_BYTES
from vibevoice_pro.cli.common import (
    ModelOption,
    app,
    console,
    fail,
    load,
    read_settings,
)
from vibevoice_pro.errors import SpeechError

_SAY_RATE = 24000
_PLAYERS = (
    ("aplay", "-q -t raw -f S16_LE -c 1 -r {rate} -"),
    ("paplay", "--raw --format=s16le --channels=1 --rate={rate}"),
    ("ffplay", "-loglevel error -nodisp -autoexit -f s16le -ar {rate} -i -"),
    ("play", "-q -t raw -e signed -b 16 -c 1 -r {rate} -"),
)


def _player(rate: int) -> subprocess.Popen[bytes]:
    for name, arguments in _PLAYERS:
        path = shutil.which(name)
        if path:
            command = [path, *arguments.format(rate=rate).split()]
            return subprocess.Popen(command, stdin=subprocess.PIPE)
    raise fail(f"--play needs one of these players: {', '.join(n for n, _ in _PLAYERS)}", 1)


def _stdin_pieces(stdin: IO[bytes]) -> Any:
    """Text from standard input as it comes: bytes that are there, never half a character."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while data := os.read(stdin.fileno(), 65536):
        yield decoder.decode(data)
    yield decoder.decode(b"", final=True)


@app.command()
def say(
    text: Annotated[str | None, typer.Argument(help="What to say; none: standard input.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="WAV file to write; -: standard output.")
    ] = None,
    play: Annotated[bool, typer.Option("--play", help="Play it as it is made.")] = False,
    voice: Annotated[str | None, typer.Option(help="Voice; see `voices`.")] = None,
    speed: Annotated[float, typer.Option(min=0.5, max=2.0, help="Pace; 1 is normal.")] = 1.0,
    steps: Annotated[int, typer.Option(min=1, max=100, help="Denoising steps.")] = 5,
    cfg: Annotated[float, typer.Option(min=0, max=10, help="Guidance scale.")] = 1.5,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same samples.")] = 0,
    rate: Annotated[int, typer.Option(help="8000, 16000, 24000 or 48000 Hz.")] = _SAY_RATE,
    model: ModelOption = None,
) -> None:
    """Speak a text into a file, a pipe or the loudspeaker, without a server.

    Without TEXT, standard input is spoken while it is typed or piped in.
    """
    from vibevoice_pro.audio.frames import RATES
    from vibevoice_pro.engine.engine import Engine
    from vibevoice_pro.engine.stream import StreamConfig
    from vibevoice_pro.models.base import Options

    if output is None and not play:
        raise fail("say where to: -o FILE.wav, -o - for standard output, or --play")
    if rate not in RATES:
        raise fail(f"rate must be one of {', '.join(map(str, RATES))}; got {rate}")
    if text is not None and not text.strip():
        raise fail("the text is empty")
    settings = read_settings(model=model)
    try:
        engine = Engine(load(settings, streams=1))
        engine.start()
        change = threading.Event()
        stream = engine.open(
            StreamConfig(
                voice=voice or settings.default_voice or next(iter(engine.model.voices)),
                options=Options(cfg=cfg, steps=steps, speed=speed, seed=seed),
                rate=rate,
                realtime=False,
                patience=settings.patience if text is None and sys.stdin.isatty() else 0.0,
                max_text=2**31,
            ),
            change.set,
        )
    except SpeechError as error:
        raise fail(str(error)) from None

    player = _player(rate) if play else None

    written = 0

    def write(piece: str) -> None:
        nonlocal written
        written += len(piece)
        stream.feed(piece)

    def write_text() -> None:
        if text is not None:
            write(text)
        else:
            for piece in _stdin_pieces(sys.stdin.buffer):
                write(piece)
                if sys.stdin.isatty() and piece.endswith("\n"):
                    stream.flush()
        stream.finish()

    threading.Thread(target=write_text, daemon=True).start()
    sinks: list[Any] = [] if player is None else [player.stdin]
    try:
        with contextlib.ExitStack() as open_files:
            if output is not None:
                to_pipe = str(output) == "-"
                file = sys.stdout.buffer if to_pipe else open_files.enter_context(output.open("wb"))
                sinks.append(open_files.enter_context(WavWriter(file, rate)))
            seconds = _pump(stream, change, sinks, rate, lambda: written)
    except OSError as error:
        raise fail(f"cannot write: {error.strerror or error}", 1) from None
    except SpeechError as error:
        raise fail(str(error), 1) from None
    finally:
        engine.stop()
        if player is not None and player.stdin is not None:
            player.stdin.close()
            player.wait()
    if not seconds:
        raise fail("the text holds nothing that this voice can say", 1)


def _pump(
    stream: Any, change: threading.Event, sinks: list[Any], rate: int, written: Callable[[], int]
) -> float:  # fmt: skip
    """Move audio from the stream to the sinks until it ends; returns its seconds.

    The bar shows how much of the text `written` so far has been spoken.
    """
    total, began = 0, time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("speaking …", total=None)
        while not stream.ended:
            change.wait()
            change.clear()
            pcm = stream.take()
            for sink in sinks:
                sink.write(pcm)
            total += len(pcm)
            progress.update(
                task,
                description=f"{total / SAMPLE_BYTES / rate:.1f} s of speech",
                total=written(),
                completed=written() - stream.unspoken,
            )
    seconds = total / SAMPLE_BYTES / rate
    took = time.monotonic() - began
    console.print(f"{seconds:.1f} s of speech in {took:.2f} s", highlight=False)
    return seconds
