"""Fixtures: the real model once, real servers on free ports."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.serving import Running, serving
from vibevoice_pro.models.hibari.model import HibariModel

os.environ["HF_HUB_CACHE"] = "/nonexistent"  # or `auto` would find what somebody here has pulled


@pytest.fixture(scope="session")
def compact() -> HibariModel:
    return HibariModel()


@pytest.fixture(scope="session")
def server(compact: HibariModel) -> Iterator[Running]:
    with serving(compact) as running:
        yield running
