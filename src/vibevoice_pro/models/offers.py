"""Voices that could be here, and the command that brings each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from vibevoice_pro.models.base import Voice
from vibevoice_pro.models.hibari.voices import VOICE, VOICES
from vibevoice_pro.models.kokoro import voices as kokoro
from vibevoice_pro.models.registry import EMBEDDED, KOKORO
from vibevoice_pro.models.vibevoice import extra
from vibevoice_pro.models.vibevoice.published import ENGLISH, PUBLISHED, describe

PULL = "vibevoice-pro pull"


@dataclass(frozen=True)
class Offer:
    """A voice that is not here.

    Attributes:
        voice: the voice.
        install: the command that brings it.
    """

    voice: Voice
    install: str


@dataclass(frozen=True)
class Offers:
    """What is not here.

    Attributes:
        voices: in the order in which they are to be recommended.
        languages: BCP-47 primary tag to the command that brings voices of that language, where
            that is not the one of the first of `voices`.
    """

    voices: tuple[Offer, ...] = ()
    languages: Mapping[str, str] = field(default_factory=dict)


def offers(here: Collection[str], models: str) -> Offers:
    """The voices there are, but for those that are here.

    Args:
        here: ids of the voices that are.
        models: the models that are served, as an operator names them.
    """
    embedded = f"{PULL} --voices"
    if VOICE.id not in here:
        embedded = f"vibevoice-pro serve --model {models},{EMBEDDED}"
    known = [Offer(file.voice, embedded) for file in VOICES.values()]
    japanese = _japanese(models)
    known += (Offer(voice, japanese) for voice in kokoro.VOICES.values())
    before = "" if extra.installed() else f"{extra.INSTALL} && "
    for id_ in PUBLISHED:
        wanted = "" if id_ in ENGLISH else f" --voice {id_}"
        known.append(Offer(describe(id_), f"{before}{PULL}{wanted}"))
    return Offers(tuple(o for o in known if o.voice.id not in here), {"ja": japanese})


def _japanese(models: str) -> str:
    """The command that brings the voices of Kokoro."""
    serve = f"vibevoice-pro serve --model {models},{KOKORO}"
    if kokoro.installed():
        return serve
    return kokoro.INSTALL if "auto" in models.split(",") else f"{kokoro.INSTALL} && {serve}"
