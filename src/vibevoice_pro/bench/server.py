"""Load on a running server: listeners who play what they get in real time, and what they notice.

Each listener opens `/stream?text=…` as any client does and keeps a playback clock that starts
`CUSHION_S` after its first frame. A frame that comes after its time is an underrun; playback then
waits for it and the clock moves on from there.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from vibevoice_pro.bench.figures import environment, percentile, spread
from vibevoice_pro.bench.texts import passage
from vibevoice_pro.client.address import http_url, stream_url
from vibevoice_pro.client.key import authorization
from vibevoice_pro.errors import BadParameter, SpeechError
from vibevoice_pro.models.names import primary, understand

CUSHION_S = 0.2
GAP_S = 0.1
"""A pause in playback from which a listener is sure to notice it."""
AUDIBLE = 0.01
"""Amplitude (of 1) from which a sample counts as heard: 40 dB below full scale."""

_open = build_opener(ProxyHandler({})).open  # as the WebSockets: straight to the server
REST_S = 0.3  # between two connections of one listener: the server is to be idle again
_RATE = 16000
_FRAME_S = 0.02
_CHARS_PER_SECOND = 25  # more than anybody speaks: the text never ends before the test does


@dataclass
class Heard:
    """What one listener noticed on one connection; times in seconds since it began to open it.

    Attributes:
        ttfa, audible: when the first frame came, and when its first audible sample was played if
            playback begins with the first frame.
        frames, finished: how many came, and when the last one did.
        gaps: seconds of each pause in playback, which begins `CUSHION_S` after the first frame.
        error: what the server or the connection said; empty: nothing went wrong.
    """

    ttfa: float | None = None
    audible: float | None = None
    frames: int = 0
    finished: float = 0.0
    gaps: list[float] = field(default_factory=list)
    error: str = ""
    _clock: float = 0.0  # when the next frame is to be played

    @property
    def seconds(self) -> float:
        """Audio that came."""
        return self.frames * _FRAME_S

    @property
    def underruns(self) -> int:
        """Pauses in playback."""
        return len(self.gaps)

    @property
    def long_gaps(self) -> int:
        """Pauses in playback of more than `GAP_S`."""
        return sum(gap > GAP_S for gap in self.gaps)

    @property
    def late(self) -> float:
        """The longest pause."""
        return max(self.gaps, default=0.0)

    def hear(self, pcm: bytes, now: float) -> None:
        """Note a frame that came at `now`, and play it."""
        if self.ttfa is None:
            self.ttfa = now
            self._clock = now + CUSHION_S
        if self.audible is None:
            loud = np.flatnonzero(
                np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) > AUDIBLE * 32768
            )
            if loud.size:
                place = self.frames * _FRAME_S + float(loud[0]) / _RATE
                self.audible = max(now, self.ttfa + place)
        if now > self._clock:
            self.gaps.append(now - self._clock)
            self._clock = now
        self._clock += _FRAME_S
        self.frames += 1
        self.finished = now

    def leave(self, now: float) -> None:
        """Note that the listener leaves before the end; what it waited for at last counts."""
        if self.ttfa is not None and now > self._clock:
            self.gaps.append(now - self._clock)


@dataclass
class Run:
    """All listeners of one level of load."""

    listeners: int
    heard: list[Heard] = field(default_factory=list)
    load: float = 0.0
    memory: int = 0
    lag: list[float] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The figures of this run, milliseconds where the name says so."""
        good = [h for h in self.heard if h.ttfa is not None]
        audio = [h.seconds for h in good]
        return {
            "listeners": self.listeners,
            "connections": len(self.heard),
            "refused_or_failed": len(self.heard) - len(good),
            "errors": sorted({h.error for h in self.heard if h.error}),
            "ttfa_ms": spread([h.ttfa * 1e3 for h in good if h.ttfa is not None]),
            "first_audible_ms": spread([h.audible * 1e3 for h in good if h.audible is not None]),
            "underruns": sum(h.underruns for h in good),
            "underruns_over_100_ms": sum(h.long_gaps for h in good),
            "listeners_with_underruns": sum(h.underruns > 0 for h in good),
            "late_ms_max": round(max((h.late for h in good), default=0.0) * 1e3, 1),
            "audio_seconds": round(sum(audio), 1),
            "rtf": percentile_of_ratio([h.finished for h in good], audio),
            "server_load_peak": self.load,
            "server_memory_mb_peak": round(self.memory / 1e6, 1),
            "client_lag_ms_p99": percentile([x * 1e3 for x in self.lag], 99),
        }


def percentile_of_ratio(wall: Sequence[float], audio: Sequence[float]) -> float | None:
    """Median of wall time per second of audio received."""
    ratios = sorted(w / a for w, a in zip(wall, audio, strict=True) if a)
    return round(ratios[len(ratios) // 2], 3) if ratios else None


async def listen(url: str, seconds: float) -> Heard:
    """Open `url`, hear up to `seconds` of audio, and leave."""
    heard = Heard()
    began = time.perf_counter()
    try:
        async with connect(
            url,
            max_size=None,
            max_queue=None,
            compression=None,
            proxy=None,
            additional_headers=authorization(),
        ) as socket:
            async for message in socket:
                if isinstance(message, str):
                    event = json.loads(message)
                    if event["type"] == "error":
                        heard.error = f"{event['code']}: {event['message']}"
                    continue
                heard.hear(message, time.perf_counter() - began)
                if heard.seconds >= seconds:
                    break
    except (OSError, WebSocketException) as error:
        heard.error = heard.error or f"{type(error).__name__}: {error}"
    return heard


async def watch(run: Run, status_url: str) -> None:
    """Once a second, ask the server how it is; meanwhile measure how late this client's loop is."""
    while True:
        status = await asyncio.to_thread(fetch, status_url)
        run.load = max(run.load, status.get("load", 0.0))
        run.memory = max(run.memory, status.get("memory_used", 0))
        for _ in range(20):
            before = time.perf_counter()
            await asyncio.sleep(0.05)
            run.lag.append(time.perf_counter() - before - 0.05)


def reach(url: str) -> None:
    """See whether a server answers, and is well.

    Raises:
        BadParameter: `url` is none.
        SpeechError: no server of ours answers there.
    """
    try:
        _open(http_url(url, "/healthz"), timeout=5).close()
    except ValueError as error:
        raise BadParameter(f"url: {error}", field="url") from error
    except HTTPError as error:
        raise SpeechError(
            f"{url} answers, but not as a VibeVoice Pro server that is well: HTTP {error.code}"
        ) from error
    except (OSError, HTTPException) as error:
        raise SpeechError(f"no server answers at {url}: {error}") from error


def fetch(url: str) -> dict[str, Any]:
    """The JSON object at `url`; empty where none is to be had."""
    try:
        with _open(Request(url, headers=authorization()), timeout=5) as answer:
            status: dict[str, Any] = json.load(answer)
            return status
    except OSError:
        return {}


async def measure(
    url: str, listeners: int, seconds: float, chars: int, repeat: int, ramp: float, opening: bool,
    advance: Callable[[], None], voice: str = "",
) -> Run:  # fmt: skip
    """One level of load: `listeners` at once, each with `repeat` connections in turn.

    They come evenly spread over `ramp` seconds. `advance` is called after each connection. `voice`
    reads text in its language, if its name tells which; empty: the server's own, English.
    """
    run = Run(listeners)
    name = understand(voice)
    language = primary(name.language) if name else "en"
    size = chars or round(seconds * _CHARS_PER_SECOND)

    async def one(index: int) -> None:
        await asyncio.sleep(ramp * index / listeners)
        for turn in range(repeat):
            text = quote(passage(size, index * 3 + turn, opening, language))
            query = f"voice={quote(voice)}&text={text}"
            run.heard.append(await listen(f"{stream_url(url)}?{query}", seconds))
            advance()
            await asyncio.sleep(REST_S)

    watching = asyncio.create_task(watch(run, http_url(url, "/api/status")))
    await asyncio.gather(*(one(i) for i in range(listeners)))
    watching.cancel()
    return run


def bench(
    url: str, listeners: Sequence[int], seconds: float, chars: int, repeat: int, ramp: float,
    opening: bool, advance: Callable[[], None], on_run: Callable[[dict[str, Any]], None],
    voice: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Run all levels of load one after the other; returns the report.

    Raises:
        BadParameter, SpeechError: see `reach`.
    """
    reach(url)
    runs = []
    for count in listeners:
        run = asyncio.run(
            measure(url, count, seconds, chars, repeat, ramp, opening, advance, voice)
        ).as_dict()
        runs.append(run)
        on_run(run)
        time.sleep(1.0)  # the server closes the last ones
    return {
        "environment": environment(),
        "seconds": seconds,
        "ramp": ramp,
        "voice": voice,
        "runs": runs,
    }
