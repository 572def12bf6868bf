"""A real browser, and a server as users run it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.browser import ARGUMENTS, CHROMIUM
from tests.support.serving import Running, serving
from vibevoice_pro.models.hibari.model import HibariModel


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def live(compact: HibariModel) -> Iterator[Running]:
    """A server as users run it: five seconds ahead of the listener, not more."""
    with serving(compact, lead=5.0) as running:
        yield running
