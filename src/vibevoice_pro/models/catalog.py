"""Which voices there are, which model speaks each, and who speaks for other names."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.aliases import Alias
from vibevoice_pro.models.base import AnyModel, ModelInfo, Voice
from vibevoice_pro.models.names import primary, region, understand
from vibevoice_pro.models.offers import Offer, Offers

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
        offers: voices that are not here, by id, with the command that brings each.
        default: id of the voice that speaks when nobody names one.
    """

    def __init__(
        self, models: Sequence[AnyModel], default: str = "", *, offers: Offers | None = None,
        aliases: Mapping[str, Alias] | None = None, strict: bool = False,
    ) -> None:  # fmt: skip
        """What there is.

        Args:
            models: whose voices are here.
            default: id of the default voice; empty: the first.
            offers: what is not here.
            aliases: by case-folded name, what names stand for that are no voices.
            strict: whether a voice speaks only for its own name.

        Raises:
            BadParameter: there is no such default voice, or an alias stands for a voice that
                nobody knows.
        """
        self.entries: dict[str, Entry] = {}
        for model in models:
            for voice in model.voices.values():
                if voice.id in self.entries:
                    log.warning("two models have a voice %s; the first one speaks it", voice.id)
                    continue
                self.entries[voice.id] = Entry(voice, model.info)
        offers = offers or Offers()
        self.offers = {o.voice.id: o for o in offers.voices if o.voice.id not in self.entries}
        self._languages = offers.languages
        self._aliases = aliases or {}
        self._strict = strict
        self._by_name = {id_.casefold(): entry for id_, entry in self.entries.items()}
        self._offer_by_name = {id_.casefold(): offer for id_, offer in self.offers.items()}
        self._logged: set[tuple[str, str]] = set()
        self.default = self._default(default)
        for alias in self._aliases.values():
            if alias.voice and alias.voice not in {**self.entries, **self.offers}:
                raise BadParameter(
                    f"aliases: {alias.name!r} stands for {alias.voice!r}, which is no voice",
                    field="aliases",
                )

    def with_default(self, voice: str) -> Catalog:
        """The same with another default voice; empty: the first.

        Raises:
            BadParameter: there is no such voice.
        """
        other = copy(self)
        other.default = self._default(voice)
        return other

    def _default(self, voice: str) -> str:
        voice = voice or next(iter(self.entries))
        if voice not in self.entries:
            raise BadParameter(
                f"default_voice must be one of {', '.join(self.entries)}; got {voice!r}",
                field="default_voice",
            )
        return voice

    def find(self, voice: str = "", language: str = "") -> Entry:
        """Who speaks for `voice`: the voice of that id, or the one that the alias stands for.

        If `voice` is empty: a voice of `language`, else the default. Upper and lower case are the
        same in a name.

        Raises:
            BadParameter: there is none, or nobody speaks `language`; names those there are, and the
                command that brings more.
        """
        if not voice:
            return self._speaking(language)
        name = voice.casefold()
        entry = self.entries.get(voice) or self._by_name.get(name)
        if entry is not None:
            self._speaking(language)
            return entry
        alias = self._aliases.get(name)
        if alias is None:
            raise self._unknown(voice, language)
        entry = self._stands_for(alias, voice, language)
        if (alias.name, entry.voice.id) not in self._logged:
            self._logged.add((alias.name, entry.voice.id))
            more = _more(self.install(primary(entry.voice.language)))
            log.info("no voice %s here: %s speaks instead%s", alias.name, entry.voice.id, more)
        return entry

    def names_of(self, id_: str, *origins: str) -> list[str]:
        """The aliases that a voice speaks for, where no language is asked for; of those that are
        known in these places."""
        if self._strict:
            return []
        names = []
        for name, alias in self._aliases.items():
            if name in self._by_name or alias.origin not in origins:
                continue
            entry = self._meant(alias)
            if entry is not None and entry.voice.id == id_:
                names.append(alias.name)
        return names

    def speaking(self, language: str) -> list[str]:
        """The ids of the voices that speak a language, in any region."""
        entries = self.entries.items()
        return [id_ for id_, e in entries if primary(e.voice.language) == primary(language)]

    def by_language(self, first: Entry) -> dict[str, str]:
        """Who speaks each language that is spoken here: `first` its own, the nearest in gender the
        others; primary tag to voice id."""
        spoken = dict.fromkeys(primary(entry.voice.language) for entry in self.entries.values())
        nearest = {each: self._nearest(each, first.voice.gender, first) for each in spoken}
        return {language: entry.voice.id for language, entry in nearest.items() if entry}

    def install(self, language: str, voice: str = "") -> str:
        """The command that brings voices of a language, best the one called `voice`; or empty."""
        spoken = {primary(entry.voice.language) for entry in self.entries.values()}
        if language not in spoken and language in self._languages:
            return self._languages[language]
        offer = self._offer_by_name.get(voice.casefold())
        if offer is None:
            matching = (o for o in self.offers.values() if primary(o.voice.language) == language)
            offer = next(matching, None)
        return "" if offer is None else offer.install

    # --- who speaks -------------------------------------------------------------------------------

    def _speaking(self, language: str) -> Entry:
        """The default voice if it speaks `language`, else the nearest that does."""
        default = self.entries[self.default]
        if not language:
            return default
        found = self._nearest(language, "", default)
        if found is None:
            spoken = ", ".join(sorted({entry.voice.language for entry in self.entries.values()}))
            raise BadParameter(
                f"language must be auto or one of {spoken}, which the voices here speak; got "
                f"{language[:80]!r}{_more(self.install(primary(language)))}",
                field="language",
            )
        return found

    def _nearest(self, language: str, gender: str, first: Entry | None = None) -> Entry | None:
        """Of the voices that speak a language, the one nearest in gender, then in region; of those
        that are equally near `first`, or the first in order. None: no voice speaks it."""
        entries = [*([first] if first else []), *self.entries.values()]
        return min(
            (entry for entry in entries if primary(entry.voice.language) == primary(language)),
            key=lambda entry: (
                bool(gender) and entry.voice.gender != gender,
                bool(region(language)) and region(entry.voice.language) != region(language),
            ),
            default=None,
        )

    def _meant(self, alias: Alias, language: str = "") -> Entry | None:
        if alias.voice:
            return self.entries.get(alias.voice)
        return self._nearest(alias.language or language or "en", alias.gender)

    def _stands_for(self, alias: Alias, voice: str, language: str) -> Entry:
        """The voice that an alias stands for.

        Raises:
            BadParameter: it is not here, nobody speaks its language, or voices are only spoken for
                by themselves.
        """
        entry = self._meant(alias, language)
        if alias.voice:
            offer = self.offers.get(alias.voice)
            spoken = primary((entry or offer or self.entries[self.default]).voice.language)
        else:
            spoken = primary(alias.language or language or "en")
        if entry is None:
            wanted = alias.voice or f"a voice that speaks {spoken}"
            how = self.install(spoken, alias.voice or voice)
            raise BadParameter(
                f"voice {voice[:80]!r} stands for {wanted}, and there is none here"
                + (f": {how}" if how else ""),
                field="voice",
            )
        if self._strict:
            raise BadParameter(
                f"voice must be one of {self._names(spoken)}; got {voice[:80]!r}, for which "
                f"{entry.voice.id} would speak, but strict_voices is set",
                field="voice",
            )
        return entry

    # --- what there is to say if there is none ----------------------------------------------------

    def _unknown(self, voice: str, language: str) -> BadParameter:
        offer = self._offer_by_name.get(voice.casefold())
        spoken = primary(offer.voice.language) if offer else self._guess(voice, language)
        names = self._names(spoken)
        here = f"voice must be one of {names}; got {voice[:80]!r}"
        if offer is None:
            none = f"there is no voice {voice[:80]!r}, and none here speaks {spoken}"
            said = (here if names else none) + _more(self.install(spoken))
        else:
            none = f"voice {offer.voice.id!r} is not here, and none here speaks {spoken}"
            said = f"{f'{here}, which is not here' if names else none}: {offer.install}"
        return BadParameter(said, field="voice")

    def _guess(self, voice: str, language: str) -> str:
        """The language of a voice that is not known, if there are any of that language."""
        name = understand(voice)
        known = {primary(one.voice.language) for one in self._all()} | {*self._languages}
        for tag in (name.language if name else "", language):
            if primary(tag) in known:
                return primary(tag)
        return primary(self.entries[self.default].voice.language)

    def _all(self) -> list[Entry | Offer]:
        return [*self.entries.values(), *self.offers.values()]

    def _names(self, language: str) -> str:
        """The ids of the voices that speak a language."""
        return ", ".join(self.speaking(language))


def _more(command: str) -> str:
    return f"; for more: {command}" if command else ""
