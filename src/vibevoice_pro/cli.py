"""`vibevoice-pro`: serve, say, voices, pull, bench."""

from __future__ import annotations

import codecs
import contextlib
import json
import logging
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
from pydantic import ValidationError
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from vibevoice_pro import __version__
from vibevoice_pro.audio.encode import WavWriter
from vibevoice_pro.audio.frames import SAMPLE_BYTES
from vibevoice_pro.errors import SpeechError
from vibevoice_pro.models.vibevoice import extra, hub
from vibevoice_pro.settings import Settings

app = typer.Typer(
    name="vibevoice-pro",
    help="Streaming text-to-speech: it speaks while the text is still being written.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
bench_app = typer.Typer(
    help="Measure, and print figures that can be compared.", no_args_is_help=True
)
app.add_typer(bench_app, name="bench")
voices_app = typer.Typer(invoke_without_command=True)
app.add_typer(voices_app, name="voices")

console = Console(stderr=True)

_SAY_RATE = 24000
_PLAYERS = (
    ("aplay", "-q -t raw -f S16_LE -c 1 -r {rate} -"),
    ("paplay", "--raw --format=s16le --channels=1 --rate={rate}"),
    ("ffplay", "-loglevel error -nodisp -autoexit -f s16le -ar {rate} -i -"),
    ("play", "-q -t raw -e signed -b 16 -c 1 -r {rate} -"),
)

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="auto, compact, owner/name on the hub, a directory or random:vibevoice-0.5b.",
    ),
]
PrecisionOption = Annotated[
    str | None, typer.Option("--precision", help="auto, fp32, bf16, fp16 or int8.")
]
DeviceOption = Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda.")]
WindowOption = Annotated[
    str | None, typer.Option("--kv-window", help="Past each stream keeps: auto, full or a number.")
]


def _fail(message: str, code: int = 2) -> typer.Exit:
    console.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    return typer.Exit(code)


def _settings(**given: Any) -> Settings:
    """Settings from the environment, with what the command line gave on top."""
    try:
        return Settings(**{k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise _fail(f"{name.replace('_', '-')}: {first['msg']}; got {first['input']!r}") from None


def _bars(*columns: ProgressColumn) -> Progress:
    """Progress that is shown on a terminal, and is gone when it has ended."""
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _load(settings: Settings, streams: int | None = None) -> Any:
    """Load the model, with a bar on a terminal; `streams`: how many it is to have room for."""
    from vibevoice_pro.engine.memory import model_budget
    from vibevoice_pro.models.base import Loading
    from vibevoice_pro.models.registry import load_model

    with _bars(TextColumn("loading the voice …"), BarColumn()) as bar:
        task = bar.add_task("", total=None)
        loading = Loading(
            precision=settings.precision,
            device=settings.device,
            kv_window=settings.kv_window,
            streams=streams,
            home=settings.home,
            memory=model_budget(settings.memory_limit),
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        return load_model(settings.model, loading)


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
) -> None:
    """Streaming text-to-speech: it speaks while the text is still being written."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address; 0.0.0.0: every network.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0: any free one.")] = None,
    model: ModelOption = None,
    max_streams: Annotated[int | None, typer.Option(help="Listeners at once at most.")] = None,
    memory_limit: Annotated[str | None, typer.Option(help="Memory budget, e.g. 4500MB.")] = None,
    precision: PrecisionOption = None,
    device: DeviceOption = None,
    kv_window: WindowOption = None,
    lead: Annotated[float | None, typer.Option(help="Seconds made ahead of the listener.")] = None,
    patience: Annotated[
        float | None, typer.Option(help="Seconds a writer may hesitate; 0: for ever.")
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error.")] = None,
) -> None:
    """Serve the console and the streaming API.

    Each option, and some more, can be set in the environment: VIBEVOICE_PORT=9000 and so on.
    """
    settings = _settings(
        host=host, port=port, model=model, max_streams=max_streams, memory_limit=memory_limit,
        precision=precision, device=device, kv_window=kv_window, lead=lead, patience=patience,
        log_level=log_level,
    )  # fmt: skip
    level = settings.log_level.upper()
    if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise _fail(f"log-level must be debug, info, warning or error; got {settings.log_level!r}")
    logging.basicConfig(
        level=level, format="%(message)s", datefmt="%X",
        handlers=[RichHandler(console=console, show_path=False)],
    )  # fmt: skip
    from vibevoice_pro.server.app import Server, create_app, create_engine, listen

    try:
        sock = listen(settings.host, settings.port, settings.send_timeout)
    except OSError as error:
        raise _fail(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}", 1
        ) from None
    try:
        engine = create_engine(_load(settings), settings)
    except SpeechError as error:
        raise _fail(str(error)) from None
    shown = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host
    address = f"{f'[{shown}]' if ':' in shown else shown}:{sock.getsockname()[1]}"
    better = _better_model(engine.model) if settings.model == "auto" else ""

    def up() -> None:
        info = engine.model.info
        console.print(
            f"[bold]VibeVoice Pro {__version__}[/]  "
            f"{info.name}, {info.precision} on {info.device}, "
            f"room for {engine.status().capacity} listeners\n"
            f"{better}"
            f"  console  http://{address}/\n"
            f"  stream   ws://{address}/stream?text=Hello\n"
            f"  API      http://{address}/docs",
            highlight=False,
            soft_wrap=True,
        )

    Server(create_app(engine, settings), settings, up).run(sockets=[sock])


@app.command()
def plan(
    model: ModelOption = None,
    budget: Annotated[
        str | None, typer.Option(help="Memory the model may take, e.g. 4500MB.")
    ] = None,
    streams: Annotated[int | None, typer.Option(min=1, help="Streams wanted at once.")] = None,
    precision: PrecisionOption = None,
    device: DeviceOption = None,
    kv_window: WindowOption = None,
) -> None:
    """Count the memory that a model takes, part by part, without loading it."""
    from vibevoice_pro.engine.memory import parse_bytes
    from vibevoice_pro.models.base import Loading
    from vibevoice_pro.models.registry import plan_model

    settings = _settings(model=model, precision=precision, device=device, kv_window=kv_window)
    try:
        counted = plan_model(
            settings.model,
            Loading(
                precision=settings.precision,
                device=settings.device,
                kv_window=settings.kv_window,
                streams=streams,
                home=settings.home,
                memory=parse_bytes(budget) if budget else None,
            ),
        )
    except SpeechError as error:
        raise _fail(str(error)) from None
    table = Table("part", "MB", title=f"{settings.model}, {counted.precision} on {counted.device}",
                  show_footer=True)  # fmt: skip
    table.columns[1].justify = "right"
    table.columns[0].footer, table.columns[1].footer = "together", f"{counted.total / 1e6:,.1f}"
    for name, size in counted.parts.items():
        table.add_row(name, f"{size / 1e6:,.1f}")
    Console().print(table)
    short = "" if streams is None or counted.streams == streams else f" of the {streams} wanted"
    Console().print(
        f"{counted.streams} streams{short}, {counted.window:,} positions of the past each; "
        f"one stream takes {counted.stream_bytes / 1e6:,.1f} MB. "
        "Python and its libraries come on top.",
        highlight=False,
    )


def _better_model(model: Any) -> str:
    """The line that says how to get the real model where `auto` had to do without it."""
    from vibevoice_pro.models.compact import CompactModel

    if not isinstance(model, CompactModel):
        return ""
    install = "" if extra.installed() else f"{extra.INSTALL} && "
    return escape(f"  this is the small embedded voice; VibeVoice: {install}vibevoice-pro pull\n")


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help="owner/name on the hub.")] = hub.DEFAULT,
    voices: Annotated[
        str, typer.Option(help="Voices: a directory, or owner/name or owner/name/folder.")
    ] = "",
    voice: Annotated[
        list[str] | None, typer.Option(help="A voice wanted; can be given several times.")
    ] = None,
    revision: Annotated[str, typer.Option(help="Branch, tag or commit; none: main.")] = "",
) -> None:
    """Fetch a VibeVoice checkpoint with its tokenizer and voices, for --model to find.

    Stopped at any moment, it goes on from there when it is called again. HF_ENDPOINT, HF_HOME and
    HF_HUB_OFFLINE are heeded; VIBEVOICE_VOICES_URL is a mirror of the published voices.
    """
    settings = _settings()
    name = f"{name}@{revision}" if revision else name
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    console.print(f"fetching {escape(name)} …", highlight=False)
    try:
        extra.require("pull")
        with _bars(*columns) as progress:
            tasks: dict[str, TaskID] = {}

            def on_progress(file: str, done: int, total: int) -> None:
                if file not in tasks:
                    tasks[file] = progress.add_task(escape(file), completed=done, total=total)
                progress.update(tasks[file], completed=done, total=total)

            found = hub.pull(
                name, settings.home, voices, voice or (), settings.voices_url, on_progress
            )
    except SpeechError as error:
        raise _fail(str(error), 1) from None
    except KeyboardInterrupt:
        raise _fail("stopped; the same command goes on from here", 130) from None
    given = "" if name == hub.DEFAULT else f" --model {name}"
    console.print(
        escape(f"{found.folder}\nnow: vibevoice-pro serve{given}"), highlight=False, soft_wrap=True
    )


@voices_app.callback()
def voices(context: typer.Context, model: ModelOption = None) -> None:
    """List the voices, or convert voice files."""
    if context.invoked_subcommand is not None:
        return
    table = Table("voice", "language", "gender", "description")
    try:
        speech = _load(_settings(model=model))
    except SpeechError as error:
        raise _fail(str(error)) from None
    for voice in speech.voices.values():
        table.add_row(voice.id, voice.language, voice.gender, voice.description)
    Console().print(table)


@voices_app.command("convert")
def voices_convert(
    files: Annotated[list[Path], typer.Argument(help="Voices as Microsoft publishes them, *.pt.")],
) -> None:
    """Write a safetensors copy beside each VibeVoice voice file; nothing in the file is run."""
    try:
        extra.require("voices convert")
    except SpeechError as error:
        raise _fail(str(error)) from None
    from vibevoice_pro.models.vibevoice.voices import convert_voice

    for file in files:
        try:
            convert_voice(file, file.with_suffix(".safetensors"))
        except SpeechError as error:
            raise _fail(str(error), 1) from None
        typer.echo(file.with_suffix(".safetensors"))


def _player(rate: int) -> subprocess.Popen[bytes]:
    for name, arguments in _PLAYERS:
        path = shutil.which(name)
        if path:
            command = [path, *arguments.format(rate=rate).split()]
            return subprocess.Popen(command, stdin=subprocess.PIPE)
    raise _fail(f"--play needs one of these players: {', '.join(n for n, _ in _PLAYERS)}", 1)


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
        raise _fail("say where to: -o FILE.wav, -o - for standard output, or --play")
    if rate not in RATES:
        raise _fail(f"rate must be one of {', '.join(map(str, RATES))}; got {rate}")
    if text is not None and not text.strip():
        raise _fail("the text is empty")
    settings = _settings(model=model)
    try:
        engine = Engine(_load(settings))
        engine.start()
        change = threading.Event()
        stream = engine.open(
            StreamConfig(
                voice=voice or settings.default_voice or next(iter(engine.model.voices)),
                options=Options(speed=speed, seed=seed),
                rate=rate,
                realtime=False,
                patience=settings.patience if text is None and sys.stdin.isatty() else 0.0,
                max_text=2**31,
            ),
            change.set,
        )
    except SpeechError as error:
        raise _fail(str(error)) from None

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
        raise _fail(f"cannot write: {error.strerror or error}", 1) from None
    except SpeechError as error:
        raise _fail(str(error), 1) from None
    finally:
        engine.stop()
        if player is not None and player.stdin is not None:
            player.stdin.close()
            player.wait()
    if not seconds:
        raise _fail("the text holds nothing that this voice can say", 1)


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


@bench_app.command("server")
def bench_server(
    url: Annotated[str, typer.Option(help="Server to load.")] = "ws://127.0.0.1:7860",
    listeners: Annotated[str, typer.Option(help="Listeners at once, one run each.")] = "1,10,25,50",
    seconds: Annotated[float, typer.Option(help="Audio each listener hears.")] = 60.0,
    chars: Annotated[int, typer.Option(help="Length of the text; 0: enough.")] = 0,
    repeat: Annotated[int, typer.Option(help="Connections of each listener, in turn.")] = 1,
    ramp: Annotated[float, typer.Option(help="Seconds over which they arrive.")] = 0.0,
    opening: Annotated[
        bool, typer.Option(help="Begin each text with a sentence of 20 characters, or with prose.")
    ] = True,
    json_file: Annotated[Path | None, typer.Option("--json", help="Report to write.")] = None,
) -> None:
    """Load a running server with listeners who play in real time, and count what they notice."""
    from vibevoice_pro.bench.server import bench

    counts = _numbers("listeners", listeners)
    table = Table("at once", "failed", "first byte\np50 p95 p99 ms", "audible\np50 ms",
                  "under-\nruns", "late\nms", "rtf", "load", "MB")  # fmt: skip
    bar = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
    )
    with Progress(*bar, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("connections", total=sum(counts) * repeat)

        def on_run(run: dict[str, Any]) -> None:
            ttfa = " ".join(str(v) for v in run["ttfa_ms"].values())
            table.add_row(*map(str, (
                run["listeners"], run["refused_or_failed"], ttfa, run["first_audible_ms"]["p50"],
                run["underruns"], run["late_ms_max"], run["rtf"], run["server_load_peak"],
                round(run["server_memory_mb_peak"]),
            )))  # fmt: skip
            for error in run["errors"][:3]:
                progress.console.print(f"[yellow]{error}[/]", highlight=False)

        report = bench(
            url, counts, seconds, chars, repeat, ramp, opening,
            lambda: progress.advance(task), on_run,
        )  # fmt: skip
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(report, indent=2) + "\n")


@bench_app.command("engine")
def bench_engine(
    model: ModelOption = None,
    streams: Annotated[str, typer.Option(help="Streams at once, one run each.")] = "1,2,4,8",
    seconds: Annotated[float, typer.Option(help="Audio each stream makes.")] = 20.0,
    steps: Annotated[int, typer.Option(min=1, max=100, help="Denoising steps.")] = 5,
    cfg: Annotated[float, typer.Option(min=0, max=10, help="Guidance scale.")] = 1.5,
    repeat: Annotated[int, typer.Option(min=1, help="Runs of each level.")] = 1,
    precision: PrecisionOption = None,
    device: DeviceOption = None,
    kv_window: WindowOption = None,
    memory_limit: Annotated[str | None, typer.Option(help="Memory budget, e.g. 2500MB.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Report to write.")] = None,
) -> None:
    """Run many streams of a model in this process, and tell where the time goes."""
    from vibevoice_pro.bench.engine import bench
    from vibevoice_pro.models.base import Options

    levels = _numbers("streams", streams)
    settings = _settings(
        model=model, precision=precision, device=device, kv_window=kv_window,
        memory_limit=memory_limit,
    )  # fmt: skip
    table = Table("streams", "first audio\np50 p95 ms", "frame\np50 p95 ms", "rtf", "under-\nruns",
                  "MB", "where the time goes")  # fmt: skip
    try:
        loaded = _load(settings, max(levels))
        with console.status("warming up …") as status:

            def on_level(level: dict[str, Any]) -> None:
                shares = ", ".join(f"{n} {share:.0%}" for n, share in level["shares"].items())
                table.add_row(*map(str, (
                    level["streams"],
                    f"{level['ttfa_ms']['p50']} {level['ttfa_ms']['p95']}",
                    f"{level['frame_ms']['p50']} {level['frame_ms']['p95']}",
                    level["rtf"], level["underruns"], level["peak_rss_mb"], shares,
                )))  # fmt: skip
                status.update(f"{level['streams']} streams: rtf {level['rtf']}")

            report = bench(loaded, levels, seconds, Options(cfg=cfg, steps=steps), repeat, on_level)
    except SpeechError as error:
        raise _fail(str(error)) from None
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(report, indent=2) + "\n")


@bench_app.command("precision")
def bench_precision(
    model: ModelOption = None,
    precision: Annotated[str, typer.Option(help="int8, bf16 or fp16.")] = "int8",
    frames: Annotated[int, typer.Option(min=1, help="Latents to speak.")] = 24,
    json_file: Annotated[Path | None, typer.Option("--json", help="Report to write.")] = None,
) -> None:
    """Tell how far a precision is from fp32, part by part and end to end; loads both."""
    from vibevoice_pro.models.base import Loading
    from vibevoice_pro.models.registry import find_source, load_model

    settings = _settings(model=model)
    try:
        if find_source(settings.model, settings.home) is None:
            raise _fail("the embedded voice has one precision; give a VibeVoice model")
        with console.status("loading both …"):
            exact, other = (
                load_model(
                    settings.model,
                    Loading(
                        precision=p, device="cpu", streams=1, kv_window="128", home=settings.home
                    ),
                )
                for p in ("fp32", precision)
            )
    except SpeechError as error:
        raise _fail(str(error)) from None
    from vibevoice_pro.bench.precision import compare, table_rows

    report = compare(exact, other, frames)
    table = Table("part", "median error", "largest")
    for row in table_rows(report):
        table.add_row(*row)
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(report, indent=2) + "\n")


def _numbers(name: str, text: str) -> list[int]:
    """Numbers separated by commas, each at least 1."""
    try:
        numbers = [int(x) for x in text.split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1:
        raise _fail(f"{name} must be numbers like 1,10,25; got {text!r}")
    return numbers


if __name__ == "__main__":
    app()
