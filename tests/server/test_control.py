"""Speech control on `/stream`: SSML, plain pauses, lexicons, and what is told of the rest."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect

from tests.support.hearing import samples, word_errors
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from tests.support.wire import ask, hear, lose, text
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.hibari.model import HibariModel

SSML = (
    '<speak>Hello <sub alias="my friend">mf</sub>, how are you? <break time="1s"/>'
    "<prosody rate='slow'>This is a slow sentence, which goes on for a while.</prosody> "
    "And <b>this one</b> is quick &amp; short. Thank you for listening to all of it.</speak>"
)
SAID = (
    "Hello my friend, how are you? This is a slow sentence, which goes on for a while. "
    "And this one is quick and short. Thank you for listening to all of it."
)


def warnings(answer: object) -> list[str]:
    return [e["message"] for e in answer.events if e.get("code") == "markup"]


async def test_ssml_is_heard_and_marked(server: Running) -> None:
    answer = await ask(server, "markup=ssml", *text(SSML))
    assert answer.code == 1000
    assert word_errors(samples(answer.pcm), SAID) <= 0.05
    marks = [e for e in answer.events if e["type"] == "mark" or "chars" in e]
    words = [SSML[slice(*e["chars"])] for e in marks if isinstance(e["chars"], list)]
    assert words[0] == "Hello"
    assert any(word.startswith("mf") for word in words)
    assert warnings(answer) == [
        "<b> is not known here; what it holds is spoken, and nothing else done"
    ]


async def test_letter_by_letter_it_is_the_same(server: Running) -> None:
    whole = await ask(server, "markup=ssml&text=" + quote(SSML))
    letters = await ask(server, "markup=ssml&patience=0", *text(*SSML))
    assert letters.pcm == whole.pcm


async def test_without_markup_nothing_is_understood(server: Running) -> None:
    plain = await ask(server, "text=" + quote("Five &amp; six <foo> seven."))
    assert plain.pcm
    assert not warnings(plain)
    same = await ask(server, "markup=&text=" + quote("Five &amp; six <foo> seven."))
    assert same.pcm == plain.pcm


@pytest.mark.parametrize("share", [0.1, 0.35, 0.5, 0.8, 0.95])
async def test_it_goes_on_within_an_element(server: Running, share: float) -> None:
    whole = await ask(server, "markup=ssml&text=" + quote(SSML))
    at = int(len(whole.pcm) * share) // 2 * 2
    async with connect(
        f"{server.ws}/stream?markup=ssml&text={quote(SSML)}", max_queue=None, max_size=None
    ) as ws:
        heard = await hear(ws, at + 1)
        session = heard.event("session")["session_id"]
        await lose(ws)
    rest = await ask(server, f"session_id={session}&offset={at}")
    assert heard.pcm[:at] + rest.pcm == whole.pcm


async def test_another_process_goes_on_with_it(compact: HibariModel, tmp_path: Path) -> None:
    store = f"file:{tmp_path / 'sessions.db'}"
    query = "markup=ssml&lexicon=" + quote('{"quick": "fast"}')
    with serving(compact, lead=2.0, store=store) as first:
        whole = await ask(first, f"{query}&events=1&text=" + quote(SSML))
        async with connect(f"{first.ws}/stream?{query}", max_queue=None, max_size=None) as ws:
            await ws.send(json.dumps({"type": "text", "text": SSML, "seq": 1}))
            await ws.send(json.dumps({"type": "end", "seq": 2}))
            heard = await hear(ws, 60_000)
            session = heard.event("session")["session_id"]
            await lose(ws)
    with serving(compact, store=store) as second:
        rest = await ask(second, f"session_id={session}&offset=50000")
    assert heard.pcm[:50_000] + rest.pcm == whole.pcm


async def test_a_lexicon_of_the_request(server: Running) -> None:
    lexicon = quote(json.dumps({"nginx": "engine x", "Bath": "/bæθ/"}))
    answer = await ask(server, f"lexicon={lexicon}", *text("We run nginx in Bath."))
    expected = await ask(server, "", *text("We run engine x in Bath."))
    assert word_errors(samples(answer.pcm), "We run engine x in Bath.") <= 0.05
    assert abs(len(answer.pcm) - len(expected.pcm)) < 32_000 * 0.3


async def test_a_lexicon_for_all(compact: HibariModel, tmp_path: Path) -> None:
    path = tmp_path / "words.yaml"
    path.write_text("en:\n  nginx: engine x\nen-Heart_woman:\n  k8s: kubernetes\n")
    with serving(compact, lexicon=str(path)) as running:
        answer = await ask(running, "", *text("We use nginx and K8s."))
        named = await ask(running, "", *text("We use engine x and kubernetes."))
    assert answer.pcm == named.pcm


def test_a_wrong_lexicon_does_not_start(compact: HibariModel, tmp_path: Path) -> None:
    path = tmp_path / "words.yaml"
    path.write_text("en:\n  two words: x\n")
    with (
        pytest.raises(BadParameter, match=r"words\.yaml, line 2: a word has"),
        serving(compact, lexicon=str(path)),
    ):
        pass


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("markup=html", "markup must be ssml or pauses; got 'html'"),
        ("markup=ssml&language=auto", "markup needs one voice for all the text"),
        ("lexicon=[1]", 'lexicon must be a JSON object like {"nginx": "engine x"}'),
        ("lexicon=" + "[" * 3000, "lexicon must be a JSON object"),
        ('lexicon={"a b":"c"}', "lexicon: a word has 1 to 64 characters and no spaces"),
        ('lexicon={"a":5}', "lexicon: an entry is a word and a text"),
    ],
)
async def test_what_is_wrong_is_told(server: Running, query: str, message: str) -> None:
    answer = await ask(server, quote(query, safe="=&") + "&text=Hi")
    told = answer.event("error")
    assert told["code"] == "bad_parameter"
    assert told["field"] == query.partition("=")[0]
    assert message in told["message"]
    assert answer.code == 4400
    assert (await ask(server, "text=Hello")).code == 1000, "the next user is served"


async def test_a_session_keeps_its_markup(server: Running) -> None:
    async with connect(f"{server.ws}/stream?markup=ssml&text={quote(SSML)}", max_queue=None) as ws:
        session = (await hear(ws, 640)).event("session")["session_id"]
        await lose(ws)
    answer = await ask(server, f"session_id={session}&offset=0&markup=pauses")
    assert "markup of a session stays what it was, ssml" in answer.event("error")["message"]
    answer = await ask(server, f"session_id={session}&offset=0&lexicon=" + quote('{"a": "b"}'))
    assert "lexicon of a session stays what it was" in answer.event("error")["message"]


async def test_a_voice_without_them_says_so() -> None:
    with serving(ToneModel()) as running:
        answer = await ask(
            running, "markup=ssml&lexicon=" + quote('{"x": "/a/"}'),
            *text("<prosody rate='slow'>An x.</prosody>"),
        )  # fmt: skip
    assert len(answer.pcm) == 5 * 640
    assert sorted(warnings(answer)) == [
        "the voice xx-Tone has no other pace: <prosody rate> has no effect",
        "the voice xx-Tone takes no phonemes; the words were read as written",
    ]


async def test_only_tags_say_nothing(server: Running) -> None:
    answer = await ask(server, "markup=ssml", *text("<speak><break time='1s'/></speak>"))
    assert answer.event("end")["reason"] == "empty"
    assert warnings(answer) == ["a break at the end of the text is not heard"]


async def test_a_flush_within_a_tag_is_answered(server: Running) -> None:
    async with connect(f"{server.ws}/stream?markup=ssml", max_queue=None) as ws:
        await ws.send(json.dumps({"type": "text", "text": "Hello there <brea"}))
        await ws.send(json.dumps({"type": "flush"}))
        async for message in ws:
            if isinstance(message, str) and json.loads(message)["type"] == "drained":
                break
        await ws.send(json.dumps({"type": "text", "text": "k/> friend."}))
        await ws.send(json.dumps({"type": "end"}))
        async for message in ws:
            if isinstance(message, str) and json.loads(message)["type"] == "end":
                assert json.loads(message)["reason"] == "done"
                break


async def test_tags_are_in_no_language(server: Running) -> None:
    head = "<speak><prosody rate='medium'><emphasis level='strong'>" * 2
    answer = await ask(server, "markup=ssml", *text(head + "Hello my friend."))
    assert not [e for e in answer.events if e.get("code") == "language"]
