"""`say` with a directory or an EPUB: a file for each chapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from vibevoice_pro.audio.files import ENDINGS
from vibevoice_pro.cli.common import bars, console
from vibevoice_pro.cli.outputs import audio, captions, check_output
from vibevoice_pro.cli.speaking import NothingToSay, Told, speak
from vibevoice_pro.documents.chapter import Chapter, file_name, folder_chapters
from vibevoice_pro.documents.epub import epub_chapters, is_epub
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.text import subtitles

if TYPE_CHECKING:
    from vibevoice_pro.speech.request import SpeechRequest
    from vibevoice_pro.speech.service import Service


def chapters_of(file: Path) -> list[Chapter] | None:
    """The chapters of a directory or an EPUB; None: it is another file.

    Raises:
        BadParameter: there are none, or they can't be read.
    """
    if file.is_dir():
        return folder_chapters(file)
    return epub_chapters(file) if is_epub(file) else None


class Book:
    """Chapters, and the files they become."""

    def __init__(
        self, chapters: Sequence[Chapter], folder: Path, ending: str, subtitle: str, rate: int
    ) -> None:
        """`ending`: a format, like mp3; `subtitle`: srt, vtt or empty: none is wanted.

        Raises:
            BadParameter: one of the values is not allowed; it says what is.
        """
        if folder.exists() and not folder.is_dir():
            raise BadParameter(f"{folder} is a file; chapters need a directory, e.g. -o book/")
        if folder.suffix.lower() in ENDINGS:
            raise BadParameter(
                f"a chapter is a file of its own: give a directory, e.g. -o {folder.stem}/"
            )
        self._ending = f".{ending.lower().lstrip('.')}"
        if self._ending not in ENDINGS:
            raise BadParameter(
                f"format must be {', '.join(name[1:] for name in ENDINGS)}; got {ending[:80]!r}"
            )
        check_output(folder / f"chapter{self._ending}", rate)
        self._subtitle = f".{subtitle.lower().lstrip('.')}" if subtitle else ""
        if self._subtitle and self._subtitle not in subtitles.FORMATS:
            raise BadParameter(
                f"subtitles of chapters are srt or vtt, one beside each file; got {subtitle[:80]!r}"
            )
        self._chapters = chapters
        self._folder = folder
        self._done = 0

    def __str__(self) -> str:
        """How far it is, in words."""
        return f"{self._done} of {len(self._chapters)} chapters are in {self._folder}"

    async def speak(self, service: Service, request: SpeechRequest, force: bool) -> None:
        """Speak the chapters whose files are not there; with `force`, all.

        Raises:
            SpeechError: a chapter can't be read or spoken; OSError: a file can't be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), TimeRemainingColumn(),
        )  # fmt: skip
        with bars(*columns) as progress:
            task = progress.add_task("", total=len(self._chapters))
            for number, chapter in enumerate(self._chapters, 1):
                file, beside = self._files(number, chapter.title)
                if not force and file.exists() and (beside is None or beside.exists()):
                    console.print(f"{escape(file.name)} is there", highlight=False, soft_wrap=True)
                else:
                    progress.update(task, description=escape(file.name))
                    told = Told()

                    def update(told: Told = told, before: int = number - 1) -> None:
                        progress.update(task, completed=before + told.spoken / max(1, told.chars))

                    await self._speak(service, request, chapter, file, beside, told, update)
                self._done = number
                progress.update(task, completed=number)

    def _files(self, number: int, title: str) -> tuple[Path, Path | None]:
        name = file_name(number, len(self._chapters), title)
        beside = self._folder / f"{name}{self._subtitle}" if self._subtitle else None
        return self._folder / f"{name}{self._ending}", beside

    @staticmethod
    async def _speak(
        service: Service, request: SpeechRequest, chapter: Chapter, file: Path,
        beside: Path | None, told: Told, update: Callable[[], None],
    ) -> None:  # fmt: skip
        text = chapter.read()
        try:
            with audio(file, request.rate or 0) as sink, captions(beside) as words:
                assert sink is not None
                await speak(service, request, text, [sink], words, told, update)
        except NothingToSay as error:
            said = f"{file.name} is left out: {error}"
            console.print(f"[yellow]{escape(said)}[/]", highlight=False, soft_wrap=True)
            return
        said = f"{file.name}: {told.seconds:.1f} s of speech"
        console.print(escape(said), highlight=False, soft_wrap=True)
