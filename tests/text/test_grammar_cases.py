"""The cases of NeMo text processing: read right, or otherwise for a reason that is listed."""

from __future__ import annotations

import pytest

from tests.support.grammar_cases import LANGUAGES, cases, is_right, otherwise
from vibevoice_pro.text.reading.words import readable

OTHERWISE = otherwise()


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_are_read_right_or_listed(language: str) -> None:
    wrong = {w for w, ways in cases(language) if not is_right(w, ways, language)}
    assert wrong == {written for code, written in OTHERWISE if code == language}


@pytest.mark.parametrize(("language", "written"), OTHERWISE)
def test_what_is_said_instead(language: str, written: str) -> None:
    assert readable(written, language)[0] == OTHERWISE[language, written]
