"""Which language a text is in, where that is clear.

The script decides first, then the commonest words of the languages whose data is here, and only
where those leave it open a naive Bayes classifier over byte n-grams: py3langid, after Lui and
Baldwin, "langid.py: An Off-the-shelf Language Identification Tool" (ACL 2012). That one takes half
a second to load and 55 MB to keep, so it is loaded when a text needs it, which English text given
to an English voice does not.

Names, code, addresses and abbreviations say nothing about the language around them: only words
all in lower case are looked at, or, in a text all in capitals, those.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from vibevoice_pro.text.languages import LANGUAGES
from vibevoice_pro.text.scripts import readable_scripts, script

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

log = logging.getLogger(__name__)

NAMES: Mapping[str, str] = {
    "cs": "Czech", "da": "Danish", "de": "German", "en": "English", "es": "Spanish",
    "fi": "Finnish", "fr": "French", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "la": "Latin", "nl": "Dutch", "no": "Norwegian",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "sv": "Swedish", "tr": "Turkish",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""The languages that are told apart: ISO 639-1 code to English name."""

CLEAR = 30.0
"""Log-likelihood by which a language must lead, in nats, before anybody is warned: so far that none
of the English in `tests/text/test_detect.py` reaches it, names, lists and code included."""

_SCRIPT_OF = {"ja": {"HIRAGANA", "KATAKANA"}, "ko": {"HANGUL"}, "zh": {"CJK"}, "": {"LATIN"}}
_NOTHING = "zxx"  # the classifier's name for what is no language: code, tables
_SYLLABLES = 3  # letters of an alphabet that a character of the others is worth
_LEAST = 10  # letters; fewer are never clear
_OWN = 0.2  # share of the commonest words that is only reached in their own language
_OWN_WORDS = 2

_CODE = re.compile(r"`[^`]*`?|<[^<>]*>?|\[[^\[\]]*\]\([^()]*\)?")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*[.,;:!?…)\]}\"'”’»]*")
_EDGES = "([{\"'“‘«„¿¡*_~.,;:!?…)]}”’»"

_lock = threading.Lock()
_loaded: list[LanguageIdentifier | None] = []


def code_of(language: str) -> str:
    """The ISO 639-1 code of a BCP-47 tag: `de` of `de-AT`."""
    return language.lower().replace("_", "-").split("-")[0]


def name_of(language: str) -> str:
    """What a language is called in English; of one that is not known, its tag."""
    return NAMES.get(code_of(language), language)


def plainly_own(text: str, own: Collection[str]) -> bool:
    """Whether a look at its commonest words tells that a text is in one of the languages `own`.

    Takes microseconds, and loads nothing.
    """
    return by_script(text) == "" and sure(plain_words(text), {code_of(each) for each in own})


def foreign(text: str, own: Collection[str]) -> str | None:
    """The language of a text that is clearly in none of the languages `own`, as a code.

    None: it is in one of them, or it is not clear, or its letters cannot be read in any of them,
    of which the reader tells by itself. May load the classifier, see `load`.
    """
    codes = {code_of(language) for language in own}
    found = by_script(text)
    if found is None:
        return None
    if found:
        readable = frozenset[str]().union(*map(readable_scripts, codes))
        return found if found not in codes and _SCRIPT_OF[found] <= readable else None
    words = plain_words(text)
    if sum(map(len, words)) < _LEAST or sure(words, codes):
        return None
    scores = likelihoods(words)
    if not scores:
        return None
    best = max(scores, key=lambda code: scores[code])
    if best in codes or best == _NOTHING:
        return None
    rivals = codes & scores.keys() or scores.keys() - {best}
    lead = scores[best] - max(scores[code] for code in rivals)
    return best if lead >= CLEAR else None


def by_script(text: str) -> str | None:
    """The language that the letters of a text tell; empty: one that is written with Latin letters.

    None: there are no letters, or mostly others.
    """
    if text.isascii():
        return "" if any(map(str.isalpha, text)) else None
    counts: dict[str, int] = {}
    for char in text:
        name = script(char)
        if name is not None:
            counts[name] = counts.get(name, 0) + 1
    kana = counts.get("HIRAGANA", 0) + counts.get("KATAKANA", 0)
    weights = {
        "ja": _SYLLABLES * (kana + counts.get("CJK", 0)) if kana else 0,
        "zh": 0 if kana else _SYLLABLES * counts.get("CJK", 0),
        "ko": _SYLLABLES * counts.get("HANGUL", 0),
        "": counts.get("LATIN", 0),
    }
    known = set[str]().union(*_SCRIPT_OF.values())
    others = sum(count for name, count in counts.items() if name not in known)
    best = max(weights, key=lambda code: weights[code])
    return best if weights[best] > others else None


def words_of(text: str) -> list[str]:
    """All words of a text, names too, without signs, in lower case."""
    return [token.lower() for token in _tokens(text)]


def plain_words(text: str) -> list[str]:
    """The words of a text that tell its language, without signs, in lower case."""
    tokens = _tokens(text)
    plain = [token for token in tokens if token.islower()]
    if not plain and text.isupper():
        return [token.lower() for token in tokens]
    return plain


def _tokens(text: str) -> list[str]:
    tokens = _CODE.sub(" ", text).split()
    return [token.strip(_EDGES) for token in tokens if _WORD.fullmatch(token.lstrip(_EDGES))]


def sure(words: Sequence[str], codes: Collection[str]) -> bool:
    """Whether the commonest words tell that a text is in one of these languages."""
    share = max((_share(words, code) for code in codes), default=0.0)
    others = max(_share(words, code) for code in LANGUAGES if code not in codes)
    return share >= _OWN and share >= 2 * others and share * len(words) >= _OWN_WORDS


def _share(words: Sequence[str], code: str) -> float:
    """The share of words that are among the commonest of a language."""
    language = LANGUAGES.get(code)
    if language is None or not words:
        return 0.0
    return sum(word in language.uncounted for word in words) / len(words)


def likelihoods(words: Sequence[str]) -> dict[str, float]:
    """The log-likelihood, in nats, of some words in each language that is told apart.

    Empty: there are none, or the classifier cannot be loaded.
    """
    identifier = load()
    if identifier is None or not words:
        return {}
    return dict(identifier.rank(" ".join(words)))


def load() -> LanguageIdentifier | None:
    """The classifier, loaded once, with the languages in `NAMES` alone: the others are dropped.

    None: it cannot be loaded, which is logged once. May be called on any thread.
    """
    with _lock:
        if not _loaded:
            try:
                _loaded.append(_load())
            except OSError as error:  # it is unpacked into a temporary file
                log.warning("the language of texts will not be looked at: %s", error)
                _loaded.append(None)
        return _loaded[0]


def _load() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    full = LanguageIdentifier.from_model_file(MODEL_FILE)
    full.set_languages([*NAMES.keys() & set(full.labels), _NOTHING])
    return LanguageIdentifier(
        full.nb_ptc.copy(), full.nb_pc, full.nb_classes, full.tk_nextmove, full.tk_output,
        tk_row=full.tk_row,
    )  # fmt: skip
