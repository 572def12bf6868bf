"""One stream without a break: pauses, processor time, and whether memory grows."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Coroutine, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import psutil

from vibevoice_pro.bench.report.part import Bench, Part, Result, Rows, milliseconds, number
from vibevoice_pro.bench.report.usage import cpu_s, watched
from vibevoice_pro.bench.server import AUDIBLE, Heard
from vibevoice_pro.bench.texts import passage
from vibevoice_pro.client import Lost, Refused, Speech
from vibevoice_pro.errors import SpeechError

_WORDS_PER_SECOND = 20  # the pace of a language model
_CHARS_PER_SECOND = 25  # more than anybody speaks: the text does not end before the test does
_AHEAD_S = 20.0  # more than what a server sends ahead of playback
_WARM_UP = 0.1  # of the time, at the beginning, in which memory may still grow
_FRAME_S = 0.02


class _Silence:
    """The longest stretch of audio without an audible sample, in seconds, frame by frame."""

    def __init__(self) -> None:
        self._run = self.longest = 0.0

    def hear(self, pcm: bytes) -> None:
        loud = np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)).max() > AUDIBLE * 32768
        self._run = 0.0 if loud else self._run + _FRAME_S
        self.longest = max(self.longest, self._run)


async def measure(bench: Bench) -> Result:
    """A writer sends word by word, a listener plays in real time; both in one session."""
    seconds = bench.sizes.endurance_s
    events: list[str] = []
    heard, silence = Heard(), _Silence()
    own = psutil.Process()

    def note(event: Mapping[str, Any]) -> None:
        events.append(event["type"])

    async with watched(bench.process) as usage:
        began, spent, own_spent = time.perf_counter(), cpu_s(bench.process), cpu_s(own)

        async def listen(speech: Speech) -> None:
            async for pcm in speech:
                heard.hear(pcm, time.perf_counter() - began)
                silence.hear(pcm)
                if heard.frames % 250 == 0:
                    bench.tell(f"{heard.finished:.0f} of {seconds:.0f} s")

        try:
            async with Speech(bench.url, on_event=note, patience=0, seed=0) as speech:
                await _for(seconds, listen(speech), _write(speech, seconds))
        except (Refused, Lost) as error:
            raise SpeechError(f"after {heard.finished:.0f} s: {error}") from error
        took = time.perf_counter() - began
        heard.leave(took)
        cpu, own_cpu = cpu_s(bench.process) - spent, cpu_s(own) - own_spent
    return {
        "took_s": round(took, 1),
        "received_s": round(heard.seconds, 2),
        "whole": took >= seconds,
        "first_frame_ms": round((heard.ttfa or 0.0) * 1e3, 1),
        "underruns": heard.underruns,
        "underruns_over_100_ms": heard.long_gaps,
        "gaps_ms_all": milliseconds(heard.gaps),
        "longest_silence_s": round(silence.longest, 2),
        "reconnects": events.count("reconnecting"),
        "warnings": events.count("warning"),
        "cpu_percent_of_a_core": round(cpu / took * 100, 1),
        "client_cpu_percent_of_a_core": round(own_cpu / took * 100, 1),
        "rss_slope_mb_per_minute": usage.slope_mb_per_minute(took * _WARM_UP),
        "rss_mb_first_last": [usage.rss_mb[0], usage.rss_mb[-1]] if usage.rss_mb else [],
        "usage": asdict(usage),
    }


async def _for(
    seconds: float, listening: Coroutine[Any, Any, None], writing: Coroutine[Any, Any, None]
) -> None:
    """Listen and write for that long, or until there is nothing more to hear.

    Raises:
        Refused, Lost: what the listener was told.
    """
    listener, writer = asyncio.create_task(listening), asyncio.create_task(writing)
    try:
        done, _ = await asyncio.wait({listener}, timeout=seconds)
        for task in done:
            task.result()
    finally:
        for task in (listener, writer):
            task.cancel()
        await asyncio.gather(listener, writer, return_exceptions=True)


async def _write(speech: Speech, seconds: float) -> None:
    chars = round((seconds + _AHEAD_S) * _CHARS_PER_SECOND)
    for word in re.findall(r"\S+\s*", passage(chars)):
        await speech.write(word)
        await asyncio.sleep(1 / _WORDS_PER_SECOND)
    await speech.end()


def rows(result: Result) -> Rows:
    """The lines of the table."""
    memory = result["rss_mb_first_last"] or [None, None]
    return [
        ("time, s", number(result["took_s"]) + ", then it ended" * (not result["whole"])),
        ("received, s of speech", number(result["received_s"])),
        ("late frames; pauses over 100 ms; reconnects",
         f"{result['underruns']}; {result['underruns_over_100_ms']}; {result['reconnects']}"),
        ("longest silence in the audio, s", number(result["longest_silence_s"], 2)),
        ("processor of the server, of a core", f"{result['cpu_percent_of_a_core']:.1f} %"),
        ("processor of the client, of a core", f"{result['client_cpu_percent_of_a_core']:.1f} %"),
        ("memory, first and last second, MB", f"{number(memory[0])}, {number(memory[1])}"),
        ("memory, slope, MB a minute", number(result["rss_slope_mb_per_minute"], 2)),
    ]  # fmt: skip


PART = Part(
    "endurance",
    "One stream without a break",
    "One session over one connection; the text is written at 20 words a second while it is spoken, "
    "and played in real time. A frame is late when it comes after its playback time, which begins "
    "200 ms after the first frame. The slope of memory is the least-squares line after the first "
    "tenth of the time.",
    measure,
    rows,
)
