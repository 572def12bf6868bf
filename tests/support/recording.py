"""Sessions that are recorded on the wire, so that a later server can be held against them.

Each scenario is a client that does one thing: it gets the address of a server and returns the
connections it made. What is random (session ids) is replaced; what depends on timing (how events
and frames interleave) is left out: of each connection we keep the bytes, the frame sizes, the
events of each type in order, and how it closed.

    python -m tests.support.recording URL FILE       record all scenarios of a running server
    python -m tests.support.recording OLD NEW        compare two such files
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import secrets
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.wire import Answer, hear, lose, next_event, nobody_connected, rest

HELLO = "Hello there, my friend. It is a good day, and we go on. Then we rest a while."
SHORT = "We are here. "
Scenario = Callable[[str], Awaitable[list[Answer]]]

_ID = re.compile(r"'[A-Za-z0-9_-]{22}'")

_SENT = re.compile(r"\d+, the bytes sent")

SCENARIOS: dict[str, Scenario] = {}


def scenario(name: str) -> Callable[[Scenario], Scenario]:
    """Add a scenario."""

    def keep(play: Scenario) -> Scenario:
        assert name not in SCENARIOS
        SCENARIOS[name] = play
        return play

    return keep


def opened(url: str, query: str) -> connect:
    return connect(f"{url}/stream?{query}", max_queue=None, max_size=None)


def write(*parts: str, seq: int | None = None) -> list[str]:
    numbered = ({} if seq is None else {"seq": seq + i} for i in range(len(parts)))
    return [
        json.dumps({"type": "text", "text": p, **n}) for p, n in zip(parts, numbered, strict=True)
    ]


def say(kind: str, **more: object) -> str:
    return json.dumps({"type": kind, **more})


async def send(ws: ClientConnection, *messages: str | bytes) -> None:
    with contextlib.suppress(ConnectionClosed):
        for message in messages:
            await ws.send(message)


def plain(name: str, query: str, *messages: str | bytes) -> None:
    """A scenario of one connection that sends all it has and listens to the end."""

    @scenario(name)
    async def play(url: str) -> list[Answer]:
        async with opened(url, query) as ws:
            await send(ws, *messages)
            return [await rest(ws)]


plain("url", f"text={quote(HELLO)}")
for _rate in (8000, 16000, 24000, 44100, 48000):
    plain(f"url at {_rate}", f"text={quote(HELLO)}&rate={_rate}")
plain("url with all settings", f"text={quote(HELLO)}&cfg=2&steps=8&speed=1.25&seed=7&context=reset")
plain("url without patience", f"text={quote(HELLO)}&patience=0")
plain("url without events", f"text={quote(HELLO)}&events=0")
plain("url with empty values", f"text={quote(HELLO)}&voice=&cfg=&rate=&seed=")
plain("whole", "", *write(HELLO), say("end"))
plain("letter by letter", "patience=0", *write(*HELLO), say("end"))
plain("word by word", "patience=0", *write(*HELLO.replace(" ", " |").split("|")), say("end"))
plain("numbered", "", *write(SHORT, HELLO, seq=1), say("end", seq=3))
plain("numbered and repeated", "", *write(SHORT, seq=1), *write(SHORT, seq=1), say("end", seq=2))
plain("a gap in the numbers", "", *write("We", seq=1), *write(SHORT, seq=3))
plain("nothing", "", say("end"))
plain("only blanks", "", *write("   \n "), say("end"))
plain("only signs", "", *write("?! — …"), say("end"))
plain("two scripts", "", *write("Good 你好 morning. "), say("end"))
plain("wrong: parameter", "text=Hello&wpm=3")
plain("wrong: voice", "text=Hello&voice=nobody")
plain("wrong: rate", "text=Hello&rate=11025")
plain("wrong: speed", "text=Hello&speed=9")
plain("wrong: steps", "text=Hello&steps=1.5")
plain("wrong: seed", "text=Hello&seed=-1")
plain("wrong: events", "text=Hello&events=2")
plain("wrong: context", "text=Hello&context=x")
plain("wrong: patience", "text=Hello&patience=61")
plain("wrong: id too short", "session_id=short")
plain("wrong: offset without id", "offset=0")
plain("wrong: no such session", f"session_id={'x' * 22}&offset=0")
plain("wrong: a script it cannot read", f"text={quote('你好')}")
plain("wrong: not JSON", "", "hello")
plain("wrong: binary", "", b"hello")
plain("wrong: type", "", say("speak"))
plain("wrong: text is no string", "", say("text", text=5))
plain("wrong: seq", "", say("text", text="a", seq=0))
plain("wrong: ack without bytes", "", say("ack"))
plain("wrong: ack of what was not sent", "", say("ack", bytes=2))
plain("wrong: too much text", "", *write("a " * 250_001), say("end"))


async def until(ws: ClientConnection, kind: str, answer: Answer) -> None:
    """Collect until an event of a kind has come."""
    async for message in ws:
        if isinstance(message, bytes):
            answer.frames.append(message)
            continue
        answer.events.append(json.loads(message))
        if answer.events[-1]["type"] == kind:
            return


def flushed(name: str, before: list[str], after: list[str]) -> None:
    """A scenario that flushes, and goes on when all is spoken.

    It has to wait: whether `end` comes before or after the last sound is a matter of timing, and
    with `end` there is no `drained`.
    """

    @scenario(name)
    async def play(url: str) -> list[Answer]:
        answer = Answer()
        async with opened(url, "") as ws:
            await send(ws, *before)
            await until(ws, "drained", answer)
            await send(ws, *after)
            return [await rest(ws, answer)]


flushed("flush at the end", [*write("one two"), say("flush")], [say("end")])
flushed("flush twice", [*write("one two"), say("flush"), say("flush")], [say("end")])
flushed(
    "flush in mid-sentence",
    [*write("one two"), say("flush")],
    [*write(" three. "), say("end")],
)


@scenario("drained, then more")
async def drained(url: str) -> list[Answer]:
    answer = Answer()
    async with opened(url, "") as ws:
        for part in ("one two", "three four. ", "five"):
            await send(ws, *write(part), say("flush"))
            await until(ws, "drained", answer)
        await send(ws, say("end"))
        return [await rest(ws, answer)]


@scenario("cancel, then more")
async def cancelled(url: str) -> list[Answer]:
    answer = Answer()
    async with opened(url, "") as ws:
        await send(ws, *write("one two"), say("flush"))
        await until(ws, "drained", answer)
        await send(ws, say("cancel"))
        await until(ws, "cancelled", answer)
        await send(ws, *write("three four. "), say("end"))
        return [await rest(ws, answer)]


@scenario("cancel of what was played in part")
async def cancelled_in_part(url: str) -> list[Answer]:
    answer = Answer()
    async with opened(url, "") as ws:
        await send(ws, *write("one two three four", seq=1), say("flush", seq=2))
        await until(ws, "drained", answer)
        played = len(answer.pcm) // 2 // 640 * 640
        await send(ws, say("cancel", bytes=played, seq=3), say("end", seq=4))
        return [await rest(ws, answer)]


@scenario("wrong: text after the end")
async def after_the_end(url: str) -> list[Answer]:
    async with opened(url, "") as ws:
        # It acknowledges nothing, so that the server waits when its replay is full.
        await send(ws, say("ack", bytes=0), *write(HELLO * 200), say("end"), *write("more"))
        answer = await rest(ws)
    events = [e for e in answer.events if e["type"] != "mark"]
    return [Answer([], events, answer.code, answer.reason)]


@scenario("cancel of a complete text")
async def cancelled_for_good(url: str) -> list[Answer]:
    async with opened(url, f"text={quote(HELLO * 200)}") as ws:
        await send(ws, say("ack", bytes=0))  # so that it waits when its replay is full
        answer = await hear(ws, 1)
        await send(ws, say("cancel", bytes=0))
        answer = await rest(ws, answer)
    end = answer.event("end")
    assert end["bytes"] == len(answer.pcm)
    end["bytes"] = "as many as came"
    marks = [e for e in answer.events if e["type"] != "mark"]
    return [Answer([], marks, answer.code, answer.reason)]


@scenario("acknowledged")
async def acknowledged(url: str) -> list[Answer]:
    async with opened(url, f"text={quote(HELLO)}") as ws:
        answer = await hear(ws, 6400)
        await send(ws, say("ack", bytes=6400))
        return [await rest(ws, answer)]


def resumed(name: str, cut: int, offset: int, query: str = "") -> None:
    @scenario(name)
    async def play(url: str) -> list[Answer]:
        async with opened(url, f"text={quote(HELLO)}{query}") as ws:
            first = await hear(ws, cut)
            id_ = first.event("session")["session_id"]
            await lose(ws)
        async with opened(url, f"session_id={id_}&offset={offset}") as ws:
            return [await rest(ws)]


resumed("resume at the start", 3200, 0)
resumed("resume at a frame", 6400, 6400)
resumed("resume within a frame", 6400, 3202)
resumed("resume at 24 kHz", 9600, 960, "&rate=24000")
resumed("wrong: odd offset", 3200, 3)
resumed("wrong: offset far ahead", 3200, 2**40)


@scenario("resume with an id of its own, numbered text again")
async def own_id(url: str) -> list[Answer]:
    id_ = secrets.token_urlsafe(16)
    async with opened(url, f"session_id={id_}") as ws:
        await send(ws, *write("One two. ", "Three four. ", seq=1))
        for _ in range(2):
            await next_event(ws, "text_ack")
        await lose(ws)
    async with opened(url, f"session_id={id_}") as ws:
        await send(ws, *write("Three four. ", "Five six. ", seq=2), say("end", seq=4))
        return [await rest(ws)]


@scenario("resume of what has ended")
async def ended(url: str) -> list[Answer]:
    async with opened(url, f"text={quote(SHORT)}") as ws:
        first = await rest(ws)
        id_ = first.event("session")["session_id"]
    async with opened(url, f"session_id={id_}&offset=640") as ws:
        return [first, await rest(ws)]


@scenario("wrong: other settings on a resume")
async def other_settings(url: str) -> list[Answer]:
    answers = []
    async with opened(url, "seed=3") as ws:
        id_ = (await next_event(ws, "session"))["session_id"]
        await lose(ws)
    for query in ("seed=4", "rate=8000", "text=more"):
        async with opened(url, f"session_id={id_}&{query}") as ws:
            answers.append(await rest(ws))
    return answers


@scenario("two connections")
async def two(url: str) -> list[Answer]:
    async with opened(url, "") as older:
        id_ = (await next_event(older, "session"))["session_id"]
        async with opened(url, f"session_id={id_}&offset=0") as newer:
            evicted = await rest(older)
            await send(newer, *write(HELLO), say("end"))
            return [evicted, await rest(newer)]


@scenario("a goodbye ends the session")
async def goodbye(url: str) -> list[Answer]:
    async with opened(url, "") as ws:
        id_ = (await next_event(ws, "session"))["session_id"]
    await nobody_connected(url.replace("ws", "http", 1))
    async with opened(url, f"session_id={id_}&offset=0") as ws:
        return [await rest(ws)]


def canonical(answer: Answer, ids: dict[str, str]) -> dict[str, Any]:
    """What has to stay of a connection."""
    events: dict[str, list[dict[str, Any]]] = {}
    order = []
    for event in answer.events:
        if id_ := event.get("session_id"):
            event = {**event, "session_id": ids.setdefault(id_, f"session {len(ids) + 1}")}
        if "message" in event:
            event = {**event, "message": _settled(event["message"])}
        events.setdefault(event["type"], []).append(event)
        if event["type"] in {"session", "cancelled", "drained", "end", "error"}:
            order.append(event["type"])
    return {
        "bytes": len(answer.pcm),
        "sha256": hashlib.sha256(answer.pcm).hexdigest(),
        "first": len(answer.frames[0]) if answer.frames else 0,
        "sizes": sorted({len(frame) for frame in answer.frames[1:]}),
        "events": events,
        "order": order,
        "code": answer.code,
        "reason": _settled(answer.reason),
    }


def _settled(words: str) -> str:
    """Words without what is random, or a matter of timing."""
    return _SENT.sub("N, the bytes sent", _ID.sub("ID", words))


async def record(url: str, names: list[str] | None = None) -> dict[str, Any]:
    """Play scenarios, all by default, one after the other."""
    recorded = {}
    for name in names or SCENARIOS:
        ids: dict[str, str] = {}
        answers = await asyncio.wait_for(SCENARIOS[name](url), 60)
        recorded[name] = [canonical(answer, ids) for answer in answers]
    return recorded


def as_text(recorded: dict[str, Any]) -> str:
    """JSON, a line for each scenario."""
    lines = (
        f"{json.dumps(name)}: {json.dumps(connections, ensure_ascii=False)}"
        for name, connections in recorded.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """A line for each thing that is not as it was."""
    lines = []
    for name in {**before, **after}:
        one, other = before.get(name), after.get(name)
        if one is None or other is None or len(one) != len(other):
            lines.append(f"{name}: not in both")
            continue
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            lines += [
                f"{name}, connection {i + 1}, {key}: {a.get(key)} -> {b.get(key)}"
                for key in {**a, **b}
                if a.get(key) != b.get(key)
            ]
    return lines


def main(first: str, second: str) -> None:
    if first.startswith("ws"):
        Path(second).write_text(as_text(asyncio.run(record(first))))
        return
    one, other = (json.loads(Path(name).read_text()) for name in (first, second))
    lines = differences(one, other)
    print(*lines, f"{len(one)} sessions, {len(lines)} differences", sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
