"""What text with marks in it comes to, step by step: something said, a break, a flush."""

from __future__ import annotations

from dataclasses import dataclass

Elements = tuple[tuple[str, float], ...]
"""The elements that are open: name, and the pace within."""


@dataclass(frozen=True)
class Said:
    """Some text to be spoken.

    Attributes:
        text: what is said; of phonemes, the word they are for.
        chars: where it is written, [start, end).
        begin: characters before all it is written as, its tags too; None: it is no place to resume.
        end: characters up to the end of all that.
        elements: those it stands in.
        exact: whether each character is one that is written.
        phonemes: how it is pronounced, in the IPA; empty: the voice knows.
    """

    text: str
    chars: tuple[int, int]
    begin: int | None
    end: int
    elements: Elements
    exact: bool = True
    phonemes: str = ""

    @property
    def pace(self) -> float:
        """1 is that of the request."""
        return pace_of(self.elements)


@dataclass(frozen=True)
class Break:
    """Silence of so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Odd:
    """Something that was not done, one sentence."""

    message: str


@dataclass(frozen=True)
class Flush:
    """All before it is to be spoken."""


Step = Said | Break | Odd | Flush


def pace_of(elements: Elements) -> float:
    """The pace within some elements."""
    return elements[-1][1] if elements else 1.0
