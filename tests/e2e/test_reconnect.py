"""Speech over a bad line, in a real browser: what is heard is what an unbroken line would bring."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from websockets.sync.client import connect

from tests.support.browser import needs_browser, state, visit, wait_for_state
from tests.support.processes import Served
from tests.support.proxy import Fault, Proxy, cuts
from tests.support.replaced import replaced
from tests.support.serving import Running, serving
from tests.support.tone import CHAR_SAMPLES, ToneModel, tone
from vibevoice_pro.errors import Full
from vibevoice_pro.server import app

TEXT = (
    "Good morning, and welcome. This line is bad: it breaks now and then, in the middle of a word. "
    "Nobody should hear that."
)
CHAR_BYTES = CHAR_SAMPLES * 2
HARNESS = """
async ([module, base]) => {
  const { SpeechClient } = await import(module);
  window.told = [];  // [what, event], in order; frames of one size together: ["audio", size, count]
  window.pcm = [];
  window.places = [];
  const callbacks = {
    audio: (frame, at) => {
      pcm.push(...new Uint8Array(frame));
      places.push(at);
      const last = told.at(-1);
      if (last?.[0] === "audio" && last[1] === frame.byteLength) last[2]++;
      else told.push(["audio", frame.byteLength, 1]);
    },
  };
  for (const kind of ["session", "mark", "drained", "warning", "error", "cancelled", "reconnecting",
                      "resumed", "end", "close"]) {
    callbacks[kind] = (event) => told.push([kind, event]);
  }
  window.client = new SpeechClient(base, callbacks);
  window.was = (kind) => told.some(([k]) => k === kind);
}
"""

pytestmark = needs_browser


@pytest.fixture
def tones() -> Iterator[Running]:
    with serving(ToneModel()) as running:
        yield running


@pytest.fixture
def line(tones: Running) -> Iterator[Proxy]:
    """A line to a server that speaks in tones: a character is a frame of 20 ms."""
    with Proxy(tones.port, only=b"GET /stream") as proxy:
        yield proxy


def speech_client(browser: Browser, line: Proxy, *, clock: bool = False) -> Page:
    """A page with a `client` on it, not connected yet; with `clock`, time in it can be moved."""
    page = browser.new_context(bypass_csp=True).new_page()
    if clock:
        page.clock.install()
    page.goto(line.http + "/docs")
    page.evaluate(HARNESS, [line.http + "/client.js", line.ws + "/stream"])
    return page


def told(page: Page, kind: str) -> list[Any]:
    return [event[1] for event in page.evaluate("told") if event[0] == kind]


def closing(page: Page) -> tuple[str, int]:
    page.wait_for_function("was('close')", timeout=30_000)
    (how,) = told(page, "close")
    return how["kind"], how["code"]


def heard(page: Page) -> bytes:
    return bytes(page.evaluate("pcm"))


def undisturbed(browser: Browser, tones: Running, text: str) -> bytes:
    with Proxy(tones.port) as straight:
        page = speech_client(browser, straight)
        page.evaluate("text => client.speak(text)", text)
        assert closing(page) == ("done", 1000)
        return heard(page)


def recording(page: Page) -> bytes:
    with page.expect_download() as download:
        page.click("#download")
    with wave.open(io.BytesIO(Path(download.value.path()).read_bytes())) as file:
        return file.readframes(file.getnframes())


# --- the console ---------------------------------------------------------------------------------


def test_a_bad_line_is_not_heard(browser: Browser, live: Running) -> None:
    recordings = []
    for seed in (None, 1):
        with Proxy(live.port, only=b"GET /stream") as line:
            if seed is not None:
                line.faults = cuts(seed, 10_000, 120_000)
            page, complaints = visit(browser, line, accept_downloads=True)
            page.fill("#text", TEXT)
            page.click("#play")
            wait_for_state(page, "done", "error")
            recordings.append(recording(page))
            assert state(page) == "done"
            assert page.locator("#underruns").inner_text() == "0"
            if seed is None:
                expect(page.locator("#reconnects")).to_be_hidden()
            else:
                assert line.accepted > 4
                expect(page.locator("#reconnects")).to_have_text(
                    f"Reconnected: {line.accepted - 1}"
                )
            assert complaints == []
    assert recordings[0] == recordings[1]
    assert len(recordings[0]) > 5 * 48_000


def test_what_is_typed_over_a_bad_line_is_spoken_once(browser: Browser, tones: Running) -> None:
    typed = "abc def ghi jkl mno pqr stu vwx yz."
    with Proxy(tones.port, only=b"GET /stream") as line:
        line.faults = iter([Fault(5_000), Fault(9_000), Fault(0), Fault(700), Fault(12_000)])
        page, _ = visit(browser, line, voice="Tone", accept_downloads=True)
        page.fill("#text", "")
        page.check("#as-typed")
        page.locator("#text").press_sequentially(typed, delay=30)
        page.uncheck("#as-typed")
        wait_for_state(page, "done", "error")
        assert state(page) == "done"
        assert line.accepted > 3
        mine = recording(page)
        page.fill("#text", typed)
        page.click("#play")
        wait_for_state(page, "speaking")
        wait_for_state(page, "done", "error")
        assert recording(page) == mine
        assert len(mine) == 3 * CHAR_BYTES // 2 * len(typed)  # 24 kHz here


def test_stop_while_reconnecting(browser: Browser, live: Running) -> None:
    with Proxy(live.port, only=b"GET /stream") as line:
        page, _ = visit(browser, line)
        page.fill("#text", TEXT * 3)
        page.click("#play")
        page.wait_for_function("parseFloat(document.querySelector('#heard').textContent) > 0.5")
        line.refusing = True
        line.cut()
        expect(page.locator("#status")).to_contain_text("reconnecting")
        before = page.locator("#heard").inner_text()
        page.wait_for_function(  # what has arrived is played meanwhile
            "before => document.querySelector('#heard').textContent > before", arg=before
        )
        page.click("#stop")
        wait_for_state(page, "idle")
        expect(page.locator("#status")).to_have_text("Stopped.")
        attempts, before = line.accepted, page.locator("#heard").inner_text()
        line.refusing = False
        page.wait_for_timeout(1500)  # that nothing comes is what is shown: time has to pass
        assert line.accepted == attempts
        assert page.locator("#heard").inner_text() == before
        page.fill("#text", "And now something else.")
        page.click("#play")
        wait_for_state(page, "done")
        expect(page.locator("#reconnects")).to_be_hidden()


@pytest.mark.parametrize(("locale", "words"), [("en", "Press Play"), ("zh-CN", "请按“播放”")])
def test_a_session_that_is_gone_is_told(browser: Browser, locale: str, words: str) -> None:
    """The text is longer than what the client keeps to reopen a session."""
    with replaced(ToneModel(), ToneModel(), max_text=2_000_000, lead=2.0) as chain:
        page, _ = visit(browser, chain.line, voice="Tone", locale=locale)
        page.fill("#text", "a" * 500_001)
        page.click("#play")
        wait_for_state(page, "speaking")
        chain.replace()
        wait_for_state(page, "error")
        expect(page.locator("#alert")).to_contain_text(words)
        expect(page.locator("#alert")).to_contain_text("4404")


def test_a_server_that_is_killed_is_not_heard(browser: Browser, live: Running) -> None:
    """Another one starts, with no store: playback continues where it was."""
    recordings = []
    served = Served(VIBEVOICE_LEAD="1")
    try:
        for mortal in (False, True):
            with Proxy(lambda: served.port, only=b"GET /stream") as line:
                page, _ = visit(browser, line if mortal else live, accept_downloads=True)
                page.fill("#text", TEXT)
                page.click("#play")
                page.wait_for_function(
                    "parseFloat(document.querySelector('#heard').textContent) > 1"
                )
                if mortal:
                    served.kill()
                    served.start()
                wait_for_state(page, "done", "error")
                assert state(page) == "done"
                expect(page.locator("#alert")).to_be_empty()
                recordings.append(recording(page))
                if mortal:
                    expect(page.locator("#reconnects")).to_have_text("Reconnected: 1")
    finally:
        served.kill()
    assert recordings[0] == recordings[1]


# --- the client ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_piece_is_spoken_once(
    browser: Browser, tones: Running, line: Proxy, seed: int
) -> None:
    text = " ".join(["abcdefgh ijklmn opqrstu vwxyz."] * 4)
    line.faults = cuts(seed, 1, 30_000)
    page = speech_client(browser, line)
    page.evaluate(
        "async text => { client.open(); for (let i = 0; i < text.length; i += 3) {"
        "client.sendText(text.slice(i, i + 3)); await new Promise(r => setTimeout(r, 10)); }"
        "client.end(); }",
        text,
    )
    assert closing(page) == ("done", 1000)
    assert line.accepted > 3
    assert heard(page) == undisturbed(browser, tones, text)
    sizes = {event[1] for event in page.evaluate("told") if event[0] == "audio"}
    assert sizes == {CHAR_BYTES}, "whole frames only"
    places = page.evaluate("places")
    assert places == list(range(0, len(places) * CHAR_BYTES, CHAR_BYTES))
    marks = [mark["chars"] for mark in told(page, "mark")]
    assert marks == [[i, i + 1] for i in range(len(text))], "each mark once, in order"
    assert [e["offset"] % CHAR_BYTES for e in told(page, "resumed")] == [0] * len(
        told(page, "resumed")
    )
    assert len(told(page, "session")) == 1


def test_barge_in_without_a_connection(browser: Browser, tones: Running, line: Proxy) -> None:
    page = speech_client(browser, line)
    page.evaluate("client.open(); client.sendText('abcdefghij.')")
    page.wait_for_function(f"client.bytes === {11 * CHAR_BYTES}")
    line.refusing = True
    line.cut()
    page.wait_for_function("was('reconnecting')")
    page.evaluate(
        f"client.cancel({4 * CHAR_BYTES}); client.sendText('klm.'); client.flush(); pcm.length = 0"
    )
    line.refusing = False
    page.wait_for_function("was('drained')")
    assert told(page, "cancelled") == [
        {"type": "cancelled", "bytes": 11 * CHAR_BYTES, "spoken_chars": 4}
    ]
    assert heard(page) == undisturbed(browser, tones, "klm.")
    assert page.evaluate("places.at(-1)") == 14 * CHAR_BYTES
    page.evaluate("client.close()")
    page.wait_for_function("!client.active")
    for _ in range(400):
        if not tones.engine.status().streams:
            return  # the goodbye has ended the session
        page.wait_for_timeout(25)
    raise AssertionError("the session was not ended by the goodbye")


def test_what_was_cancelled_is_not_heard_when_it_comes_again(
    browser: Browser, tones: Running, line: Proxy
) -> None:
    line.faults = iter([Fault(6_000)])  # the server has sent more than has come through
    page = speech_client(browser, line)
    page.evaluate("client.open(); client.sendText('a'.repeat(400) + '.')")
    page.wait_for_function("was('reconnecting')")
    got = page.evaluate("client.cancel(0); client.sendText('b.'); client.end(); client.bytes")
    assert closing(page) == ("done", 1000)
    (cancelled,) = told(page, "cancelled")
    assert cancelled["bytes"] > got
    assert heard(page)[got:] == undisturbed(browser, tones, "b.")


def test_a_dead_line_is_given_up(browser: Browser, tones: Running, line: Proxy) -> None:
    line.faults = iter([Fault(8_000, "stall")])
    page = speech_client(browser, line, clock=True)
    page.evaluate("client.speak('abcdefghijklmnopqrstuvwxyz.')")
    page.wait_for_function(f"client.bytes >= {10 * CHAR_BYTES}")
    page.clock.run_for(10_000)
    assert told(page, "reconnecting") == [], "it may only be slow"
    page.clock.run_for(10_000)
    assert closing(page) == ("done", 1000)
    assert len(told(page, "resumed")) == 1
    assert heard(page) == undisturbed(browser, tones, "abcdefghijklmnopqrstuvwxyz.")


def test_a_server_that_is_only_slow_loses_nothing(browser: Browser) -> None:
    model = ToneModel()
    with serving(model) as slow, Proxy(slow.port, only=b"GET /stream") as line:
        page = speech_client(browser, line, clock=True)
        model.gate = gate = threading.Semaphore(5)
        try:
            page.evaluate("client.speak('abcdefghij.')")
            page.wait_for_function(f"client.bytes === {5 * CHAR_BYTES}")
            page.clock.run_for(20_000)
            page.wait_for_function("was('resumed')")
        finally:
            gate.release(1000)  # or the server could not stop
        assert closing(page) == ("done", 1000)
        assert told(page, "resumed") == [{"offset": 5 * CHAR_BYTES}]
        assert len(heard(page)) == 11 * CHAR_BYTES


def test_a_writer_who_thinks_is_not_taken_for_a_dead_line(browser: Browser, line: Proxy) -> None:
    page = speech_client(browser, line, clock=True)
    page.evaluate("client.open(); client.sendText('abc.'); client.flush()")
    page.wait_for_function("was('drained')")
    page.clock.run_for(250_000)
    page.evaluate("client.sendText('def.'); client.end()")
    assert closing(page) == ("done", 1000)
    assert told(page, "reconnecting") == []


def test_a_network_that_is_back_is_tried_at_once(browser: Browser, line: Proxy) -> None:
    page = speech_client(browser, line, clock=True)
    page.evaluate("client.open(); client.sendText('abc.')")
    page.wait_for_function(f"client.bytes === {4 * CHAR_BYTES}")
    page.clock.pause_at(page.evaluate("Date.now()") + 1000)  # from here no timer fires by itself
    line.cut()
    page.wait_for_function("was('reconnecting')")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.wait_for_function("was('resumed')")
    page.evaluate("client.sendText('def.'); client.end()")
    assert closing(page) == ("done", 1000)


def test_gives_up_after_two_minutes(browser: Browser, line: Proxy) -> None:
    page = speech_client(browser, line, clock=True)
    page.evaluate("client.open(); client.sendText('abc.')")
    page.wait_for_function(f"client.bytes === {4 * CHAR_BYTES}")
    line.refusing = True
    line.cut()
    page.wait_for_function("was('reconnecting')")
    while not page.evaluate("was('close')"):
        page.clock.run_for(1000)
    assert closing(page) == ("lost", 1006)
    waits = [plan["wait"] for plan in told(page, "reconnecting")]
    assert all(125 * 2**i <= wait <= 250 * 2**i for i, wait in enumerate(waits[:5])), (
        "doubled, with jitter"
    )
    assert max(waits) <= 5000
    assert [plan["attempt"] for plan in told(page, "reconnecting")] == [*range(1, len(waits) + 1)]
    assert not page.evaluate("client.active")


def test_what_waits_is_bounded(browser: Browser, line: Proxy) -> None:
    page = speech_client(browser, line)
    page.evaluate("client.open(); client.sendText('abc.')")
    page.wait_for_function(f"client.bytes === {4 * CHAR_BYTES}")
    line.refusing = True
    line.cut()
    page.wait_for_function("was('reconnecting')")
    page.evaluate("for (let i = 0; i < 100; i++) client.sendText('a'.repeat(20_000))")
    assert closing(page) == ("too_long", 1009)


def test_no_room_is_waited_for_as_long_as_the_server_says(browser: Browser, line: Proxy) -> None:
    page = speech_client(browser, line)
    plans = page.evaluate(
        "async module => { const { Retry } = await import(module);"
        "return [[1013, 7], [1012], [1001, 0.1], [1013, 121], [1000], [1008], [1009], [1011],"
        "[4400], [4404], [4408], [4409], [4410]].map(([code, seconds]) => {"
        "const retry = new Retry(() => {});"
        "const plan = retry.plan(code, seconds); retry.stop(); return plan; }); }",
        line.http + "/retry.js",
    )
    assert 7000 <= plans[0]["wait"] <= 10_500
    assert 125 <= plans[1]["wait"] <= 250
    assert 125 <= plans[2]["wait"] <= 250
    assert plans[3:] == [None] * 10


@pytest.mark.parametrize(("drawn", "waits"), [(0, [125, 7000]), (1, [250, 10_500])])
def test_the_bounds_of_the_jitter(
    browser: Browser, line: Proxy, drawn: float, waits: list[float]
) -> None:
    page = speech_client(browser, line)
    assert waits == page.evaluate(
        "async ([module, drawn]) => { const { Retry } = await import(module);"
        "Math.random = () => drawn; return [undefined, 7].map((seconds) => {"
        "const retry = new Retry(() => {}); const plan = retry.plan(1013, seconds); retry.stop();"
        "return plan.wait; }); }",
        [line.http + "/retry.js", drawn],
    )


def test_a_network_that_is_back_does_not_shorten_what_the_server_asks_for(
    browser: Browser, line: Proxy
) -> None:
    page = speech_client(browser, line, clock=True)
    attempts = page.evaluate(
        "async module => { const { Retry } = await import(module); let attempts = 0;"
        "window.retry = new Retry(() => attempts++); const counts = [];"
        "for (const seconds of [undefined, 7]) { retry.plan(1013, seconds);"
        "window.dispatchEvent(new Event('online')); counts.push(attempts); }"
        "retry.stop(); return counts; }",
        line.http + "/retry.js",
    )
    assert attempts == [1, 1]


def test_what_the_server_says_about_a_refusal_is_passed_on(browser: Browser) -> None:
    with serving(ToneModel()) as tones, Proxy(tones.port, only=b"GET /stream") as line:
        page = speech_client(browser, line)
        page.evaluate("client.speak('abc.', { voice: 'nobody' })")
        assert closing(page) == ("refused", 4400)
        (error,) = told(page, "error")
        assert (error["code"], error["field"]) == ("bad_parameter", "voice")


def test_a_full_server_is_tried_again_when_it_says(browser: Browser) -> None:
    """Its place was taken while the connection was lost: what it asks for is data, not words."""
    with serving(ToneModel(), max_streams=1) as tones, Proxy(tones.port) as line:
        page = speech_client(browser, line, clock=True)
        page.evaluate("client.open(); client.sendText('abc.')")
        page.wait_for_function(f"client.bytes === {4 * CHAR_BYTES}")
        page.clock.pause_at(page.evaluate("Date.now()") + 1000)  # no timer fires by itself now
        line.cut()
        page.wait_for_function("was('reconnecting')")
        with connect(f"{tones.ws}/stream") as other:  # the lost session gives its place up
            other.send('{"type":"text","text":"abc."}')
            while not isinstance(other.recv(10), bytes):
                pass
            page.clock.run_for(1000)
            page.wait_for_function("told.filter(([kind]) => kind === 'reconnecting').length === 2")
        asked = Full("", 1).retry_after
        first, second = (plan["wait"] for plan in told(page, "reconnecting"))
        assert first <= 250
        assert second >= 1000 * (asked or 0)


def test_a_refused_first_connection_is_told_at_once(browser: Browser, line: Proxy) -> None:
    line.refusing = True
    page = speech_client(browser, line)
    page.evaluate("client.speak('abc.')")
    assert closing(page) == ("unreachable", 1006)
    assert told(page, "reconnecting") == []
    assert line.accepted == 1


# --- servers that are replaced -------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 3, 8, 9])
def test_a_session_is_reopened(browser: Browser, steps: int) -> None:
    """Whatever was heard when the server was replaced; what it was given is written again."""
    with replaced(tone(steps), ToneModel()) as chain:
        page = speech_client(browser, chain.line)
        page.evaluate(
            "client.open(); for (const piece of ['a', 'b c', 'd.']) client.sendText(piece);"
            "client.flush(); client.sendText('ef g'); client.flush();"
        )
        page.wait_for_function(f"client.bytes === {steps * CHAR_BYTES}")
        chain.replace()
        page.wait_for_function("was('resumed')")
        page.evaluate("client.sendText('😀h.'); client.end()")
        assert closing(page) == ("done", 1000)
        assert told(page, "resumed") == [{"offset": steps * CHAR_BYTES}]
        assert [said.text for said in chain.models[1].opened] == ["ab cd.ef g😀h."]
        whole = heard(page)
        assert page.evaluate("places") == list(range(0, len(whole), CHAR_BYTES))
        with Proxy(chain.servers[1].port) as straight:
            page = speech_client(browser, straight)
            page.evaluate("client.speak('ab cd.ef g😀h.')")
            assert closing(page) == ("done", 1000)
            assert heard(page) == whole


def test_a_text_in_the_url_is_sent_again(browser: Browser, tones: Running) -> None:
    with replaced(tone(4), ToneModel()) as chain:
        page = speech_client(browser, chain.line)
        page.evaluate("client.speak('ab cd. ef.')")
        page.wait_for_function(f"client.bytes === {4 * CHAR_BYTES}")
        chain.replace()
        assert closing(page) == ("done", 1000)
        assert heard(page) == undisturbed(browser, tones, "ab cd. ef.")


def test_only_what_followed_a_barge_in_is_written_again(browser: Browser, tones: Running) -> None:
    with replaced(tone(6), ToneModel()) as chain:
        page = speech_client(browser, chain.line)
        page.evaluate("client.open(); client.sendText('abcdefgh.')")
        page.wait_for_function(f"client.bytes === {6 * CHAR_BYTES}")
        page.evaluate(f"client.cancel({3 * CHAR_BYTES})")
        page.wait_for_function("was('cancelled')")
        chain.models[0].gate.release(2)  # one step was for what is not wanted any more
        page.evaluate("pcm.length = 0; client.sendText('uvwxyz.')")
        page.wait_for_function(f"client.bytes === {7 * CHAR_BYTES}")
        chain.replace()
        page.wait_for_function(f"client.bytes === {13 * CHAR_BYTES}")
        page.evaluate(f"client.cancel({11 * CHAR_BYTES}); client.end()")
        assert closing(page) == ("done", 1000)
        assert chain.models[1].opened[0].text == "uvwxyz."
        assert heard(page) == undisturbed(browser, tones, "uvwxyz.")
        answers = [(told["bytes"], told["spoken_chars"]) for told in told(page, "cancelled")]
        assert answers == [(6 * CHAR_BYTES, 3), (13 * CHAR_BYTES, 14)]


def test_a_barge_in_that_the_old_server_never_heard_of(browser: Browser, tones: Running) -> None:
    with replaced(tone(6), tone(6)) as chain:
        page = speech_client(browser, chain.line)
        page.evaluate("client.open(); client.sendText('abcdefgh.')")
        page.wait_for_function(f"client.bytes === {6 * CHAR_BYTES}")
        chain.line.refusing = True
        chain.replace()
        page.wait_for_function("was('reconnecting')")
        page.evaluate(
            f"client.cancel({4 * CHAR_BYTES}); pcm.length = 0;client.sendText('uvw.'); client.end()"
        )
        chain.line.refusing = False
        page.wait_for_function("was('cancelled')")
        chain.models[1].gate.release(9)
        assert closing(page) == ("done", 1000)
        assert told(page, "cancelled") == [
            {"type": "cancelled", "bytes": 6 * CHAR_BYTES, "spoken_chars": 4}
        ]
        assert heard(page) == undisturbed(browser, tones, "uvw.")


def test_an_older_answer_is_not_taken_for_that_to_a_new_barge_in(
    browser: Browser, tones: Running, line: Proxy
) -> None:
    page = speech_client(browser, line)
    page.evaluate("client.open(); client.sendText('abcd.')")
    page.wait_for_function(f"client.bytes === {5 * CHAR_BYTES}")
    page.evaluate("client.cancel()")
    page.wait_for_function("was('cancelled')")
    line.refusing = True
    line.cut()
    page.wait_for_function("was('reconnecting')")
    page.evaluate(
        "client.sendText('efgh.'); client.cancel(); client.sendText('uvw.'); client.end();"
        "pcm.length = 0"
    )
    line.refusing = False
    assert closing(page) == ("done", 1000)
    assert len(told(page, "cancelled")) == 2
    assert heard(page) == undisturbed(browser, tones, "uvw.")


def test_a_server_may_take_long_to_make_again_what_was_heard(browser: Browser) -> None:
    seconds = 50
    with replaced(tone(seconds * 50), tone(0)) as chain:
        page = speech_client(browser, chain.line, clock=True)
        page.evaluate(f"client.speak('a'.repeat({seconds * 50 + 9}) + '.')")
        page.wait_for_function(f"client.bytes === {seconds * 50 * CHAR_BYTES}")
        chain.replace()
        page.wait_for_function("was('resumed')")
        page.clock.run_for((seconds + 10) * 1000)
        assert len(told(page, "resumed")) == 1
        chain.models[1].gate.release(10_000)
        assert closing(page) == ("done", 1000)
        assert len(told(page, "resumed")) == 1
        assert page.evaluate("client.bytes") == (seconds * 50 + 10) * CHAR_BYTES


def test_a_session_that_cannot_be_reopened(browser: Browser) -> None:
    with replaced(tone(6), ToneModel(), max_text=2_000_000) as chain:
        page = speech_client(browser, chain.line)
        page.evaluate("client.open(); client.sendText('a'.repeat(500_001) + '.')")
        page.wait_for_function(f"client.bytes === {6 * CHAR_BYTES}")
        chain.replace()
        assert closing(page) == ("gone", 4404)
        (error,) = told(page, "error")
        assert error["code"] == "no_session"


def test_outside_a_browser(tones: Running, line: Proxy, tmp_path: Path) -> None:
    """Where a WebSocket is global: Node 22, or an older one that is told to."""
    node = shutil.which("node")
    flags = ["--no-warnings", "--experimental-websocket"]
    probe = [*flags, "-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)"]
    if node is None or subprocess.run([node, *probe], capture_output=True).returncode:
        pytest.skip("there is no Node with a WebSocket")
    line.faults = cuts(5, 2_000, 20_000)
    for name in ("client.js", "codes.js", "retry.js", "transcript.js"):
        shutil.copy(app.CONSOLE / name, tmp_path / name)
    (tmp_path / "package.json").write_text('{"type":"module"}')
    (tmp_path / "main.js").write_text(
        'import { SpeechClient } from "./client.js"; let resumed = 0;'
        f'const client = new SpeechClient("{line.ws}/stream", {{ resumed: () => resumed++, '
        "close: ({ kind }) => console.log(JSON.stringify([kind, client.bytes, resumed])) });"
        f'client.speak("{"abcdefg " * 8}h.");'
    )
    done = subprocess.run(
        [node, *flags, tmp_path / "main.js"], capture_output=True, text=True, timeout=60, check=True
    )
    kind, size, resumed = json.loads(done.stdout)
    assert (kind, size) == ("done", 66 * CHAR_BYTES)
    assert resumed == line.accepted - 1 > 0
