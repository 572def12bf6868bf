"""Which language a text is in: no false alarms, whatever the text; then as many hits as can be."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibevoice_pro.bench.sentences import SENTENCES
from vibevoice_pro.text import detect
from vibevoice_pro.text.detect import by_script, foreign, name_of, plain_words, plainly_own

CLEARLY = {
    "de": "Guten Morgen! Ich möchte gerne wissen, wann der nächste Zug nach Hamburg fährt.",
    "en": "Could you please tell me when the next train to the city is going to leave?",
    "es": "Buenos días, quisiera saber a qué hora sale el próximo tren para la ciudad.",
    "fr": "Bonjour, je voudrais savoir à quelle heure part le prochain train pour la ville.",
    "it": "Buongiorno, vorrei sapere a che ora parte il prossimo treno per la città.",
    "ja": "すみません、次の電車は何時に出ますか。",
    "ko": "실례합니다, 다음 기차는 몇 시에 출발합니까?",
    "nl": "Goedemorgen, ik zou graag willen weten hoe laat de volgende trein vertrekt.",
    "pl": "Dzień dobry, chciałbym wiedzieć, o której godzinie odjeżdża następny pociąg.",
    "pt": "Bom dia, gostaria de saber a que horas sai o próximo comboio para a cidade.",
    "sv": "God morgon, jag skulle vilja veta när nästa tåg till staden avgår i dag.",
    "zh": "请问下一班去市中心的火车几点出发？",
}
LATIN = sorted(CLEARLY.keys() - {"ja", "ko", "zh"})

ENGLISH = (
    "The Bundesverfassungsgericht in Karlsruhe ruled on the Grundgesetz, Angela Merkel said.",
    "He said 'Guten Morgen, wie geht es Ihnen?' and I answered in English as best I could.",
    "wie, was, wo, wann, warum are the German question words",
    "PLEASE STAND CLEAR OF THE DOORS. THIS TRAIN IS BOUND FOR COCKFOSTERS AND ALL STATIONS.",
    "- apples\n- pears\n- bananas\n- flour\n- sugar\n- milk\n- eggs\n- butter\n- cheese\n- bread",
    "for i in range(10): print(i, x_y, fooBar) if a else None; def f(x): return x ** 2",
    "Mozart, Beethoven, Schubert, Brahms, Wagner, Strauss, Mahler, Bruckner, Händel, Bach",
    "Wesley Snipes, Angelina Jolie, Antonio Banderas, Penelope Cruz, Gael Garcia Bernal",
    "hahahaha lol omg idk brb tbh imho smh ttyl gtg rofl lmao",
    "sudo apt-get install python3-dev && pip install --upgrade numpy scipy pandas",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen",
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november",
    "https://www.example.de/ueber-uns/impressum see this for the details of the German law",
    "`import numpy as np; const größe = die.Straße` is not valid in any language",
    "na na na na na na na na na na na na hey hey hey goodbye la la la la la la",
    "3.14 + 2.71 = 5.85, 10 km, 25 °C, 1 234 567,89 €",
    "", "…", "a", "Thank you.",
)  # fmt: skip


@pytest.mark.parametrize("text", [*ENGLISH, *SENTENCES])
def test_english_is_no_foreign_language_to_an_english_voice(text: str) -> None:
    assert foreign(text, ["en"]) is None


def test_prose_needs_no_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "load", lambda: pytest.fail("loaded"))
    text = "When the rain finally stopped, the people who had been waiting under the trees went on."
    assert plainly_own(text, ["en-US"])
    assert foreign(text, ["en-US"]) is None


@pytest.mark.parametrize("own", LATIN)
@pytest.mark.parametrize("language", LATIN)
def test_each_language_to_each_voice(own: str, language: str) -> None:
    expected = None if language == own else language
    # Portuguese and Spanish have much in common: a sentence may not be enough.
    assert foreign(CLEARLY[language], [own]) in ({expected, None} if own in "pt es" else {expected})


@pytest.mark.parametrize("language", LATIN)
def test_one_of_several_languages_is_enough(language: str) -> None:
    assert foreign(CLEARLY[language], ["en", "de", language]) is None


@pytest.mark.parametrize(
    ("language", "own", "expected"),
    [
        ("ja", "ja", None), ("ko", "ko", None), ("zh", "zh", None),
        ("zh", "ja", "zh"),  # a Japanese voice reads the characters, in its own way
        ("ja", "en", None), ("zh", "de", None), ("ko", "ja", None),  # left out, which is told
        ("en", "ja", "en"), ("de", "zh", "de"),
    ],
)  # fmt: skip
def test_the_script_decides_first(language: str, own: str, expected: str | None) -> None:
    assert foreign(CLEARLY[language], [own]) == expected


def test_japanese_with_english_names_is_japanese() -> None:
    text = "OpenAIのGPTとAnthropicのClaudeをPythonで比べました。"
    assert by_script(text) == "ja"
    assert foreign(text, ["ja"]) is None


def test_letters_of_no_language_that_is_told_apart() -> None:
    assert by_script("Привет, как дела?") is None
    assert by_script("12 + 3 = 15") is None
    assert foreign("Привет, как дела? Всё хорошо.", ["en"]) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The cat, “and” the dog!", ["cat", "and", "the", "dog"]),
        ("see `some_code()` or <b>bold</b> text", ["see", "or", "bold", "text"]),
        ("camelCase snake_case x1 NASA e-mail", ["e-mail"]),
        ("[tomato](/təmɑːtəʊ/) soup, a.b@example.org", ["soup"]),
        ("ALL IN CAPITALS", ["all", "in", "capitals"]),
        ("l'été n’est pas fini", ["l'été", "n’est", "pas", "fini"]),
    ],
)
def test_plain_words(text: str, words: list[str]) -> None:
    assert plain_words(text) == words


def test_capitals_have_a_language_too() -> None:
    assert foreign(CLEARLY["de"].upper(), ["en"]) == "de"
    assert foreign(CLEARLY["en"].upper(), ["de"]) == "en"


def test_a_classifier_that_cannot_be_loaded_is_done_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    monkeypatch.setattr(detect, "_loaded", [])
    for _ in range(2):
        assert foreign(CLEARLY["de"], ["en"]) is None
    assert caplog.text.count("the language of texts will not be looked at") == 1


@given(st.text(max_size=400))
def test_any_text_can_be_looked_at(text: str) -> None:
    assert foreign(text, ["en"]) in {None, *detect.NAMES}


def test_names() -> None:
    assert (name_of("de-AT"), name_of("xx")) == ("German", "xx")
