"""What somebody wants spoken, and how."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from vibevoice_pro.audio.frames import RATES
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import CONTEXTS, KNOBS, Knob
from vibevoice_pro.text.lexicon import check_entries
from vibevoice_pro.text.ssml import TOKENS

AUTO = "auto"
"""The language that lets the text decide who speaks."""

MARKUPS = tuple(filter(None, TOKENS))
"""What markup a request may name."""

KNOB_PATIENCE = Knob(0, 60, 0)
"""Seconds a writer may hesitate; the default is a setting."""


class Pace(enum.Enum):
    """How fast speech is made."""

    LIVE = "paced to a listener who plays it while it is made"
    BULK = "as fast as possible, after all who listen"


@dataclass(frozen=True)
class SpeechRequest:
    """What is asked for; what is None was not said, and the server's settings decide.

    `Service` checks it once, against the voices and limits there are.

    Attributes:
        text: all of it, if it is known; None: it will be written.
        voice: a voice id or an alias; empty: one of `language`, or the server's default.
        language: BCP-47 tag, e.g. `en`; only heeded where no voice is named, or one that can be of
            any language (an alias like `alloy`). `AUTO`: each sentence is spoken by a voice of its
            language, by the named one where that speaks it or where no other is clear.
        rate: sample rate of the PCM in Hz.
        cfg: guidance scale; steps: denoising steps; speed: pace, 1 is the voice's own.
        seed: of all random draws.
        context: what a turn after a flush begins from, `carry` or `reset`; see `Options`.
        patience: seconds a writer may hesitate, see `StreamConfig`.
        pace: see `Pace`.
        markup: which marks the text has: empty, none; `ssml`; `pauses`, like `[pause:0.5s]`.
        lexicon: words and what is said for each: a text, or phonemes of the IPA between slashes.
    """

    text: str | None = None
    voice: str = ""
    language: str = ""
    rate: int | None = None
    cfg: float | None = None
    steps: int | None = None
    speed: float | None = None
    seed: int | None = None
    context: str | None = None
    patience: float | None = None
    pace: Pace = Pace.LIVE
    markup: str = ""
    lexicon: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """See whether each value is one of those allowed.

        Raises:
            BadParameter: one is not; it names the field and what is allowed.
        """
        for name, knob in (*KNOBS.items(), ("patience", KNOB_PATIENCE)):
            value = getattr(self, name)
            if value is not None:
                check_number(name, value, knob)
        if self.rate is not None:
            check_choice("rate", self.rate, RATES)
        if self.context is not None:
            check_choice("context", self.context, CONTEXTS)
        if self.markup:
            check_choice("markup", self.markup, MARKUPS)
        check_entries(self.lexicon)
        if self.language == AUTO and (self.markup or self.lexicon):
            name = "markup" if self.markup else "lexicon"
            raise BadParameter(
                f"{name} needs one voice for all the text; leave language=auto out", field=name
            )


def check_number(name: str, value: str | float, knob: Knob) -> float:
    """`value`, perhaps still as text, as a number in the knob's range.

    Raises:
        BadParameter: it is none; names the range.
    """
    try:
        number = int(value) if knob.integer and isinstance(value, str) else float(value)
    except (ValueError, OverflowError):
        number = math.nan
    whole = not knob.integer or number == math.floor(number) if math.isfinite(number) else False
    if not whole or not knob.minimum <= number <= knob.maximum:
        kind = "a whole number" if knob.integer else "a number"
        shown = repr(value[:80]) if isinstance(value, str) else f"{value:.10g}"
        raise BadParameter(
            f"{name} must be {kind} from {knob.minimum:g} to {knob.maximum:.10g}; got {shown}",
            field=name,
        )
    return number


def check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    """See whether `value` is one of those allowed.

    Raises:
        BadParameter: it is not; names them.
    """
    if value not in allowed:
        shown = repr(value[:80]) if isinstance(value, str) else value
        choices = f"{allowed[0]} or {allowed[1]}" if len(allowed) == 2 else None
        choices = choices or f"one of {', '.join(map(str, allowed))}"
        raise BadParameter(f"{name} must be {choices}; got {shown}", field=name)
