"""Where the language of a text changes, however the text arrives."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text.test_detect import CLEARLY
from tests.text.test_linear import growth
from vibevoice_pro.text import detect
from vibevoice_pro.text.runs import LOOKS, Runs, Stretch, choose

EN = "I would like to know when the next train to the city is going to leave. "
DE = "Ich möchte gerne wissen, wann der nächste Zug nach Hamburg fährt. "
JA = "すみません、次の電車は何時に出ますか。"
BOTH = ("en", "de")


def given_out(runs: Runs) -> list[Stretch]:
    """All stretches that are certain."""
    found = []
    while (stretch := runs.next()) is not None:
        found.append(stretch)
    return found


def joined(stretches: Sequence[Stretch]) -> list[tuple[str, str, bool]]:
    """Language, text and whether a flush ends it, of what is given out in several stretches."""
    runs: list[tuple[str, str, bool]] = []
    for stretch in stretches:
        if runs and runs[-1][2] and not stretch.text:
            continue  # a flush after a flush
        if runs and not runs[-1][2] and runs[-1][0] == stretch.language:
            runs[-1] = (stretch.language, runs[-1][1] + stretch.text, stretch.flush)
        else:
            runs.append((stretch.language, stretch.text, stretch.flush))
    return runs


def cut(text: str, languages: Sequence[str] = BOTH, before: str = "en") -> list[tuple[str, str]]:
    """Languages and texts of a whole text."""
    runs = Runs(languages, before)
    runs.feed(text)
    runs.flush()
    stretches = given_out(runs)
    assert runs.empty
    assert "".join(s.text for s in stretches) == text
    starts = [s.start for s in stretches]
    assert starts == sorted(starts)
    groups = groupby(stretches, key=lambda s: s.language)
    return [(language, "".join(s.text for s in group)) for language, group in groups]


def test_each_sentence_in_its_language() -> None:
    assert cut(EN + EN + DE + EN) == [("en", EN + EN), ("de", DE), ("en", EN)]
    assert cut(DE + EN, before="en") == [("de", DE), ("en", EN)]


def test_lines_are_sentences_too() -> None:
    assert cut("How do I get to the station\nWie komme ich zum Bahnhof\n") == [
        ("en", "How do I get to the station\n"), ("de", "Wie komme ich zum Bahnhof\n")
    ]  # fmt: skip


def test_scripts() -> None:
    languages = ("en", "ja", "ru")
    assert cut(f"{EN}{JA}{EN}", languages) == [("en", EN), ("ja", JA), ("en", EN)]
    assert cut("Привет, как дела? Well then, let us go.", languages)[0][0] == "ru"
    assert cut("请问下一班去市中心的火车几点出发？", languages)[0][0] == "ja", "it can read that"
    assert cut("请问下一班去市中心的火车几点出发？", ("en", "ja", "zh"), "ja")[0][0] == "zh"
    assert cut("東京です。", ("en", "ja", "zh"))[0][0] == "ja"
    assert cut("東京。", ("en", "ja", "zh"), "ja")[0][0] == "ja", "as it was before"
    assert cut("실례합니다. ", languages)[0][0] == "en", "nobody here can read it"


@pytest.mark.parametrize("before", BOTH)
@pytest.mark.parametrize(
    "text", ["OK.", "Hm.", "1989.", "Angela Merkel.", "- 5 %", "…", "San Francisco!", "Dr. Smith."]
)
def test_what_is_not_clear_stays_where_it_was(text: str, before: str) -> None:
    assert cut(text, before=before) == [(before, text)]


def test_an_abbreviation_is_no_sentence() -> None:
    text = "Mr. Johnson would like to know when the train is going to leave. "
    assert cut(text, before="de") == [("en", text)]


def test_a_language_that_nobody_speaks_stays_where_it_was() -> None:
    swedish = "Jag skulle vilja veta när nästa tåg till staden avgår i dag. "
    for before in BOTH:
        assert cut(swedish, before=before) == [(before, swedish)]


@pytest.mark.parametrize("before", sorted(CLEARLY))
@pytest.mark.parametrize("language", sorted(CLEARLY.keys() - {"nl"}))
def test_all_languages_from_each(language: str, before: str) -> None:
    assert cut(CLEARLY[language], sorted(CLEARLY), before)[-1][0] == language


def test_the_language_is_known_after_a_few_words() -> None:
    for text, language in ((EN, "en"), (DE, "de")):
        runs = Runs(BOTH, "en")
        fed = 0
        while not (found := given_out(runs)):
            runs.feed(text[fed])
            fed += 1
        assert found[0].language == language
        assert fed <= LOOKS[1]


PIECES = (
    EN, DE, JA, "OK. ", "Hm", " ", "\n", "   ", "Dr. ", "Well! ", "Ja. ", "?", "。", "”", "a" * 130,
    "Guten Morgen", "I am", "...", "z. B. ", "e.g. ", "2024 ", "\t\n ", "( ", "Привет. ",
)  # fmt: skip


@given(st.data())
def test_how_the_text_arrives_changes_nothing(data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.sampled_from(PIECES).map("".join), min_size=1, max_size=12))
    turns = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    languages, before = ("en", "de", "ja"), "en"
    whole, bits = Runs(languages, before), Runs(languages, before)
    stretches = []
    for text, turn in zip(texts, turns, strict=True):
        whole.feed(text)
        while text:
            size = data.draw(st.integers(1, len(text)))
            bits.feed(text[:size])
            text = text[size:]
            stretches += given_out(bits)
        if turn:
            whole.flush()
            bits.flush()
            stretches += given_out(bits)
    whole.flush()
    bits.flush()
    assert joined(stretches + given_out(bits)) == joined(given_out(whole))
    assert whole.empty
    assert bits.empty


def test_it_can_begin_at_any_word_of_a_sentence() -> None:
    text = EN + DE + EN
    expected = [s.language for s in _letters(text, Runs(BOTH, "en"))]
    for at in (i + 1 for i, letter in enumerate(text) if letter == " " and text[i + 1 :]):
        runs = Runs(BOTH, expected[at], at, inside=True)
        assert [s.language for s in _letters(text[at:], runs)] == expected[at:]


def _letters(text: str, runs: Runs) -> list[Stretch]:
    """A stretch for each letter, to compare them."""
    runs.feed(text)
    runs.flush()
    return [
        Stretch(letter, s.start + i, s.language, False)
        for s in given_out(runs)
        for i, letter in enumerate(s.text)
    ]


def test_a_pause_lets_go_of_whole_words() -> None:
    runs = Runs(BOTH, "en")
    runs.feed("Guten Mor")
    assert given_out(runs) == []
    assert runs.pause(unspoken=False) == 5
    assert joined(given_out(runs)) == [("en", "Guten", True), ("en", " ", False)]
    assert runs.pause(unspoken=False) is None
    runs.feed("gen und")
    assert runs.pause(unspoken=False) == 12
    assert joined(given_out(runs))[0] == ("en", "Morgen", True)


def test_a_pause_is_a_flush_at_that_place() -> None:
    text = DE + "Und dann wollte ich no"
    paused, flushed = Runs(BOTH, "en"), Runs(BOTH, "en")
    paused.feed(text)
    first = given_out(paused)
    place = paused.pause(unspoken=True)
    assert place == len(text) - 3
    flushed.feed(text[:place])
    flushed.flush()
    for runs in (paused, flushed):
        runs.feed("ch fragen." if runs is paused else " noch fragen.")
        runs.flush()
    assert joined(first + given_out(paused)) == joined(given_out(flushed))


def test_flushes_do_not_pile_up() -> None:
    runs = Runs(BOTH, "en")
    for _ in range(1000):
        runs.flush()
    assert len(given_out(runs)) == 1


@pytest.mark.parametrize("pattern", ["a", " ", "\n", "a. ", "。", "I am here. ", "...", "Dr. "])
def test_the_time_grows_with_the_text(pattern: str) -> None:
    detect.load()
    assert growth(lambda text: cut(text), pattern, 5_000) < 25


def test_little_is_given_out_at_once() -> None:
    runs = Runs(BOTH, "en")
    runs.feed("a" * 100_000 + " and so on " * 10_000)
    assert max(len(s.text) for s in given_out(runs)) <= 400


def test_without_the_classifier_the_scripts_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "load", lambda: None)
    assert choose(DE, "en", BOTH) == "en"
    assert choose(JA, "en", ("en", "ja")) == "ja"
