"""A real browser, and the console in it."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.support.proxy import Proxy
from tests.support.serving import Running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip

needs_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is missing: scripts/install-system-packages.sh"
    ),
]


def visit(
    browser: Browser, server: Running | Proxy, voice: str = "Heart", **context: object
) -> tuple[Page, list[str]]:
    """Open the console; returns the page and what it complains about in the browser's console."""
    # The page's own policy forbids the evaluated strings these tests ask it with.
    page = browser.new_context(**{"bypass_csp": True, **context}).new_page()  # type: ignore[arg-type]
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server.http)
    expect(page.locator("#voice")).to_contain_text(voice)
    return page, complaints


def state(page: Page) -> str:
    return page.evaluate("document.body.dataset.state")


def wait_for_state(page: Page, *states: str) -> None:
    page.wait_for_function(
        "states => states.includes(document.body.dataset.state)", arg=list(states), timeout=30_000
    )
