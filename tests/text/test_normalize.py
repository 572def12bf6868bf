"""What a voice gets to read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibevoice_pro.text.normalize import normalize
from vibevoice_pro.text.scripts import drop_unreadable, speakable


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Hello\x00 there\x07", "Hello there"),
        ("zero\u200bwidth \u202eright\u202c \ufeffmark", "zerowidth right mark"),
        ("half a \ud83d pair", "half a pair"),
        ("party 🎉👩‍👩‍👧 time 👍🏽", "party time"),
        ("ﬁne Ｗｉｄｅ 𝐁𝐨𝐥𝐝", "fine Wide Bold"),
        ("cafe\u0301", "café"),
        ("it’s ‘so’", "it's 'so'"),
        ("**bold** and _it_ and `code` and ~~gone~~", "bold and it and code and gone"),
        ("snake_case stays, 2 * 3 stays", "snake_case stays, 2 * 3 stays"),
        ("# Heading", "Heading"),
        ("- item", "item"),
        ("[the docs](https://example.com/x) here", "the docs here"),
        ("[hibari](/hibˈɑɹi/)", "[hibari](/hibˈɑɹi/)"),
        ("mail joe@x.org!", "mail joe@x.org!"),
        ("a <b>bold</b> word<br/>", "a bold word"),
        ("if a < b and c > d", "if a < b and c > d"),
        ("| Name | Age |\n|---|:-:|\n| Ann | 31 |", "Name, Age. Ann, 31."),
        ("```python\nx = 1\n```\nDone.", "x = 1 Done."),
        ("㎏ ℃ №", "kg °C No"),
        ("What?!?! No!!!!", "What?!?! No!"),
        ("wait......", "wait…"),
        ("1234567890123456789", "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9"),
        ("x² ½ 20 °C", "x² ½ 20 °C"),
        (" \n\t ", ""),
    ],
)
def test_normalize(raw: str, clean: str) -> None:
    assert normalize(raw) == clean


@given(st.text())
def test_nothing_unsayable_is_left(text: str) -> None:
    clean = normalize(text)
    assert clean == clean.strip()
    assert "\n" not in clean
    clean.encode("utf-8")  # raises at a lone surrogate
    assert clean.isprintable()


@pytest.mark.parametrize(
    ("text", "language", "rest", "dropped"),
    [
        ("The word 你好 means hello", "en", "The word means hello", {"Chinese characters"}),
        ("Привет", "en", " ", {"Cyrillic"}),
        ("שלום 5", "en", " 5", {"Hebrew"}),
        ("naïve Zoë", "en-US", "naïve Zoë", set()),
        ("こんにちは world", "ja", "こんにちは world", set()),
        ("Привет", "ru", "Привет", set()),
    ],
)
def test_foreign_scripts(text: str, language: str, rest: str, dropped: set[str]) -> None:
    assert drop_unreadable(text, language) == (rest, dropped)


def test_speakable() -> None:
    assert speakable("a") and speakable("5") and speakable("你")  # noqa: PT018
    assert not speakable("… — !?")
    assert not speakable("")
