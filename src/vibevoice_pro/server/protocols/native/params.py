"""The query of `/stream`, translated to a request for speech."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from vibevoice_pro.audio.frames import RATES
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import KNOBS, Knob
from vibevoice_pro.speech.request import (
    KNOB_PATIENCE,
    SpeechRequest,
    check_choice,
    check_number,
)
from vibevoice_pro.speech.service import Reopening

PARAMETERS = (
    "text", "voice", "language", "cfg", "steps", "rate", "speed", "seed", "context", "patience",
    "markup", "lexicon", "events", "session_id", "offset", "reopen",
)  # fmt: skip

_OFFSET = Knob(0, 2**53, 0, integer=True)


@dataclass(frozen=True)
class Query:
    """A query that was read.

    Attributes:
        request: what is to be spoken, and how.
        events: whether the client wants JSON messages beside the audio.
        session_id: of the session to resume, or to begin; None: a new one.
        offset: byte to resume from, None: not said.
        reopening: see `Service.resume`.
    """

    request: SpeechRequest
    events: bool
    session_id: str | None
    offset: int | None
    reopening: Reopening | None


def parse_query(query: Mapping[str, str]) -> Query:
    """Read the query of `/stream`; a parameter without a value counts as left out.

    Raises:
        BadParameter: a value is out of range or a name unknown; it says what is allowed.
    """
    for name in query:
        if name not in PARAMETERS:
            raise BadParameter(
                f"unknown parameter {name[:80]!r}; known are {', '.join(PARAMETERS)}",
                field=name[:80],
            )

    def number(name: str, knob: Knob) -> float | None:
        value = query.get(name)
        return check_number(name, value, knob) if value else None

    def whole(name: str, knob: Knob) -> int | None:
        value = number(name, knob)
        return None if value is None else int(value)

    rate = query.get("rate")
    if rate:
        check_choice("rate", rate, tuple(map(str, RATES)))
    events = query.get("events") or "1"
    check_choice("events", events, ("0", "1"))
    session_id = query.get("session_id") or None
    for name in ("offset", "reopen"):
        if query.get(name) and session_id is None:
            raise BadParameter(f"{name} needs session_id: it goes on with a session", field=name)
    return Query(
        request=SpeechRequest(
            text=query.get("text"),
            voice=query.get("voice") or "",
            language=query.get("language") or "",
            rate=int(rate) if rate else None,
            cfg=number("cfg", KNOBS["cfg"]),
            steps=whole("steps", KNOBS["steps"]),
            speed=number("speed", KNOBS["speed"]),
            seed=whole("seed", KNOBS["seed"]),
            context=query.get("context") or None,
            patience=number("patience", KNOB_PATIENCE),
            markup=query.get("markup") or "",
            lexicon=_lexicon(query.get("lexicon")),
        ),
        events=events == "1",
        session_id=session_id,
        offset=whole("offset", _OFFSET),
        reopening=_reopening(query.get("reopen")),
    )


def _lexicon(value: str | None) -> dict[str, str]:
    """An object in JSON; what is in it is checked with the request."""
    if not value:
        return {}
    try:
        entries = json.loads(value)
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, dict):
        raise BadParameter(
            f'lexicon must be a JSON object like {{"nginx": "engine x"}}; got {value[:40]!r}',
            field="lexicon",
        )
    return entries


def _reopening(value: str | None) -> Reopening | None:
    if not value:
        return None
    place = re.fullmatch(r"(\d{1,16}),(\d{1,16})", value)
    if place is None or int(place[1]) % 2:
        raise BadParameter(
            "reopen must be BYTE,CHAR: where in the audio (an even byte) and in the text the "
            f"text begins that will be written again, 0,0 at first; got {value[:80]!r}",
            field="reopen",
        )
    return Reopening(int(place[1]), int(place[2]))
