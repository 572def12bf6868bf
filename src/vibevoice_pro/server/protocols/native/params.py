"""What a client may ask for in the URL of `/stream`, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from vibevoice_pro.audio.frames import RATES
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.engine.stream import StreamConfig
from vibevoice_pro.errors import BadParameter, TextTooLong, Unspeakable
from vibevoice_pro.models.base import CONTEXTS, AnyModel, Knob, Options
from vibevoice_pro.text.scripts import readable_scripts, script, speakable

PARAMETERS = (
    "text", "voice", "cfg", "steps", "rate", "speed", "seed", "context", "patience", "events",
    "session_id", "offset",
)  # fmt: skip

_OFFSET = Knob(0, 2**53, 0, integer=True)


@dataclass(frozen=True)
class StreamRequest:
    """A checked request.

    Attributes:
        text: the whole text, or None if the client sends it in messages.
        patience: see `StreamConfig`.
        events: whether the client wants JSON messages beside the audio.
        session_id: of the session to go on with, or to begin; None: a new one.
        offset: byte to go on from, None: not said.
    """

    text: str | None
    voice: str
    options: Options
    rate: int
    patience: float
    events: bool
    session_id: str | None
    offset: int | None

    def config(self, base: StreamConfig) -> StreamConfig:
        """The stream that is asked for; what a client has no say in is as in `base`."""
        return replace(
            base, voice=self.voice, options=self.options, rate=self.rate, patience=self.patience
        )


def _number(name: str, value: str, knob: Knob) -> float:
    """`value` as a number in the knob's range, or `BadParameter` that names the range."""
    kind = "a whole number" if knob.integer else "a number"
    try:
        number = int(value) if knob.integer else float(value)
    except ValueError:
        number = math.nan
    if not knob.minimum <= number <= knob.maximum:
        raise BadParameter(
            f"{name} must be {kind} from {knob.minimum:g} to {knob.maximum:.10g}; "
            f"got {value[:80]!r}"
        )
    return number


def default_voice(model: AnyModel, settings: Settings) -> str:
    """The voice that speaks when nobody names one."""
    return settings.default_voice or next(iter(model.voices))


def default_knobs(model: AnyModel, settings: Settings) -> dict[str, float]:
    """The value of each of the model's knobs when nobody names one."""
    set_here = {"cfg": settings.default_cfg, "steps": settings.default_steps}
    return {name: set_here.get(name, knob.default) for name, knob in model.info.knobs.items()}


def parse_stream(query: Mapping[str, str], model: AnyModel, settings: Settings) -> StreamRequest:
    """Check the query of `/stream`.

    Raises:
        BadParameter: a value is out of range or a name unknown; it says what is allowed.
        Unspeakable: `text` is there, but holds nothing that the voice can say.
        TextTooLong: `text` is longer than the server holds for one stream.
    """
    unknown = [name for name in query if name not in PARAMETERS]
    if unknown:
        raise BadParameter(
            f"unknown parameter {unknown[0][:80]!r}; known are {', '.join(PARAMETERS)}"
        )
    defaults = default_knobs(model, settings)

    def knob(name: str) -> float:
        value = query.get(name)
        return _number(name, value, model.info.knobs[name]) if value else defaults[name]

    voice = query.get("voice") or default_voice(model, settings)
    if voice not in model.voices:
        raise BadParameter(f"voice must be one of {', '.join(model.voices)}; got {voice[:80]!r}")
    rates = ", ".join(map(str, RATES))
    rate = query.get("rate") or "16000"
    if rate not in map(str, RATES):
        raise BadParameter(f"rate must be one of {rates}; got {rate[:80]!r}")
    events = query.get("events") or "1"
    if events not in {"0", "1"}:
        raise BadParameter(f"events must be 0 or 1; got {events[:80]!r}")
    context = query.get("context") or "carry"
    if context not in CONTEXTS:
        raise BadParameter(f"context must be carry or reset; got {context[:80]!r}")
    patience = query.get("patience")
    session_id = query.get("session_id") or None
    offset = query.get("offset")
    if offset and session_id is None:
        raise BadParameter("offset needs session_id: it goes on with a session")
    text = query.get("text")
    if text is not None:
        _check_text(text, model.voices[voice].language, voice, settings.max_text)
    return StreamRequest(
        text=text,
        voice=voice,
        options=Options(
            cfg=knob("cfg"),
            steps=int(knob("steps")),
            speed=knob("speed"),
            seed=int(knob("seed")),
            context=context,
        ),
        rate=int(rate),
        patience=_number("patience", patience, Knob(0, 60, 0)) if patience else settings.patience,
        events=events == "1",
        session_id=session_id,
        offset=int(_number("offset", offset, _OFFSET)) if offset else None,
    )


def check_same(query: Mapping[str, str], asked: StreamRequest, session: StreamConfig) -> None:
    """What is asked for besides must be what the session has already.

    Raises:
        BadParameter: it is something else.
    """
    if asked.text is not None:
        raise BadParameter("the session has its text already; leave text out to go on with it")
    mine, theirs = _named(asked.config(session)), _named(session)
    for name, value in theirs.items():
        if query.get(name) and mine[name] != value:
            raise BadParameter(f"{name} of a session stays what it was, {value}; leave it out")


def _named(config: StreamConfig) -> dict[str, object]:
    """The parameters in the URL that a session keeps."""
    at_top = ("voice", "rate", "patience")
    return {name: getattr(config, name) for name in at_top} | asdict(config.options)


def _check_text(text: str, language: str, voice: str, longest: int) -> None:
    if not text.strip():
        raise Unspeakable("text is empty; leave it out of the URL to send text in messages")
    if len(text) > longest:
        raise TextTooLong(f"text has {len(text):,} characters; at most {longest:,} are allowed")
    if not speakable(text):
        raise Unspeakable("text holds no letter and no digit, so there is nothing to say")
    readable = readable_scripts(language)
    if not any(c.isalnum() and (script(c) or next(iter(readable))) in readable for c in text):
        raise Unspeakable(
            f"voice {voice} speaks language {language!r} and can read none of the letters in text"
        )
