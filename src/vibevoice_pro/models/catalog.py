"""Which voices there are, and which model speaks each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import AnyModel, ModelInfo, Voice

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A voice that is installed.

    Attributes:
        voice: the voice.
        model: of the model that speaks it.
    """

    voice: Voice
    model: ModelInfo


class Catalog:
    """The voices of all models. Where two models have one of the same name, the first one's counts.

    Attributes:
        entries: the voices by id, in the order of their models.
        default: id of the voice that speaks when nobody names one.
    """

    def __init__(self, models: Sequence[AnyModel], default: str = "") -> None:
        """`default`: empty: the first voice.

        Raises:
            BadParameter: there is no such voice.
        """
        self.entries: dict[str, Entry] = {}
        for model in models:
            for voice in model.voices.values():
                if voice.id in self.entries:
                    log.warning("two models have a voice %s; the first one speaks it", voice.id)
                    continue
                self.entries[voice.id] = Entry(voice, model.info)
        self.default = default or next(iter(self.entries))
        if self.default not in self.entries:
            raise BadParameter(
                f"default_voice must be one of {self._names()}; got {default!r}",
                field="default_voice",
            )

    def find(self, voice: str = "", language: str = "") -> Entry:
        """The voice called `voice`; if it is empty, the first of `language`, else the default.

        Raises:
            BadParameter: there is none; names those there are.
        """
        if voice:
            if voice not in self.entries:
                raise BadParameter(
                    f"voice must be one of {self._names()}; got {voice[:80]!r}", field="voice"
                )
            return self.entries[voice]
        default = self.entries[self.default]
        if not language or _same(default.voice.language, language):
            return default
        for entry in self.entries.values():
            if _same(entry.voice.language, language):
                return entry
        spoken = ", ".join(sorted({entry.voice.language for entry in self.entries.values()}))
        raise BadParameter(
            f"language must be one of {spoken}, which the voices here speak; got {language[:80]!r}",
            field="language",
        )

    def _names(self) -> str:
        return ", ".join(self.entries)


def _same(one: str, other: str) -> bool:
    """Whether two BCP-47 tags have the language in common, whatever the region."""
    return one.lower().split("-")[0] == other.lower().split("-")[0]
