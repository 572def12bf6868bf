"""The model, once."""

from __future__ import annotations

import pytest

from vibevoice_pro.models.kokoro.model import KokoroModel


@pytest.fixture(scope="session")
def kokoro() -> KokoroModel:
    return KokoroModel()
