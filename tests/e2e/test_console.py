"""The console in a real browser: a person presses play and hears something."""

from __future__ import annotations

import io
import re
import wave
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import needs_browser, visit, wait_for_state
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from vibevoice_pro.models.hibari.model import HibariModel

PICTURES = Path("out")

pytestmark = needs_browser


def heard(page: Page) -> float:
    match = re.search(r"[\d.]+", page.locator("#heard").inner_text())
    return float(match[0]) if match else 0.0


def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def test_play_is_heard_and_downloaded(browser: Browser, live: Running) -> None:
    page, complaints = visit(
        browser, live, accept_downloads=True, viewport={"width": 1180, "height": 900}
    )
    page.fill("#text", "Good morning, and welcome. This is how the console looks while it speaks: "
              "the wave moves, and the numbers are those of this very moment.")  # fmt: skip
    page.click("#play")
    wait_for_state(page, "speaking")
    page.wait_for_function("parseFloat(document.querySelector('#heard').textContent) > 2.5")
    latency = float(re.search(r"\d+", page.locator("#latency").inner_text())[0])  # type: ignore[index]
    assert 0 < latency < 5000
    pixels = page.evaluate(
        "() => { const c = document.querySelector('#waveform'); const d = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; const seen = new Set();"
        "for (let i = 0; i < d.length; i += 4) seen.add(d[i] << 16 | d[i+1] << 8 | d[i+2]);"
        "return seen.size; }"
    )
    assert pixels > 2, "the waveform shows nothing"
    picture(page, "console-light")
    wait_for_state(page, "done")
    assert float(page.locator("#underruns").inner_text()) == 0
    with page.expect_download() as download:
        page.click("#download")
    with wave.open(io.BytesIO(download.value.path().read_bytes())) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        seconds = len(samples) / file.getframerate()
    assert 5 < seconds < 14
    assert np.abs(samples).max() > 3000
    assert complaints == []


def test_speaks_under_its_own_content_policy(browser: Browser, live: Running) -> None:
    page, complaints = visit(browser, live, bypass_csp=False)
    page.fill("#text", "Nothing is loaded from elsewhere.")
    page.click("#play")
    expect(page.locator("body")).to_have_attribute("data-state", "done", timeout=20_000)
    expect(page.locator("#heard")).to_contain_text(re.compile(r"[12]\.\d"))
    assert complaints == []


def test_api_documentation_needs_no_network(browser: Browser, live: Running) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(live.http + "/docs")
    expect(page.get_by_text("/api/status")).to_be_visible()
    assert [url for url in asked if not url.startswith((live.http, "data:"))] == []


def test_stop_is_silent_at_once(browser: Browser, live: Running) -> None:
    page, complaints = visit(browser, live)
    page.fill("#text", "This text is long enough to be stopped in the middle. " * 10)
    page.click("#play")
    page.wait_for_function("parseFloat(document.querySelector('#heard').textContent) > 0.5")
    page.click("#stop")
    wait_for_state(page, "idle", "done")
    before = heard(page)
    page.wait_for_timeout(400)  # silence is what is measured here: time has to pass
    assert heard(page) == before
    assert live.engine.status().streams == 0
    assert complaints == []


def test_speaks_as_it_is_typed(browser: Browser, live: Running) -> None:
    page, complaints = visit(browser, live)
    page.fill("#text", "")
    page.check("#as-typed")
    page.locator("#text").press_sequentially("Hello there, I am typing this now. ", delay=15)
    page.wait_for_function("parseFloat(document.querySelector('#heard').textContent) > 0.5")
    assert page.evaluate("document.querySelector('#text').value").startswith("Hello there, I am")
    page.uncheck("#as-typed")
    wait_for_state(page, "done", "idle")
    assert complaints == []


def test_the_words_being_heard_are_marked(browser: Browser, live: Running) -> None:
    page, complaints = visit(browser, live, bypass_csp=False)
    text = "Is this marked 🙂? Now this is what one hears, and no more than is said here now."
    words = [word.strip("?.") for word in text.replace("🙂?", "").split()]
    page.fill("#text", text)
    page.evaluate(
        """() => {
          const marked = [];
          new MutationObserver(() => {
            const word = document.querySelector("#spoken mark")?.textContent;
            if (word && word !== marked.at(-1)) marked.push(word);
            document.body.dataset.marked = marked.join(" ");
          }).observe(document.querySelector("#spoken"), { childList: true });
        }"""
    )
    page.click("#play")
    mark = page.locator("#spoken mark")
    expect(page.locator("body")).to_have_attribute(
        "data-marked", re.compile("marked Now"), timeout=20_000
    )
    place = "(e) => e.getBoundingClientRect().toJSON()"
    copy, box = page.locator("#spoken").evaluate(place), page.locator("#text").evaluate(place)
    assert (copy["x"], copy["y"]) == (box["x"] + 1, box["y"] + 1)
    page.fill("#text", "Something else stands here.")
    expect(mark).to_have_count(0)
    expect(page.locator("body")).to_have_attribute("data-state", "done", timeout=20_000)
    expect(mark).to_have_count(0)
    marked = str(page.locator("body").get_attribute("data-marked")).split()
    assert marked == words[: len(marked)]
    assert complaints == []


def test_a_voice_for_each_language(browser: Browser, live: Running, compact: HibariModel) -> None:
    page, _ = visit(browser, live)
    expect(page.locator("#voice-about")).not_to_be_empty()
    expect(page.locator("#auto")).to_be_hidden()
    german = ToneModel(voice="de-Tone", language="de")
    with serving(compact, german) as running:
        page, complaints = visit(browser, running)
        page.fill("#text", "Ich möchte gerne wissen, wann er fährt. And when is it going to leave?")
        expect(page.locator("#url")).not_to_contain_text("language")
        page.check("#auto")
        expect(page.locator("#url")).to_contain_text("language=auto")
        page.click("#play")
        wait_for_state(page, "done")
        page.uncheck("#auto")
        page.fill("#text", "Ich möchte gerne wissen, wann der nächste Zug nach Hamburg fährt.")
        page.click("#play")
        expect(page.locator("#alert")).to_contain_text("the text seems to be German")
        assert complaints == []
    assert [u.text.split()[0] for u in german.opened if u.text.startswith("Ich")] == ["Ich"]


def test_settings_that_the_model_lacks_say_why(browser: Browser, live: Running) -> None:
    page, _ = visit(browser, live)
    expect(page.locator("#cfg")).to_be_disabled()
    expect(page.locator("#steps")).to_be_disabled()
    expect(page.locator("#speed")).to_be_enabled()
    expect(page.get_by_text("no diffusion model").first).to_be_visible()
    assert "/stream?" in page.locator("#url").inner_text() + page.locator("#url").evaluate(
        "e => e.value || ''"
    )


def test_the_machine_at_a_glance(browser: Browser, live: Running) -> None:
    page, _ = visit(browser, live)
    expect(page.locator("#machine")).to_have_text(
        re.compile(r"^CPU: OK \| RAM: \d+\.\d/\d+\.\d GB$")
    )


def test_a_published_name_can_be_chosen(browser: Browser, live: Running) -> None:
    page, complaints = visit(browser, live)
    page.select_option("#voice", "en-Carter_man")
    expect(page.locator("#voice-about")).to_contain_text("en-Heart_woman speaks for en-Carter_man.")
    page.fill("#text", "Hello there.")
    page.click("#play")
    expect(page.locator("body")).to_have_attribute("data-state", "done", timeout=20_000)
    expect(page.locator("#voice")).to_have_value("en-Carter_man")
    assert complaints == []


def test_keyboard_alone(browser: Browser, live: Running) -> None:
    page, _ = visit(browser, live)
    page.focus("#text")
    page.keyboard.press("Control+A")
    page.keyboard.type("Spoken with the keyboard alone, and stopped with it too, before the end.")
    page.keyboard.press("Control+Enter")
    wait_for_state(page, "speaking")
    page.keyboard.press("Escape")
    wait_for_state(page, "idle", "done")


def test_errors_are_shown(browser: Browser, compact: HibariModel) -> None:
    with serving(compact, max_streams=1) as small:
        page, _ = visit(browser, small)
        page.evaluate(  # somebody else speaks, and more text may come
            "url => { const other = new WebSocket(url);"
            "other.onopen = () => other.send(JSON.stringify({type: 'text', text: 'Hello there.'}));"
            "other.onmessage = ({data}) => window.spoke ||= data instanceof Blob; }",
            f"{small.ws}/stream",
        )
        page.wait_for_function("window.spoke")
        page.click("#play")
        expect(page.locator("#alert")).to_contain_text("places are taken", timeout=10_000)
    page.click("#play")
    expect(page.locator("#alert")).not_to_contain_text("places are taken", timeout=10_000)
    expect(page.locator("#alert")).not_to_be_empty()


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("console-dark", {"color_scheme": "dark", "viewport": {"width": 1180, "height": 900}}),
        ("console-zh", {"locale": "zh-CN", "viewport": {"width": 1180, "height": 900}}),
        ("console-phone", {"viewport": {"width": 360, "height": 740}}),
    ],
)
def test_looks(browser: Browser, live: Running, name: str, context: dict[str, object]) -> None:
    page, complaints = visit(browser, live, **context)
    expect(page.locator("#server-model")).to_contain_text("compact")
    picture(page, name)
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], "the page scrolls sideways"
    assert page.evaluate("document.documentElement.lang") == ("zh-CN" if "zh" in name else "en")
    if "zh" in name:
        expect(page.locator("#play")).to_contain_text(re.compile(r"[\u4e00-\u9fff]"))
    unlabelled = page.evaluate(
        "[...document.querySelectorAll('input,select,textarea,button,canvas')].filter(e =>"
        " !(e.labels && e.labels.length) && !e.getAttribute('aria-label') &&"
        " !e.getAttribute('aria-labelledby') && !e.textContent.trim()).map(e => e.id)"
    )
    assert unlabelled == []
    assert complaints == []
