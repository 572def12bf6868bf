"""What `<break>` and `<prosody>` ask for, as numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_BREAK = 10.0
"""Seconds of a pause."""

STRENGTHS = {
    "none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.75, "x-strong": 1.2
}  # fmt: skip
"""Pauses in seconds."""

RATES = {
    "x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6
}  # fmt: skip
"""Paces; 1 is that of the request."""

RATE_RANGE = (0.25, 4.0)

_TIME = re.compile(r"\+?(\d{1,6}(?:\.\d{1,6})?|\.\d{1,6})\s*(ms|s)", re.I)
_NUMBER = r"(\d{1,4}(?:\.\d{1,6})?|\.\d{1,6})"
_RATE = re.compile(rf"([+-]?){_NUMBER}(%?)")


def seconds_of(attributes: Mapping[str, str]) -> tuple[float, str]:
    """The silence that a break with these attributes is, and what is wrong with it, if anything."""
    seconds = STRENGTHS["medium"]
    if time := attributes.get("time", "").strip():
        found = _TIME.fullmatch(time)
        if found is None:
            return seconds, f"the time of a break is like 300ms or 0.5s; got {time[:20]!r}"
        seconds = float(found[1]) / (1000 if found[2].lower() == "ms" else 1)
        if seconds > MAX_BREAK:
            return MAX_BREAK, f"a break has {MAX_BREAK:g} s at most; got {time[:20]}"
    elif strength := attributes.get("strength", "").strip().lower():
        if strength not in STRENGTHS:
            allowed = ", ".join(STRENGTHS)
            return seconds, f"the strength of a break is one of {allowed}; got {strength[:20]!r}"
        seconds = STRENGTHS[strength]
    return seconds, ""


def pace_within(attributes: Mapping[str, str], outer: float) -> tuple[float, list[str]]:
    """The pace within a `<prosody>` with these attributes, and what is not done.

    `outer`: the pace around it; 1 is that of the request.
    """
    odd = [
        f"{name[:20]} of <prosody> has no effect: only its rate has"
        for name in sorted(attributes.keys() - {"rate"})
    ]
    rate = attributes.get("rate", "").strip().lower()
    if not rate or rate in RATES:
        return RATES.get(rate, outer), odd
    found = _RATE.fullmatch(rate)
    if found is None:
        allowed = ", ".join(RATES)
        what = f"one of {allowed}, or like 80%, +10% or 1.2; got {rate[:20]!r}"
        return outer, [*odd, f"the rate of <prosody> is {what}"]
    number = float(found[2]) / (100 if found[3] else 1)
    pace = outer * (1 + float(found[1] + "1") * number) if found[1] else number
    slowest, fastest = RATE_RANGE
    if not slowest <= pace <= fastest:
        odd.append(f"the rate of <prosody> is from {slowest:g} to {fastest:g}; got {rate[:20]}")
    return min(fastest, max(slowest, pace)), odd
