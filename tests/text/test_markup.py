"""Marks in text: told apart from what is spoken, however the text arrives, and never read aloud."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibevoice_pro.text.lexicon import Lexicon, check_entries
from vibevoice_pro.text.markup import MAX_CONTENT, MAX_DEPTH, Markup
from vibevoice_pro.text.steps import Break, Flush, Odd, Said, Step

WORDS = Lexicon(check_entries({"nginx": "engine x", "C++": "see plus plus", "Ann": "/æn/"}))
NONE = Lexicon(())

PIECES = [
    "Hello", " ", "world. ", "nginx", "C++", "Ann's", "<", ">", "&", "&amp;", "&#x41;", "&bogus;",
    "<speak>", "</speak>", "<p>", "</p>", "<s>", "</s>", '<break time="300ms"/>', "<break/>",
    "<break strength='strong'>", "</break>", '<prosody rate="slow">', "<prosody rate='+10%'>",
    "</prosody>", '<sub alias="World Wide Web">', "</sub>", '<say-as interpret-as="characters">',
    "</say-as>", '<phoneme ph="təˈmeɪtoʊ">', "</phoneme>", "<emphasis>", "<foo bar='>'>", "</foo>",
    "<!-- no -->", "<![CDATA[a < b]]>", "<?xml version='1.0'?>", "<!DOCTYPE x [<!ENTITY a 'b'>]>",
    "<prosody rate=", '"', "'", "\n\n", "今日は", "x" * 90,
]  # fmt: skip
SOUP = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def joined(steps: list[Step]) -> list[Step]:
    """Steps with text that goes on as one."""
    found: list[Step] = []
    for step in steps:
        last = found[-1] if found else None
        if (
            isinstance(step, Said) and isinstance(last, Said) and step.exact and last.exact
            and step.elements == last.elements and step.begin == last.end
        ):  # fmt: skip
            text, chars = last.text + step.text, (last.chars[0], step.end)
            found[-1] = Said(text, chars, last.begin, step.end, last.elements)
        else:
            found.append(step)
    return found


def spoken(steps: list[Step]) -> list[Step]:
    """As `joined`, without what was not done: that may be told earlier than it is written."""
    return joined([step for step in steps if not isinstance(step, Odd)])


def drain(markup: Markup) -> list[Step]:
    steps = []
    while (step := markup.next()) is not None:
        steps.append(step)
    return steps


def read(*parts: str, markup: str = "ssml", words: Lexicon = NONE, flush: int = -1) -> list[Step]:
    """All steps of a text in parts; `flush`: after how many of them."""
    reading = Markup(markup, "en", words)
    steps = []
    for i, part in enumerate(parts):
        reading.feed(part)
        if i == flush:
            reading.flush()
        steps += drain(reading)
    reading.finish()
    steps += drain(reading)
    assert reading.empty
    assert not reading.waiting
    return joined(steps)


def said(*parts: str, **options: object) -> str:
    return "".join(step.text for step in read(*parts, **options) if isinstance(step, Said))


def odd(*parts: str) -> list[str]:
    return [step.message for step in read(*parts) if isinstance(step, Odd)]


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


@given(SOUP, st.lists(st.integers(0, 2000), max_size=6), st.sampled_from([NONE, WORDS]))
def test_however_it_arrives(text: str, places: list[int], words: Lexicon) -> None:
    whole = read(text, words=words)
    assert read(*cut(text, places), words=words) == whole
    assert read(*text, words=words) == whole


@given(SOUP, st.integers(0, 2000), st.lists(st.integers(0, 2000), max_size=4))
def test_a_flush_is_where_it_is(text: str, place: int, places: list[int]) -> None:
    before, after = cut(text, [place])
    whole = read(before, after, words=WORDS, flush=0)
    parts = cut(before, places)
    assert read(*parts, *after, words=WORDS, flush=len(parts) - 1) == whole


@given(SOUP, st.sampled_from([NONE, WORDS]))
def test_from_each_place_it_goes_on_the_same(text: str, words: Lexicon) -> None:
    whole = read(text, words=words)
    for i, step in enumerate(whole):
        if isinstance(step, Said) and step.begin is not None and step.text.strip():
            resumed = Markup("ssml", "en", words, step.begin, step.elements)
            resumed.feed(text[step.begin :])
            resumed.finish()
            assert spoken(drain(resumed)) == spoken(whole[i:])


@given(SOUP)
def test_no_markup_is_read_and_no_word_is_lost(text: str) -> None:
    heard = said(text)
    for tag in ("<speak", "<break", "<prosody", "</", "rate=", "alias=", "<!--", "interpret-as"):
        assert tag not in heard
    assert heard.count("world") == text.count("world") or odd(text)


@given(st.text(alphabet="<>/&;=\"' abprosdy![]-?#x1", max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert read(*text) == read(text)


def test_where_it_is_written() -> None:
    text = 'See <sub alias="World Wide Web">WWW</sub> &amp; <b>on</b>.'
    places = {s.text.strip(): text[slice(*s.chars)] for s in read(text) if isinstance(s, Said)}
    assert places == {"See": "See ", "World Wide Web": "WWW", "": " ", "&": "&amp;", "on": "on",
                      ".": "."}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<say-as interpret-as="characters">NASA</say-as>', "N A. S A."),
        ('<say-as interpret-as="digits">2024</say-as>', "2 0 2 4"),
        ('<say-as interpret-as="telephone">+1 (555) 12</say-as>', "+ 1, 5 5 5, 1 2"),
        ('<say-as interpret-as="date" format="dmy">17/5/2024</say-as>', "2024-05-17"),
        ('<say-as interpret-as="ordinal">22</say-as>', "22nd"),
        ('<say-as interpret-as="cardinal">12345</say-as>', "12,345"),
        ("a<!-- not this -->b", "ab"),
        ("<![CDATA[x < y]]>", "x < y"),
        ("if a < b & c > d", "if a < b & c > d"),
        ("&lt;break/&gt;", "<break/>"),
        ("<s>One</s><s>Two!</s>", "One.  Two! "),
        ("<sub alias='engine x'/>", "engine x"),
        ("<speak>Hi</speak>", "Hi"),
        ("<break time=1s>Hi</break>", "Hi"),
    ],
)
def test_what_is_said(text: str, expected: str) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<foo>Hi</foo>", "<foo> is not known here"),
        ("<prosody rate='slow'>Hi", ""),
        ("Hi</prosody>", "</prosody> closes nothing"),
        ("<p><prosody rate='slow'>Hi</p>", "<prosody> is not closed before </p>"),
        ("Hi <prosody rate=", "does not end before the text does"),
        ("Hi <break time='1s' and <b>so</b>", "does not end before the next one begins"),
        ("<break " + "x" * 1200, "does not end within 1000 characters"),
        ("<break time='soon'/>", "like 300ms or 0.5s"),
        ("<break time='1h'/>", "like 300ms or 0.5s"),
        ("<break time='60s'/>", "10 s at most"),
        ("<break strength='huge'/>", "one of none, x-weak"),
        ("<prosody rate='quickly'>Hi</prosody>", "the rate of <prosody> is one of x-slow"),
        ("<prosody rate='900%'>Hi</prosody>", "from 0.25 to 4"),
        ("<prosody pitch='high'>Hi</prosody>", "pitch of <prosody> has no effect"),
        ("<speed ratio='9'/>Hi", "the ratio of <speed> is from 0.25 to 4"),
        ("<volume ratio='0.5'/>Hi", "<volume> is not known here"),
        ("<emphasis>Hi</emphasis>", "<emphasis> has no effect"),
        ("<say-as interpret-as='song'>Hi</say-as>", "can't read this as 'song'"),
        ("<sub>Hi</sub>", "<sub> needs alias"),
        ("<sub alias='x'>Hi", "<sub> is not closed"),
        ("<sub alias='x'>Hi <b>so</b></sub>", "<sub> holds text alone"),
        ("<sub alias='x'>" + "a " * MAX_CONTENT, "more than 400 characters"),
        ("<phoneme alphabet='x-sampa' ph='a'>Hi</phoneme>", "the alphabet of <phoneme> is ipa"),
        ("<phoneme>Hi</phoneme>", "<phoneme> needs ph"),
        ("&bogus; Hi", "the entity &bogus; is not known"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>&b;", "a document type and its entities"),
        ("<b>" * (MAX_DEPTH + 1), "more than 16 elements"),
    ],
)
def test_what_is_not_done_is_said(text: str, message: str) -> None:
    told = odd(text)
    assert (any(message in each for each in told)) if message else not told


def test_entities_do_not_explode() -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 9))
    heard = said(f"<!DOCTYPE lolz [{laughs}]><speak>&l8; Hi</speak>")
    assert heard.strip() == "Hi"


def test_breaks_and_paces() -> None:
    steps = read('A<break time=".5s"/><break/>B<prosody rate="50%">C<prosody rate="+20%">D')
    assert [s.seconds for s in steps if isinstance(s, Break)] == [0.5, 0.4]
    assert [s.pace for s in steps if isinstance(s, Said)] == [1, 1, 0.5, 0.6]


def test_tags_of_cartesia() -> None:
    steps = read('A<speed ratio="0.8"/>B<speed ratio="1.5"/>C<spell>AB</spell><speed/>D')
    assert [s.pace for s in steps if isinstance(s, Said)] == [1, 0.8, 1.5, 1.5, 1]
    assert said("<spell>AB1</spell>") == said("<say-as interpret-as='spell-out'>AB1</say-as>")
    many = read("".join(f'<speed ratio="1.{i}"/>a' for i in range(1, 99)))
    assert not [s for s in many if isinstance(s, Odd)]


def test_a_flush_within_a_tag_acts_before_it() -> None:
    steps = read("Hi <brea", "k/> you", flush=0)
    assert [type(step) for step in steps] == [Said, Flush, Break, Said]


def test_plain_pauses() -> None:
    steps = read("Wait [pause:0.5s] [note] [pause 20ms]", markup="pauses")
    assert [s.seconds for s in steps if isinstance(s, Break)] == [0.5, 0.02]
    assert said(*"a [pause:1s][pau", markup="pauses") == "a [pau"
    assert said("a [pause:1s] <b>", markup="ssml") == "a [pause:1s] "


def test_text_without_marks_is_as_it_was() -> None:
    text = "<b> &amp; [pause:1s] nginx"
    assert said(text, markup="") == text
    assert said(text, markup="", words=WORDS) == text.replace("nginx", "engine x")
