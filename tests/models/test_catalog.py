"""Which voice speaks, and whose it is."""

from __future__ import annotations

import pytest

from tests.support.tone import ToneModel
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.catalog import Catalog

ENGLISH = ToneModel(voice="en-One")
GERMAN = ToneModel(voice="de-Eins", language="de-DE")


@pytest.fixture
def catalog() -> Catalog:
    return Catalog([ENGLISH, GERMAN])


def test_voices_of_all_models_in_order(catalog: Catalog) -> None:
    assert list(catalog.entries) == ["en-One", "de-Eins"]
    assert catalog.find("de-Eins").model is GERMAN.info
    assert catalog.find("en-One").model is ENGLISH.info


@pytest.mark.parametrize(
    ("voice", "language", "found"),
    [
        ("", "", "en-One"),
        ("de-Eins", "", "de-Eins"),
        ("de-Eins", "en", "de-Eins"),  # a voice that is named is the one that speaks
        ("", "de", "de-Eins"),
        ("", "DE-AT", "de-Eins"),
        ("", "en-GB", "en-One"),
    ],
)
def test_finds(catalog: Catalog, voice: str, language: str, found: str) -> None:
    assert catalog.find(voice, language).voice.id == found


def test_a_voice_that_is_not_there(catalog: Catalog) -> None:
    with pytest.raises(BadParameter, match="one of en-One, de-Eins; got 'nobody'") as error:
        catalog.find("nobody")
    assert error.value.field == "voice"


def test_a_language_that_nobody_speaks(catalog: Catalog) -> None:
    with pytest.raises(BadParameter, match="one of de-DE, en, which") as error:
        catalog.find(language="pl")
    assert error.value.field == "language"


def test_the_default_can_be_named() -> None:
    assert Catalog([ENGLISH, GERMAN], "de-Eins").find().voice.id == "de-Eins"
    with pytest.raises(BadParameter, match="default_voice must be one of"):
        Catalog([ENGLISH, GERMAN], "nobody")


def test_of_two_voices_with_one_name_the_first_speaks(caplog: pytest.LogCaptureFixture) -> None:
    other = ToneModel(voice="en-One", language="fr")
    catalog = Catalog([ENGLISH, other])
    assert catalog.find("en-One").model is ENGLISH.info
    assert "two models have a voice en-One" in caplog.text
