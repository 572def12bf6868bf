"""`read`."""

from __future__ import annotations

import sys
from collections.abc import Set
from typing import Annotated

import typer

from vibevoice_pro.cli.common import ModelOption, app, console, fail, load, read_settings

_STDIN = "-"


@app.command()
def read(
    text: Annotated[
        str | None, typer.Argument(help="What is written; none or -: standard input.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(help="en, de, es, fr, it, ja, ko, nl, pl, pt or zh; none: the model's own."),
    ] = None,
    model: ModelOption = None,
) -> None:
    """Print the words that a voice would say for a text, a line for each line.

    All models are given these words: numbers, dates, money, signs and Markdown are read here.
    """
    from vibevoice_pro.text.reading.words import languages
    from vibevoice_pro.text.reading.words import load as load_reading

    if text is not None and text != _STDIN and not text.strip():
        raise fail("the text is empty")
    if language is None:
        language = "en" if model is None else _language_of(model)
    if language.lower().split("-")[0] not in languages():
        raise fail(f"language: {language!r} is not known; known are {', '.join(languages())}")
    load_reading(language)
    left_out: set[str] = set()
    for line in sys.stdin if text in (None, _STDIN) else str(text).splitlines():
        words, unread = _said(line, language)
        left_out |= unread
        typer.echo(words)
    if left_out:
        names = ", ".join(sorted(left_out))
        console.print(
            f"[yellow]left out, as a voice of {language} cannot read it: {names}[/]", soft_wrap=True
        )


def _language_of(model: str) -> str:
    """The language of a model's default voice."""
    hosts = load(read_settings(model=model), streams=1)
    return str(next(iter(hosts[0].model.voices.values())).language)


def _said(line: str, language: str) -> tuple[str, Set[str]]:
    """The words for a line, cut into pieces as it is when it is spoken, and what is left out."""
    from vibevoice_pro.text.clean import clean
    from vibevoice_pro.text.reading.words import readable
    from vibevoice_pro.text.segment import Segmenter

    segmenter = Segmenter(language=language)
    said: list[str] = []
    unread: set[str] = set()
    segmenter.feed(clean(line))
    segmenter.finish()
    while (piece := segmenter.take()) is not None:
        words, left_out = readable(piece.text, language)
        said.append(words.strip())
        unread |= left_out
    return " ".join(filter(None, said)), unread
