"""The pages work under the policies that they are sent with."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.support.browser import needs_browser, visit
from tests.support.serving import Running

pytestmark = needs_browser


def test_the_console_speaks_under_its_policy(browser: Browser, live: Running) -> None:
    page, complaints = visit(browser, live, bypass_csp=False)
    page.fill("#text", "Hello there.")
    page.click("#play")
    expect(page.locator("#download")).to_be_enabled(timeout=30_000)
    assert complaints == []


def test_the_docs_list_the_routes_under_their_policy(browser: Browser, live: Running) -> None:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live.http}/docs")
    route = page.locator(".opblock", has_text="/healthz")
    route.click()
    route.get_by_role("button", name="Try it out").click()
    route.get_by_role("button", name="Execute").click()
    expect(route.locator(".live-responses-table")).to_contain_text('"status": "ok"')
    assert complaints == []


def test_no_page_from_elsewhere_can_connect(browser: Browser, live: Running) -> None:
    page = browser.new_page()
    page.goto("data:text/html,<p>elsewhere")  # its origin is null
    opened = page.evaluate(
        """url => new Promise(done => {
            const socket = new WebSocket(url);
            socket.onopen = () => done(true);
            socket.onclose = () => done(false);
        })""",
        f"{live.ws}/stream",
    )
    assert opened is False
