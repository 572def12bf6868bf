"""Phonemes of the IPA, as Kokoro's alphabet has them."""

from __future__ import annotations

import pytest

from vibevoice_pro.models.base import Phonetic
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.models.phrases.utterance import middle
from vibevoice_pro.text.reading.words import PRONOUNCED, readable


@pytest.mark.parametrize(
    ("ipa", "said"),
    [
        ("təˈmeɪtoʊ", "[word](/təmˈATO/)"),
        ("/təˈmɑː.təʊ/", "[word](/təmˈɑTQ/)"),
        ("tʃiːz", "[word](/ʧiz/)"),
        ("θɪŋk", "[word](/θɪŋk/)"),
        ("ˈrʌn", "[word](/ɹˈʌn/)"),
        ("nˈuː jˈɔːk", "[word](/nˈu/) [word](/jˈɔk/)"),
    ],
)
def test_english(compact: HibariModel, ipa: str, said: str) -> None:
    assert isinstance(compact, Phonetic)
    expected = said.replace("T", "T" if "T" in ipa else "t")
    assert compact.pronounced("word", ipa) == expected


@pytest.mark.parametrize("ipa", ["βaʘ", "(/a/)", ".", "a" * 101, "ˈ, ,"])
def test_what_is_not_one(compact: HibariModel, ipa: str) -> None:
    with pytest.raises(ValueError, match="phoneme"):
        compact.pronounced("word", ipa)


def test_phonemes_are_not_read() -> None:
    text = "I [think](/θˈɪŋk/) 5 [kg](/βɪɡ/)."
    assert readable(text, "en")[0] == "I [think](/θˈɪŋk/) five [kg](/βɪɡ/)."
    assert readable(text, "ja")[0].count("(/") == 2


def test_a_long_piece_is_not_cut_within_phonemes() -> None:
    text = "漢" * 5 + "[x](/sɯɕi/)" + "字" * 5
    at = middle(text)
    assert all(not m.start() < at < m.end() for m in PRONOUNCED.finditer(text))
    assert 0 < at < len(text)
