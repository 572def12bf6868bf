"""How Japanese is read, and which written word each sound belongs to."""

from __future__ import annotations

import time

import pytest

from vibevoice_pro.models.kokoro.words import Reader
from vibevoice_pro.models.phrases.words import TooLong
from vibevoice_pro.text.reading.words import readable
from vibevoice_pro.text.scripts import speakable


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("今日は、寒いですね。", "今日 kʲoː | は、 βa, | 寒い samɯi | です desɨ | ね。 ne."),
        ("「行った」と言った。", "「行った」 “iʔta” | と to | 言った。 iʔta."),
        ("（本当に？）", "（本当に？） «hontoːɲi?»"),
        ("2024年に、", "2024 ɲi seɴ ɲiʥɨːjo | 年 neɴ | に、 ɲi,"),
        ("9:30に3.5kg", "9:30 kɯʥi saɲʥɨʔpɯɴ | に ɲi | 3.5kg saɴ teɴ ɡo kʲiɾoɡɯɾamɯ"),
        ("何を？何人？", "何 naɲi | を？ o? | 何 naɴ | 人？ ɲiɴ?"),
        ("APIとAI", "API eːpʲiːai | と to | A eː | I ai"),
        ("Pythonでpushした", "Python pˈIθˌɑn | で de | push pˈʊʃ | した ɕita"),
        ("example.com", "example eɡɯʣampɯɾɯ | . doʔto | com komɯ"),
        ("ﾃﾞﾓ　です", "ﾃﾞﾓ demo | です desɨ"),
        ("**太字**です 😀", "太字 ɸɯtoʥi | です desɨ"),
        ("。、！", ""),
        ("ー", "ー ː"),
    ],
)
def test_words_and_phonemes(reader: Reader, written: str, expected: str) -> None:
    words = reader.read(written, readable(written, "ja")[0])
    said = [f"{written[slice(*word.chars)]} {word.phonemes}" for word in words if word.sounds]
    assert " | ".join(said) == expected


def test_what_is_read_alike_is_written_in_order(reader: Reader) -> None:
    written = "私は2月3日の午後9:30に、GitHubで**3.5kg**の「荷物」を頼んだ。" * 3
    words = reader.read(written, readable(written, "ja")[0])
    ends = [0]
    for word in words:
        assert word.chars[0] >= ends[-1]
        assert word.chars[1] > word.chars[0]
        ends.append(word.chars[1])
    assert ends[-1] == len(written)


@pytest.mark.parametrize(
    "sign", [*"あ漢1aAー々つ、（？ｱ㍿ʔ̈́", "1-", "a1", "ん、", "東京都", "\u3099"]
)
def test_any_text_is_read_soon(reader: Reader, sign: str) -> None:
    for written in (sign, (sign * 400)[:400]):
        spelled = readable(written, "ja")[0]
        began = time.perf_counter()
        try:
            words = reader.read(written, spelled) if speakable(spelled) else []
        except TooLong:
            assert len(written) > 1
            continue
        assert time.perf_counter() - began < 0.5, "a fifth of that on a quiet machine"
        assert all(0 <= w.chars[0] <= w.chars[1] <= len(written) for w in words)
