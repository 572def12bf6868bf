"""Where `say` puts speech: a file, a pipe, a player; and subtitles beside it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

from vibevoice_pro.audio.encode import WavWriter
from vibevoice_pro.audio.files import ENDINGS, Sink, format_of, writing
from vibevoice_pro.audio.formats import FORMATS
from vibevoice_pro.cli.common import fail
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.text import subtitles
from vibevoice_pro.text.languages import language_of

PIPE = "-"
_PLAYERS = (
    ("aplay", "-q -t raw -f S16_LE -c 1 -r {rate} -"),
    ("paplay", "--raw --format=s16le --channels=1 --rate={rate}"),
    ("ffplay", "-loglevel error -nodisp -autoexit -f s16le -ar {rate} -i -"),
    ("play", "-q -t raw -e signed -b 16 -c 1 -r {rate} -"),
)


def check_output(output: Path, rate: int) -> None:
    """See that the name of an audio file tells a format that has this sample rate.

    Raises:
        BadParameter: not; it names what is allowed.
    """
    if str(output) == PIPE or _is_device(output):
        return
    if output.is_dir():
        raise BadParameter(f"{output} is a directory; give a name like {output}/speech.mp3")
    name = format_of(output)
    if name is None:
        raise BadParameter(
            f"output must end in {_listed([*ENDINGS])}, or be - for WAV to standard output; got "
            f"{output.name[:80]!r}"
        )
    rates = FORMATS[name].rates
    if rate not in rates:
        raise BadParameter(
            f"{output.suffix} is made at {_listed([*map(str, rates)])} Hz; rate is {rate}"
        )


def check_subtitles(file: Path) -> None:
    """See that the name of a file tells a format of subtitles.

    Raises:
        BadParameter: not; it names what is allowed.
    """
    if file.suffix.lower() not in subtitles.FORMATS:
        raise BadParameter(
            f"subtitles must end in {_listed([*subtitles.FORMATS])}; got {file.name[:80]!r}"
        )


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _is_device(path: Path) -> bool:
    """Whether it is a device or a named pipe, which is written to as it is."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextlib.contextmanager
def audio(output: Path | None, rate: int) -> Iterator[Sink | None]:
    """An audio file, in the format that its name tells; None: none is wanted."""
    if output is None:
        yield None
    elif str(output) == PIPE:
        with WavWriter(sys.stdout.buffer, rate) as wav:
            yield wav
    elif _is_device(output):
        with output.open("wb") as device, writing(device, format_of(output) or "wav", rate) as sink:
            yield sink
    else:
        with _replacing(output) as file, writing(file, format_of(output) or "wav", rate) as sink:
            yield sink


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file; what was there before stays unless all of the new one is written."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class Captions:
    """Writes subtitles while the words come."""

    def __init__(self, file: BinaryIO, kind: subtitles.Format) -> None:
        self._file = file
        self._kind = kind
        self._cutter = subtitles.Subtitles(language_of("en"))
        self._count = 0
        self._write(kind.header)

    def language(self, tag: str) -> None:
        """The text is in this language; said before the first word."""
        self._cutter = subtitles.Subtitles(language_of(tag))

    def word(self, gap: str, text: str, start: float, end: float) -> None:
        """A word will be heard; see `Subtitles.add`."""
        self._put(self._cutter.add(gap, text, start, end))

    def end(self) -> None:
        """There are no more words."""
        self._put(self._cutter.end())

    def _put(self, cues: list[subtitles.Cue]) -> None:
        for cue in cues:
            self._count += 1
            self._write(self._kind.cue(self._count, cue))

    def _write(self, text: str) -> None:
        self._file.write(text.encode())


@contextlib.contextmanager
def captions(file: Path | None) -> Iterator[Captions | None]:
    """A file of subtitles, in the format that its name tells; None: none is wanted."""
    if file is None:
        yield None
        return
    with _replacing(file) as out:
        writer = Captions(out, subtitles.FORMATS[file.suffix.lower()])
        yield writer
        writer.end()


@contextlib.contextmanager
def player(rate: int, wanted: bool) -> Iterator[IO[bytes] | None]:
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
