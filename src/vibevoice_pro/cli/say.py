"""`say`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from vibevoice_pro.audio.files import Sink
from vibevoice_pro.cli import complete
from vibevoice_pro.cli.book import Book, chapters_of
from vibevoice_pro.cli.common import (
    ModelOption,
    VoiceOption,
    app,
    bars,
    console,
    fail,
    load,
    read_settings,
)
from vibevoice_pro.cli.outputs import (
    PIPE,
    audio,
    captions,
    check_output,
    check_subtitles,
    player,
)
from vibevoice_pro.cli.speaking import Told, speak
from vibevoice_pro.documents.chapter import read_text
from vibevoice_pro.errors import SpeechError

if TYPE_CHECKING:
    from vibevoice_pro.speech.request import SpeechRequest
    from vibevoice_pro.speech.service import Service

_SAY_RATE = 24000
_MAX_TEXT = 2**31  # nobody else waits for this process


@app.command()
def say(
    text: Annotated[
        str | None, typer.Argument(help="What to say; none or -: standard input.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "-f", "--file", help="Text file to say; or a directory of .txt and .md files, or an "
            "EPUB: each chapter becomes an audio file.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="File to write, .wav .mp3 .opus .ogg .flac .aac .m4a .pcm or "
            ".raw; -: WAV to standard output; for chapters, a directory.",
        ),
    ] = None,
    play: Annotated[bool, typer.Option("--play", help="Play it as it is made.")] = False,
    subtitles: Annotated[
        Path | None,
        typer.Option(help="Subtitles to write, .srt or .vtt; for chapters: srt or vtt."),
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="Of chapters: mp3 (default), wav, opus, …",
                     autocompletion=complete.formats),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Make chapters again whose files are there.")
    ] = False,
    voice: VoiceOption = "",
    language: Annotated[
        str,
        typer.Option(help="Language to speak, e.g. en or ja, where no voice is named; auto: that "
                     "of each sentence.", autocompletion=complete.languages),
    ] = "",
    speed: Annotated[float | None, typer.Option(help="Pace from 0.5 to 2; 1 is normal.")] = None,
    steps: Annotated[
        int | None, typer.Option(help="VibeVoice: denoising steps, 1 to 100; fewer are faster.")
    ] = None,
    cfg: Annotated[
        float | None,
        typer.Option(help="VibeVoice: guidance scale, 0 to 10; how closely it keeps to the text."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same samples.")] = None,
    markup: Annotated[
        str, typer.Option(help="Marks in the text: ssml, or pauses for [pause:0.5s] alone.",
                          autocompletion=complete.markups),
    ] = "",
    lexicon: Annotated[
        Path | None,
        typer.Option(help="YAML or JSON file: for each language words and what is said for them."),
    ] = None,
    rate: Annotated[
        int, typer.Option(help="Sample rate: 8000, 16000, 22050, 24000, 32000, 44100 or 48000 Hz.")
    ] = _SAY_RATE,
    model: ModelOption = None,
) -> None:  # fmt: skip
    """Speak a text into a file, a pipe or the loudspeaker, without a server.

    Without TEXT and --file, standard input is spoken while it is typed or piped in.

    \b
    vibevoice-pro say "Hello there." -o hello.mp3
    vibevoice-pro say -f talk.txt -o talk.wav --subtitles talk.srt
    vibevoice-pro say -f book.epub -o book/
    """
    from vibevoice_pro.speech.request import Pace, SpeechRequest

    if output is None and not play:
        raise fail("say where to: -o FILE (.wav, .mp3, …), -o - for standard output, or --play")
    if text is not None and file is not None:
        raise fail("give a text or --file, not both")
    if PIPE in (text, str(file)):
        text = file = None
    typed = text is None and file is None and sys.stdin.isatty()
    request = SpeechRequest(
        voice=voice, language=language, rate=rate, speed=speed, steps=steps, cfg=cfg, seed=seed,
        markup=markup, pace=Pace.BULK, patience=None if typed else 0.0,
    )  # fmt: skip
    try:
        request.check()
        chapters = chapters_of(file) if file is not None else None
        if chapters is not None:
            if output is None or str(output) == PIPE or play:
                raise fail("chapters are written into a directory: give -o DIRECTORY, no --play")
            book = Book(chapters, output, format_ or "mp3", str(subtitles or ""), rate)
            return _run(model, lexicon, lambda service: book.speak(service, request, force), book)
        if format_ is not None:
            raise fail("--format is for chapters; the name after -o tells the format of a file")
        if output is not None:
            check_output(output, rate)
        if subtitles is not None:
            check_subtitles(subtitles)
        if file is not None:
            text = read_text(file)
        if text is not None and not text.strip():
            raise fail("the text is empty")
        _run(model, lexicon, lambda service: _say(service, request, text, output, subtitles, play))
    except SpeechError as error:
        raise fail(str(error), 1 if error.code != "bad_parameter" else 2) from None
    except OSError as error:
        raise fail(f"cannot write: {error.strerror or error}", 1) from None


Job = Callable[["Service"], Coroutine[Any, Any, None]]


def _run(model: str | None, lexicon: Path | None, job: Job, progress: object = "") -> None:
    """Load the models and do the job; `progress`: says how far it is when it is interrupted."""
    from vibevoice_pro.speech.build import build_service

    settings = read_settings(
        model=model, max_text=_MAX_TEXT, lexicon=None if lexicon is None else str(lexicon)
    )
    service = build_service(load(settings, streams=1), settings, admit_all=True)

    async def run() -> None:
        await asyncio.to_thread(service.engine.start)
        async with service:
            await job(service)

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        more = f"; {progress}; the same command goes on" if progress else ""
        raise fail(f"stopped{more}", 130) from None


async def _say(
    service: Service, request: SpeechRequest, text: str | None, output: Path | None,
    subtitles: Path | None, play: bool,
) -> None:  # fmt: skip
    """Speak one text into its file and the loudspeaker."""
    rate, told, began = request.rate or _SAY_RATE, Told(), time.monotonic()
    with (
        player(rate, play) as loudspeaker,
        audio(output, rate) as written,
        captions(subtitles) as words,
        _bar(told) as update,
    ):
        sinks: list[Sink] = [sink for sink in (loudspeaker, written) if sink is not None]
        await speak(service, request, text, sinks, words, told, update)
    took = time.monotonic() - began
    console.print(f"{told.seconds:.1f} s of speech in {took:.2f} s", highlight=False)


@contextlib.contextmanager
def _bar(told: Told) -> Iterator[Callable[[], None]]:
    """A bar that shows how much of the text so far has been spoken; gives what updates it."""
    with bars(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()) as progress:
        task = progress.add_task("speaking …", total=None)

        def update() -> None:
            description = f"{told.seconds:.1f} s of speech"
            progress.update(task, description=description, total=told.chars, completed=told.spoken)

        yield update
