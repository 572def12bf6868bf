"""Names of models."""

from __future__ import annotations

from pathlib import Path

import pytest

from vibevoice_pro.errors import BadCheckpoint, BadParameter
from vibevoice_pro.models.registry import load_model


@pytest.mark.parametrize("name", ["auto", "compact"])
def test_the_embedded_voice(name: str) -> None:
    assert "en-Heart_woman" in load_model(name).voices


@pytest.mark.parametrize("name", ["huge", "/no/such/folder"])
def test_unknown_names(name: str) -> None:
    with pytest.raises(
        BadParameter, match="model must be one of auto, compact, kokoro, random:vibevoice"
    ):
        load_model(name)


def test_a_directory_that_is_no_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    with pytest.raises(BadCheckpoint, match=r"config.json: No such file"):
        load_model(str(tmp_path))
