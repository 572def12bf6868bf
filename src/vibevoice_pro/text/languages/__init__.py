"""What the cutting of text needs to know of each language; one file of data for each."""

from __future__ import annotations

from vibevoice_pro.text.languages import de, en, es, fr, it, ja, ko, nl, pl, pt, zh
from vibevoice_pro.text.languages.base import Language

LANGUAGES = {
    "de": de.GERMAN,
    "en": en.ENGLISH,
    "es": es.SPANISH,
    "fr": fr.FRENCH,
    "it": it.ITALIAN,
    "ja": ja.JAPANESE,
    "ko": ko.KOREAN,
    "nl": nl.DUTCH,
    "pl": pl.POLISH,
    "pt": pt.PORTUGUESE,
    "zh": zh.CHINESE,
}
"""By ISO 639-1 code."""

_UNKNOWN = Language()


def language_of(code: str) -> Language:
    """The data of a language, e.g. `en` or `en-US`; where there is none, punctuation decides."""
    return LANGUAGES.get(code.lower().replace("_", "-").split("-")[0], _UNKNOWN)
