"""The time for any text grows with its length and no faster.

Each pattern is repeated to a text and to one ten times as long. A quadratic step would take a
hundred times as long for the second, a linear one takes ten times as long; 25 is the bound, for the
best of several tries, so that a busy machine fails nobody.
"""

from __future__ import annotations

import sys
import time
import unicodedata
from collections.abc import Callable

import pytest

from vibevoice_pro.text.clean import clean
from vibevoice_pro.text.normalize import normalize
from vibevoice_pro.text.reading.words import readable
from vibevoice_pro.text.segment import SCRAPS, Segmenter

LISTED = """
1- [a]( a. a_b state-of-the-art-of-the- https://a.b/c?d=e&f www. http:// a@ a@a. a@a 7% &&& *a `a` (
[ ] ]( ![ 1, 1. 1: 1/ $1 1e x^ x^2 x^{ v1 1st 1–2 #1 ~1 1x1 a*1 <1> deadbeef01 SGVsbG8h Ⅷ 你好 5°C ½
² α a's M aA 1a \ufdfa \U0001f468\u200d e\u0301\u0316 。 あ は東 …
""".split()
LISTED += ["\n", "-\n", "- ", "--\n", "=\n", "> ", "# ", "May 1 ", "1 / 2 ", "1-2= ", "-\n\n"]
PAIRS = [a + b for a in "a1 -([*`>#@./" for b in "a1\n-([*_`>#@.:/)" if a != b]
CATEGORIES = {unicodedata.category(c): c for c in map(chr, range(sys.maxunicode + 1))}
PATTERNS = sorted({*LISTED, *PAIRS, *CATEGORIES.values()})


def growth(call: Callable[[str], object], pattern: str, length: int, least: float = 0.0) -> float:
    """How much longer `call` takes for ten times `length` characters.

    `least`: seconds that count as taken for `length`, if it was less.
    """
    short, long = (pattern * (n // len(pattern) + 1) for n in (length, 10 * length))
    best = [float("inf"), float("inf")]
    for _ in range(6):
        for i, text in enumerate((short, long)):
            began = time.perf_counter()
            call(text)
            best[i] = min(best[i], time.perf_counter() - began)
        if best[1] < 25 * max(best[0], least):
            break
    return best[1] / max(best[0], least)


def cut(text: str) -> None:
    segmenter = Segmenter(SCRAPS)
    segmenter.feed(text)
    segmenter.finish()
    while segmenter.take() is not None:
        pass
    assert segmenter.waiting == 0


@pytest.mark.parametrize("pattern", PATTERNS, ids=ascii)
def test_cleaning_a_text(pattern: str) -> None:
    assert growth(normalize, pattern, 2_000) < 25


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=ascii)
def test_reading_a_text(pattern: str, language: str) -> None:
    """Shorter, as a grammar takes 0.3 ms for some characters, and next to nothing for others."""
    assert growth(lambda text: readable(text, language), pattern, 200, least=0.01) < 25


@pytest.mark.parametrize("call", [clean, cut, normalize])
@pytest.mark.parametrize("pattern", ["a", "1-", "[a](", " ", "\n", "e\u0301\u0316", "\ud800", "你"])
def test_a_long_text(call: Callable[[str], object], pattern: str) -> None:
    assert growth(call, pattern, 10_000) < 25


def test_a_text_fed_letter_by_letter() -> None:
    def feed(text: str) -> None:
        segmenter = Segmenter()
        for letter in text:
            segmenter.feed(letter)
        segmenter.finish()
        while segmenter.take() is not None:
            pass

    assert growth(feed, "A sentence of this book is not long. ", 50_000) < 25
    assert growth(feed, "x", 50_000) < 25
