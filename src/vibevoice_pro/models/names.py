"""What the name of a voice tells, e.g. `en-Emma_woman` or `en-GB-Emma_woman`, and language tags."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"([a-z]{2})(-[A-Z]{2})?-(.{1,200}?)(?:_(woman|man))?")
_LANGUAGES = {"in": "en-IN", "jp": "ja", "kr": "ko", "sp": "es"}
"""Prefixes that Microsoft uses and that are no ISO 639-1 codes."""


@dataclass(frozen=True)
class Name:
    """A name that was understood.

    Attributes:
        language: BCP-47 tag.
        person: the name proper.
        gender: `woman`, `man` or empty.
    """

    language: str
    person: str
    gender: str


def understand(name: str) -> Name | None:
    """What a voice's name tells; None: it is of another form."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    code, region, person, gender = match.groups()
    return Name(_LANGUAGES.get(code, code) + (region or ""), person, gender or "")


def primary(tag: str) -> str:
    """The language of a BCP-47 tag, without region or script: `en` of `en-GB`."""
    return tag.replace("_", "-").split("-")[0].lower()


def region(tag: str) -> str:
    """The region of a BCP-47 tag, `GB` of `en-GB`; empty: it names none."""
    parts = tag.replace("_", "-").split("-")[1:]
    return next((part.upper() for part in parts if re.fullmatch(r"[A-Za-z]{2}|\d{3}", part)), "")
