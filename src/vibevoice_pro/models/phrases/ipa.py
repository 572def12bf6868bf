"""From the International Phonetic Alphabet to the phonemes that Kokoro was trained with.

Its alphabet is a form of the IPA: some diphthongs and affricates are one sign, and the stress
stands before the vowel, not before the syllable. See misaki, `EN_PHONES.md`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

from vibevoice_pro.models.phrases.words import PAUSES

_SIGNS = {
    "eɪ": "A", "aɪ": "I", "aʊ": "W", "oʊ": "O", "əʊ": "Q", "ɔɪ": "Y",
    "tʃ": "ʧ", "dʒ": "ʤ", "ts": "ʦ", "dz": "ʣ", "tɕ": "ʨ", "dʑ": "ʥ", "dʝ": "ʥ",
    "ɝ": "ɜɹ", "ɚ": "əɹ", "g": "ɡ", "'": "ˈ", ":": "ː", "ɫ": "l", "ɱ": "m",
}  # fmt: skip
_ENGLISH = {"r": "ɹ", "ɐ": "ʌ", "e": "ɛ", "o": "O", "a": "ɑ", "ː": "", "ʰ": ""}
MAX_SIGNS = 100
"""Phonemes of a word, as many as are spoken at once."""

_LEFT_OUT = re.compile("[.‿͜͡ˑ\u0329\u032f\u0361|‖]")
_SIGN = re.compile("|".join(sorted(map(re.escape, _SIGNS), key=len, reverse=True)))
_MAX_WORD = 40  # characters
_VOWELS = "AIOQWYaeiouæɐɑɒɔəɚɛɜɝɨɪɯɤøœʊʌᵊᵻ"
_STRESS = re.compile(rf"([ˈˌ])([^\s{_VOWELS}ˈˌ]+)(?=[{_VOWELS}])")


def phonemes(ipa: str, known: Container[str], english: bool) -> str:
    """The phonemes for `ipa`, words parted by single spaces.

    Args:
        ipa: phonemes in the IPA, or in Kokoro's alphabet.
        known: the phonemes of the network.
        english: whether it is English as a dictionary writes it, with `r` for `ɹ`.

    Raises:
        ValueError: there is a sign that the network does not know, or none at all; one sentence.
    """
    text = _LEFT_OUT.sub("", unicodedata.normalize("NFC", ipa.strip().strip("/[]")))
    text = _SIGN.sub(lambda m: _SIGNS[m.group()], text)
    if english:
        text = "".join(_ENGLISH.get(char, char) for char in text)
    text = _STRESS.sub(r"\2\1", " ".join(text.split()))
    if unknown := sorted({char for char in text if char not in known or char in ',.()[]/"“”'}):
        raise ValueError(f"the voice has no phoneme {', '.join(unknown[:5])}")
    if PAUSES.issuperset(text):
        raise ValueError("no phonemes were given")
    if max(map(len, text.split())) > MAX_SIGNS:
        raise ValueError(f"a word has {MAX_SIGNS} phonemes at most")
    return text


def linked(word: str, said: str) -> str:
    """The text that `[word](/phonemes/)` is read from: one for each word of the phonemes, as the
    text may be parted at a space.

    Args:
        word: as it is written.
        said: its phonemes.
    """
    parts, words = said.split(), word.split()
    if len(parts) != len(words):
        words = ["".join(words)] * len(parts)
    bare = ["".join(filter(str.isalnum, each))[:_MAX_WORD] or "x" for each in words]
    return " ".join(f"[{each}](/{part}/)" for each, part in zip(bare, parts, strict=True))
