"""Words that are said in another way: which are found, and what a lexicon may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.text.lexicon import (
    MAX_ENTRIES,
    Lexicon,
    check_entries,
    lexicon_of,
    load_lexicons,
    phonemes_of,
)

ENTRIES = {"nginx": "engine x", "C++": "see plus plus", "US": "you ess", "us": "us",
           "東京": "とうきょう", "東京都": "とうきょうと"}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nginx, Nginx NGINX", ["engine x"] * 3),
        ("mynginx nginxes nginx2", []),
        ("C++, c++ C++17 aC++", ["see plus plus"] * 2),
        ("US us Us", ["you ess", "us", "us"]),
        ("私は東京都と東京です", ["とうきょうと", "とうきょう"]),
        ("(nginx)'s", ["engine x"]),
    ],
)
def test_whole_words_are_found(text: str, found: list[str]) -> None:
    lexicon = Lexicon(check_entries(ENTRIES))
    assert [said for _, _, said in lexicon.find(text, 0, len(text))] == found


def test_a_request_goes_before_the_house() -> None:
    lexicon = lexicon_of((("a", "own"),), (("a", "house"), ("b", "house")))
    assert [said for *_, said in lexicon.find("a b", 0, 3)] == ["own", "house"]


def test_phonemes_stand_between_slashes() -> None:
    assert phonemes_of("/ˈtest/") == "ˈtest"
    assert phonemes_of("and/or") == phonemes_of("//") == ""


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"": "x"}, "1 to 64 characters"),
        ({"two words": "x"}, "no spaces"),
        ({"a" * 65: "x"}, "1 to 64 characters"),
        ({"--": "x"}, "a letter or a digit"),
        ({"a": " "}, "1 to 200 characters"),
        ({"a": "x" * 201}, "1 to 200 characters"),
        ({"a": 1}, "a word and a text"),
        ({f"w{i}": "x" for i in range(MAX_ENTRIES + 1)}, "500 entries at most"),
        (["a"], "must map words"),
    ],
)
def test_what_a_request_may_bring(entries: dict, message: str) -> None:
    with pytest.raises(BadParameter, match=message) as refused:
        check_entries(entries)
    assert refused.value.field == "lexicon"


def written(tmp_path: Path, text: str, name: str = "words.yaml") -> str:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return str(path)


def test_a_file_for_all(tmp_path: Path) -> None:
    text = "en:\n  nginx: engine x\n  Ann: /æn/\nen-GB-Emma_woman:\n  route: root\n"
    assert load_lexicons(written(tmp_path, text)) == {
        "en": (("Ann", "/æn/"), ("nginx", "engine x")), "en-GB-Emma_woman": (("route", "root"),)
    }  # fmt: skip
    assert load_lexicons(written(tmp_path, '{"en": {"a": "b"}}', "words.json"))
    assert load_lexicons("") == load_lexicons(written(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("en:\n  a: b\n  a: c\n", "line 3: 'a' comes twice"),
        ("en:\n  a: b\n  two words: c\n", "line 3: a word has"),
        ("en:\n  a: [b]\n", "line 2: an entry is a word and a text"),
        ("en: nothing\n", "line 1: expected a mapping of words"),
        ("- en\n", "line 1: expected a mapping of languages"),
        ("12: {a: b}\n", "line 1: expected a language"),
        ("en: {a: b\n", "line 2: it is no YAML"),
        ("[" * 5000, "no YAML"),
    ],
)
def test_a_wrong_file_is_told_by_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadParameter, match=message) as refused:
        load_lexicons(written(tmp_path, text))
    assert "words.yaml" in str(refused.value)


def test_json_is_told_by_line(tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match="line 2: it is no JSON"):
        load_lexicons(written(tmp_path, '{"en":\n {a: "b"}}', "words.json"))
    with pytest.raises(BadParameter, match="can't be read"):
        load_lexicons(str(tmp_path / "missing.yaml"))
