"""Text in other languages is cut where their words say."""

from __future__ import annotations

import pytest

from vibevoice_pro.text.languages import LANGUAGES, language_of
from vibevoice_pro.text.languages.base import Language
from vibevoice_pro.text.segment import Segmenter


def pieces(text: str, language: str) -> list[str]:
    segmenter = Segmenter(language=language)
    segmenter.feed(text)
    segmenter.finish()
    return [piece.text for piece in iter(segmenter.take, None)]


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES.keys())
def test_all_words_are_as_they_are_compared(language: Language) -> None:
    for words in (language.abbreviations, language.conjunctions, language.prepositions,
                  language.sticky, language.before_numbers):  # fmt: skip
        assert all(word == word.lower().strip(" .,\"'(") for word in words)


@pytest.mark.parametrize(
    ("code", "same"), [("en-US", "en"), ("de_AT", "de"), ("PT-br", "pt"), ("zh-Hans-CN", "zh")]
)
def test_a_region_changes_nothing(code: str, same: str) -> None:
    assert language_of(code) is LANGUAGES[same]


def test_of_an_unknown_language_nothing_is_known() -> None:
    assert language_of("xx") == Language()
    assert pieces("Raz dwa trzy. Cztery pięć sześć.", "xx") == [
        "Raz dwa trzy.",
        "Cztery pięć sześć.",
    ]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "Das kostet ca. Zehn Euro. Gut so.", ["Das kostet ca. Zehn Euro.", "Gut so."]),
        ("de", "Wir gingen hinunter zum Fluss und dann sahen wir das Boot.",
         ["Wir gingen hinunter zum Fluss", "und dann sahen wir das Boot."]),
        ("fr", "Nous avons vu Mme. Dupont hier.", ["Nous avons vu Mme. Dupont hier."]),
        ("fr", "Il a vu le vieux bateau et puis il est rentré.",
         ["Il a vu le vieux bateau", "et puis il est rentré."]),
        ("es", "La vi con la Sra. García ayer.", ["La vi con la Sra. García ayer."]),
        ("it", "Abbiamo visto il Sig. Rossi ieri.", ["Abbiamo visto il Sig. Rossi ieri."]),
        ("pt", "Eu vi a Sra. Silva ontem.", ["Eu vi a Sra. Silva ontem."]),
        ("nl", "Wij zagen Mevr. Jansen gisteren.", ["Wij zagen Mevr. Jansen gisteren."]),
        ("pl", "Mieszka przy ul. Długiej od dawna.", ["Mieszka przy ul. Długiej od dawna."]),
        ("ja", "今日は天気がいい。散歩に行こう。", ["今日は天気がいい。", "散歩に行こう。"]),
        ("zh", "今天天气很好。我们去走走吧。", ["今天天气很好。", "我们去走走吧。"]),
        ("ko", "오늘은 날씨가 좋다. 산책을 가자.", ["오늘은 날씨가 좋다.", "산책을 가자."]),
    ],
)  # fmt: skip
def test_pieces(language: str, text: str, expected: list[str]) -> None:
    assert pieces(text, language) == expected
