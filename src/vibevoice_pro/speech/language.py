"""Sees whether a text is in a language that its voice does not speak, beside the speech."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Collection

from vibevoice_pro.speech.events import Warning
from vibevoice_pro.speech.sessions.opening import Opening
from vibevoice_pro.text import detect

_TAG = re.compile(r"<[^<>]*>?")  # the last may be cut off

log = logging.getLogger(__name__)

Explain = Callable[[str], str]
"""Makes of the code of a language, which the text seems to be in, a sentence for people."""


class LanguageCheck:
    """Looks at the opening of a session's text, and tells once what is wrong.

    Text that is plainly in the voice's language costs microseconds; other text is looked at on a
    thread of its own. Used on the event loop only.
    """

    def __init__(
        self, opening: Opening, own: Collection[str], explain: Explain, news: asyncio.Event,
        tagged: bool = False,
    ) -> None:  # fmt: skip
        """`own`: the languages that are spoken; `news`: set when `poll` may have something new;
        `tagged`: whether the text has tags, which are in no language."""
        self._tagged = tagged
        self._opening = opening
        self._own = own
        self._explain = explain
        self._news = news
        self._looking: asyncio.Task[str | None] | None = None

    def poll(self, complete: bool) -> Warning | None:
        """What was found, if there is something to tell; begins what there is to look at.

        `complete`: no more text will come.
        """
        if self._looking is not None:
            if not self._looking.done():
                return None
            language, self._looking = self._looking.result(), None
            if not self._opening.settled:
                self._opening.looked(found=language is not None)
                if language is not None:
                    return Warning("language", self._explain(language), language)
        while (text := self._opening.due(complete)) is not None:
            text = _TAG.sub(" ", text) if self._tagged else text
            if not detect.plainly_own(text, self._own):
                self._look(text)
                break
            self._opening.looked(found=True)
        return None

    async def last(self) -> Warning | None:
        """As `poll`, at the end of the text: whatever is looked at is waited for."""
        warning = self.poll(complete=True)
        while self._looking is not None:
            await asyncio.wait([self._looking])
            warning = self.poll(complete=True) or warning
        return warning

    def _look(self, text: str) -> None:
        news = self._news  # alone: the check, and the speech with it, may be given up meanwhile
        self._looking = asyncio.create_task(asyncio.to_thread(_foreign, text, self._own))
        self._looking.add_done_callback(lambda _: news.set())


def _foreign(text: str, own: Collection[str]) -> str | None:
    try:
        return detect.foreign(text, own)
    except Exception:  # the speech does not depend on it
        log.exception("the language of a text could not be looked at")
        return None
