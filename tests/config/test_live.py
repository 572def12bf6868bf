"""Settings that change while the server runs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from vibevoice_pro.config.folder import Folder
from vibevoice_pro.config.live import LiveSettings, table
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.config.sources import Read, read
from vibevoice_pro.errors import BadParameter


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.create()
    return made


def test_a_change_leaves_what_a_program_gave() -> None:
    live = LiveSettings(Read.of(Settings(lead=60.0, port=0)))
    live.change({"steps": 7})
    assert (live.settings.steps, live.settings.lead, live.settings.port) == (7, 60.0, 0)


def test_all_or_nothing(folder: Folder) -> None:
    applied: list[Settings] = []
    live = LiveSettings(read({}, {}, folder), applied.append, folder)
    live.change({"steps": 7, "cfg": "2"})
    assert (live.settings.steps, live.settings.cfg) == (7, 2.0)
    assert applied == [live.settings]
    for wrong in (
        {"steps": 8, "cfg": 99},
        {"steps": 8, "port": 1},
        {"steps": 8, "stpes": 1},
        {"lead": True},
    ):
        with pytest.raises(BadParameter):
            live.change(wrong)
        assert live.settings.steps == 7

    def refuse(settings: Settings) -> None:
        raise BadParameter("no such voice", field="default_voice")

    live = LiveSettings(read({}, {}, folder), refuse, folder)
    with pytest.raises(BadParameter, match="no such voice"):
        live.change({"default_voice": "nobody"}, keep=True)
    assert live.settings.default_voice == ""
    assert "DEFAULT_VOICE" not in folder.env_file.read_text()


def test_kept_for_the_next_start(folder: Folder) -> None:
    live = LiveSettings(read({}, {}, folder), folder=folder)
    live.change({"steps": 7, "default_voice": "ja-Kumo_man"}, keep=True)
    live.change({"cfg": 3})
    again = read({}, {}, folder).settings
    assert (again.steps, again.default_voice, again.cfg) == (7, "ja-Kumo_man", 1.5)
    assert folder.env_file.read_text().startswith("# Settings"), "comments stay"
    with pytest.raises(BadParameter, match="vibevoice-pro config --init makes one"):
        LiveSettings(read({}, {})).change({"steps": 7}, keep=True)


def test_a_line_in_the_file_is_taken(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    applied: list[Settings] = []
    live = LiveSettings(read({}, {}, folder), applied.append, folder)
    live.poll()
    assert applied == []
    _append(folder, "LOG_LEVEL=WARNING")
    live.poll()
    assert live.settings.log_level == "warning"
    live.poll()
    assert len(applied) == 1
    with caplog.at_level(logging.WARNING):
        _append(folder, "PORT=9999")
        live.poll()
    assert "PORT" not in caplog.text
    assert "port=9999 at the next start" in caplog.text
    assert live.settings.port == 7860
    with caplog.at_level(logging.ERROR):
        _append(folder, "STEPS=lots")
        live.poll()
    assert (
        "steps must be a whole number from 1 to 100; got 'lots'; nothing was taken" in caplog.text
    )
    assert live.settings.steps == 5


@pytest.mark.parametrize("above", [{"steps": 8}, {}])
def test_a_line_in_the_file_counts_less_than_what_is_above_it(
    folder: Folder, above: dict[str, object]
) -> None:
    environment = {} if above else {"VIBE_STEPS": "8"}
    live = LiveSettings(read(above, environment, folder), folder=folder)
    _append(folder, "STEPS=9\nCFG=2")
    live.poll()
    assert (live.settings.steps, live.settings.cfg) == (8, 2.0)


def test_a_password_is_not_shown() -> None:
    rows = table(read({"store": "redis://user:secret@host/0"}, {}))
    assert "secret" not in str(rows)
    assert table(read({"store": "redis://host/0"}, {}))["store"].value == "redis://host/0"


def _append(folder: Folder, line: str) -> None:
    with folder.env_file.open("a") as file:
        file.write(line + "\n")
