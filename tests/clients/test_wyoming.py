"""The package `wyoming` speaks through this server, called as Home Assistant calls it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.clients.conftest import Run
from tests.support.hearing import samples, word_errors
from tests.support.processes import free_port
from tests.support.serving import Running, serving
from vibevoice_pro.models.hibari.model import HibariModel

HEADER_BYTES = 44


@pytest.fixture
def home(compact: HibariModel) -> Iterator[Running]:
    with serving(compact, wyoming_port=free_port()) as running:
        yield running


def test_wyoming(program: Run, home: Running, tmp_path: Path) -> None:
    told = program("wyoming_speech", str(home.service.settings.wyoming_port))

    for name in ("whole", "streamed"):
        # A WAV that is streamed says that it has no samples: read them by hand.
        wave = samples((tmp_path / f"{name}.wav").read_bytes()[HEADER_BYTES:])
        assert word_errors(wave, told["text"], 24_000) <= 0.05, name
        assert max(np.abs(wave[:200]).max(), np.abs(wave[-200:]).max()) < 0.02, "a click"

    assert told["name"] == "VibeVoice Pro"
    assert told["streaming"] is True
    assert told["voices"] == {
        id_: [entry.voice.language] for id_, entry in home.service.catalog.entries.items()
    }
    assert told["others"] == [0, 0, 0, 0]
    assert told["satellite"] is False
    assert told["pong"] == "there?"

    for wrong, said in (("nobody", "en-Heart_woman"), ("nothing", "nothing that can be spoken"),
                        ("speaker", "one speaker")):  # fmt: skip
        assert len(told[wrong]) == 2, "told in both ways"
        for error in told[wrong]:
            assert said in error["text"]
            assert error["code"] == "bad_parameter"

    assert told["interrupted"] == 20
    for _ in range(100):
        if not home.service.sessions.speaking:
            break
        time.sleep(0.05)
    assert not home.service.sessions.speaking, "nobody is spoken to who has left"
