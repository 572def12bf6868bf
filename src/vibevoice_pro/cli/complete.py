"""What a shell completes: voices and models, told without loading anything."""

from __future__ import annotations

from collections.abc import Iterator


def voices(incomplete: str) -> Iterator[tuple[str, str]]:
    """The voices that are on this machine, each with its language."""
    from vibevoice_pro.config.settings import HOME
    from vibevoice_pro.models.base import Voice
    from vibevoice_pro.models.hibari.voices import VOICES
    from vibevoice_pro.models.kokoro import voices as kokoro
    from vibevoice_pro.models.vibevoice.assets import hub
    from vibevoice_pro.models.vibevoice.published import describe

    here: list[Voice] = [file.voice for file in VOICES.values() if file.is_here(HOME)]
    if kokoro.installed():
        here += kokoro.VOICES.values()
    if checkpoint := hub.find(hub.DEFAULT, HOME):
        saved = sorted(checkpoint.voices.glob("*"))
        here += [describe(file.stem) for file in saved if file.suffix in hub.VOICE_FILES]
    for voice in here:
        if voice.id.casefold().startswith(incomplete.casefold()):
            yield voice.id, voice.language


def models(incomplete: str) -> Iterator[str]:
    """Names of models; the last of several that commas part is completed."""
    from vibevoice_pro.models.registry import RANDOM, SMALL
    from vibevoice_pro.models.vibevoice.assets.hub import DEFAULT

    before, comma, last = incomplete.rpartition(",")
    for name in ("auto", *SMALL, DEFAULT, RANDOM):
        if name.startswith(last):
            yield before + comma + name


def languages(incomplete: str) -> Iterator[str]:
    """Codes of the languages that are read."""
    from vibevoice_pro.text.languages import LANGUAGES

    yield from (code for code in ("auto", *LANGUAGES) if code.startswith(incomplete))


def formats(incomplete: str) -> Iterator[str]:
    """How audio files end."""
    from vibevoice_pro.audio.files import ENDINGS

    yield from (name[1:] for name in ENDINGS if name[1:].startswith(incomplete))


def markups(incomplete: str) -> Iterator[str]:
    """Which marks a text may have."""
    from vibevoice_pro.speech.request import MARKUPS

    yield from (name for name in MARKUPS if name.startswith(incomplete))


def programs(incomplete: str) -> Iterator[str]:
    """What `try` knows."""
    from vibevoice_pro.cli.try_ import NAMES

    yield from (name for name in NAMES if name.startswith(incomplete))
