"""Fixtures: the real model once, real servers on free ports."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest

from tests.support.serving import Running, serving
from vibevoice_pro.models.hibari.model import HibariModel

os.environ["HF_HUB_CACHE"] = "/nonexistent"  # or `auto` would find what somebody here has pulled

hypothesis.settings.register_profile("same", derandomize=True)  # the same examples in every run
hypothesis.settings.load_profile("same")


@pytest.fixture(scope="session")
def compact() -> HibariModel:
    return HibariModel()


@pytest.fixture(scope="session")
def server(compact: HibariModel) -> Iterator[Running]:
    with serving(compact) as running:
        yield running
