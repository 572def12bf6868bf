"""Text that enters can always be encoded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibevoice_pro.text.clean import clean


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bad \ud800 word", "bad \ufffd word"),
        ("\udfff\ud800", "\ufffd\ufffd"),
        ("half of \ud83d", "half of \ufffd"),
        ("", ""),
    ],
)
def test_lone_surrogates_are_replaced(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize("text", ["Hello.", "Zoë 你好 👩‍👩‍👧 \ufffd", "\x00\ufeff"])
def test_other_text_is_returned_as_it_came(text: str) -> None:
    assert clean(text) is text


@given(st.text(st.characters(exclude_categories=[])))
def test_positions_stay_and_the_result_can_be_encoded(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) == len(text)
    assert all(a == b or "\ud800" <= b <= "\udfff" for a, b in zip(cleaned, text, strict=True))
    cleaned.encode()
