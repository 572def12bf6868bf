"""How a session's text begins: what its language is told by."""

from __future__ import annotations

from dataclasses import dataclass

LOOKS = (100, 200, 400)
"""Characters after which the language of a text is looked at; where the last is no help, it stays
open."""


@dataclass
class Opening:
    """The first characters of a session's text.

    What is looked at depends on the text alone, not on how it arrived.

    Attributes:
        text: the characters.
        seen: how many of them have been looked at.
        settled: whether nothing more is to be found out, and the text not needed any more.
    """

    text: str = ""
    seen: int = 0
    settled: bool = False

    def add(self, text: str) -> None:
        """The text goes on."""
        if not self.settled and len(self.text) < LOOKS[-1]:
            self.text += text[: LOOKS[-1] - len(self.text)]

    def due(self, complete: bool) -> str | None:
        """What is to be looked at now; None: nothing.

        `complete`: no more text will come.
        """
        if self.settled:
            return None
        end = next((look for look in LOOKS if self.seen < look <= len(self.text)), None)
        if end is not None:
            return _whole_words(self.text[:end])
        return self.text if complete and self.seen < len(self.text) else None

    def looked(self, found: bool) -> None:
        """What was due has been looked at.

        `found`: whether the language is known, own or foreign.
        """
        self.seen = next((look for look in LOOKS if self.seen < look <= len(self.text)), LOOKS[-1])
        if found or self.seen == LOOKS[-1]:
            self.settled, self.text = True, ""


def _whole_words(text: str) -> str:
    """`text` without the word that may go on behind it."""
    end = max(text.rfind(space) for space in " \n\t")
    return text[:end] if end > 0 else text
