"""What the cutting of text needs to know of a language."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

Words = frozenset[str]


def words(text: str) -> Words:
    """The words of a text, as a set."""
    return frozenset(text.split())


@dataclass(frozen=True)
class Language:
    """Words that tell where a text may be cut, all in lower case.

    Attributes:
        abbreviations: written with a full stop that ends no sentence; listed without it.
        conjunctions: a clause begins with them, so the place before one is good for a breath.
        prepositions: a phrase begins with them, so the place before one is fair for a breath.
        sticky: nobody takes a breath right after one of these.
        before_numbers: read together with a number that follows.
        dotted_days: whether days are written `17. Mai`, with a full stop that ends no sentence.
    """

    abbreviations: Words = frozenset()
    conjunctions: Words = frozenset()
    prepositions: Words = frozenset()
    sticky: Words = frozenset()
    before_numbers: Words = frozenset()
    dotted_days: bool = False

    @cached_property
    def uncounted(self) -> Words:
        """What a number before it does not count: `5 | million` is read as one, `5 | and` not."""
        return self.conjunctions | self.prepositions | self.sticky
