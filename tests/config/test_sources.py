"""Where settings come from, and what is said where one is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from vibevoice_pro.config.folder import Folder, find
from vibevoice_pro.config.settings import HOME, Settings
from vibevoice_pro.config.sources import allowed, read
from vibevoice_pro.errors import BadParameter


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.create()
    return made


def test_flags_before_environment_before_files(folder: Folder) -> None:
    folder.model_file.write_text("steps: 6\ncfg: 1.1\nport: 1111\nlead: 2\nhost: '::1'\n")
    folder.env_file.write_text("STEPS=7\nVIBE_CFG=1.2\nVIBEVOICE_PORT=2222\nLEAD=3\n")
    environment = {"VIBEVOICE_STEPS": "8", "VIBE_STEPS": "80", "VIBE_CFG": "1.3", "HOME": "/"}
    found = read({"steps": 9}, environment, folder)
    s = found.settings
    assert (s.steps, s.cfg, s.port, s.lead, s.host, s.watchdog) == (9, 1.3, 2222, 3.0, "::1", 10.0)
    assert [found.source(name) for name in ("steps", "cfg", "port", "host", "watchdog")] == [
        "flag", "environment, VIBE_CFG", f"{folder.env_file}, line 3",
        f"{folder.model_file}, line 5", "default",
    ]  # fmt: skip
    assert s.home == folder.cache


def test_without_a_folder_there_are_no_files() -> None:
    assert read({}, {}).settings.home == HOME


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (".env", "A\nSTPES=3\n", "line 2: there is no setting STPES (did you mean STEPS?); vibe"),
        (".env", "VIBE_STPES=3\n", "line 1: there is no setting VIBE_STPES (did you mean VIBE_STE"),
        (".env", "XQZW=3\n", "line 1: there is no setting XQZW; vibevoice-pro config lists them"),
        (".env", "STEPS=many\n", "line 1: steps must be a whole number from 1 to 100; got 'many'"),
        (".env", "LOG_LEVEL=loud", "log_level must be debug, info, warning or error; got 'loud'"),
        (".env", "MEMORY_LIMIT=lots", "memory_limit: a memory size looks like 4500MB or 2GiB; got"),
        (".env", "LEAD=0", "lead must be a number above 0; got '0'"),
        (".env", "MAX_STREAMS=0", "max_streams must be a whole number of at least 1; got '0'"),
        (".env", "STRICT_VOICES=maybe", "strict_voices must be true or false; got 'maybe'"),
        (".env", "='\n", "line 1: a line is NAME=value; got"),
        ("model.yaml", "# x\nmodle: auto\n", "line 2: there is no setting modle (did you mean mod"),
        ("model.yaml", "languages:\n  en:\n  jp:\n", "line 3: there is no language 'jp' (did you "
         "mean ja?); there are de, en"),
        ("model.yaml", "languages:\n  en:\n    voice: all\n", "line 3: a language has no key"),
        ("model.yaml", "languages: klingon\n", "line 1: a language is one of de, en"),
        ("model.yaml", "steps: 5: 6\n", "line 1: mapping values are not allowed here"),
        ("model.yaml", "- 1\n", "must hold names and values, like steps: 5"),
        ("model.yaml", "\tsteps: 5\n", "line 1: found character '\\t' that cannot start any token"),
        ("model.yaml", "steps: !!python/object:os.system 5\n", "could not determine a constructor"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(
    folder: Folder, file: str, text: str, message: str
) -> None:
    path = folder.path / "config" / file
    path.write_text(text)
    with pytest.raises(BadParameter) as error:
        read({}, {}, folder)
    assert str(error.value).startswith(f"{path}")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"VIBEVOICE_PRT": "1"},
            "there is no setting VIBEVOICE_PRT (did you mean VIBEVOICE_PORT?)",
        ),
        ({"VIBE_STEPS": "200"}, "environment, VIBE_STEPS: steps must be a whole number from 1 to"),
    ],
)
def test_the_environment(environment: dict[str, str], message: str) -> None:
    with pytest.raises(BadParameter) as error:
        read({}, environment)
    assert message in str(error.value)


def test_files_that_cannot_be_read(folder: Folder) -> None:
    folder.env_file.unlink()
    folder.env_file.mkdir()
    with pytest.raises(BadParameter, match="cannot be read: Is a directory"):
        read({}, {}, folder)
    folder.env_file.rmdir()
    folder.env_file.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(BadParameter, match="is no UTF-8 text"):
        read({}, {}, folder)
    folder.env_file.write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(BadParameter, match="has more than 1,048,576 bytes"):
        read({}, {}, folder)


def test_languages_as_text_list_or_blocks(folder: Folder) -> None:
    folder.model_file.write_text("languages:\n  en:\n    voices: [en-Heart_woman]\n#  ja:\n  de:\n")
    assert read({}, {}, folder).settings.languages == {"en": ("en-Heart_woman",), "de": ()}
    assert read({"languages": "en, ja"}, {}, folder).settings.languages == {"en": (), "ja": ()}
    assert read({"languages": ""}, {}, folder).settings.languages is None


def test_an_empty_volume_is_filled_with_commented_defaults(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    folder = find(tmp_path)
    assert folder is not None
    assert folder.env_file.read_text().startswith("# Settings")
    settings = read({}, {}, folder).settings
    assert settings.languages is not None
    assert settings.keys == str(folder.keys_file)
    assert settings.model_copy(update={"languages": None, "keys": ""}) == Settings()
    folder.env_file.write_text("STEPS=9\n")
    assert find(tmp_path) == folder
    assert read({}, {}, folder).settings.steps == 9, "what is there is kept"


def test_where_the_working_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIBEVOICE_FOLDER", raising=False)
    monkeypatch.chdir(tmp_path)
    assert find() is None, "a folder without config/ is left alone"
    assert list(tmp_path.iterdir()) == []
    Folder(tmp_path).create()
    assert find() == Folder(Path("."))
    monkeypatch.setenv("VIBEVOICE_FOLDER", str(tmp_path / "other"))
    with pytest.raises(
        BadParameter, match=r"there is no folder .*other: vibevoice-pro config --init"
    ):
        find()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadParameter, match="cannot be written: Not a directory; choose another"):
        Folder(tmp_path / "file" / "below").create()


def test_every_setting_says_what_is_allowed() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert allowed(field), name
