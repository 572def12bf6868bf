"""Load on the engine alone, in this process: many streams of one model, and where the time goes.

All streams of a level begin in the same instant and are played in real time, `CUSHION_S` after
their first chunk; a chunk that comes after its time is an underrun, and playback waits for it.
Admission is off, so that a level beyond what the machine can do shows by how much it is.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from vibevoice_pro.audio.frames import SAMPLE_BYTES
from vibevoice_pro.bench.figures import environment, percentile, spread
from vibevoice_pro.bench.server import CUSHION_S
from vibevoice_pro.bench.texts import passage
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.engine.host import Host
from vibevoice_pro.engine.memory import used_bytes
from vibevoice_pro.errors import SpeechError
from vibevoice_pro.models.base import AnyModel, Chunk, Options, Point, Profiled, Utterance
from vibevoice_pro.models.names import primary
from vibevoice_pro.speech.build import build_service
from vibevoice_pro.speech.events import Audio
from vibevoice_pro.speech.request import Pace, SpeechRequest
from vibevoice_pro.speech.service import Service

_RATE = 24000
_REST_S = 0.5  # between two runs: the step that was under way is over
_CHARS_PER_SECOND = 60  # more than anybody speaks: the text never ends before the test does
_STAGES = {
    "read_text": "text LM",
    "read_speech": "TTS LM",
    "condition": "diffusion head",
    "shifts": "diffusion head",
    "velocity": "diffusion head",
    "decode": "acoustic decoder",
    "connect": "connector, stop classifier",
    "stop": "connector, stop classifier",
}


class Stopwatch:
    """A model that times its steps, and adds up the times of its parts.

    Attributes:
        steps: of each step its streams, the seconds it took, and the seconds of audio it made.
        stages: seconds that each stage took in all.
    """

    def __init__(self, model: AnyModel) -> None:
        self.steps: list[tuple[int, float, float]] = []
        self.stages: dict[str, float] = {}
        self.info = model.info
        self.voices = model.voices
        self._model = model

    def open(self, voice: str, options: Options, point: Point | None = None) -> Utterance:
        """Begin an utterance of the model."""
        opened: Utterance = self._model.open(voice, options, point)
        return opened

    def step(self, batch: Sequence[Utterance]) -> list[Chunk]:
        """Step the model, and note how long it took."""
        began = time.perf_counter()
        chunks = self._model.step(batch)
        took = time.perf_counter() - began
        audio = sum(len(chunk.wave) for chunk in chunks) / self.info.sample_rate
        self.steps.append((len(batch), took, audio))
        return chunks

    def rest(self) -> None:
        """Let the model give memory back."""
        self._model.rest()

    def add(self, part: str, seconds: float) -> None:
        """Count a call of a part."""
        stage = _STAGES[part]
        self.stages[stage] = self.stages.get(stage, 0.0) + seconds

    def clear(self) -> None:
        """Forget everything so far."""
        self.steps.clear()
        self.stages.clear()

    def shares(self) -> dict[str, float]:
        """Part of the time of all steps that each stage took."""
        total = sum(seconds for _, seconds, _ in self.steps)
        if not total or not self.stages:
            return {}
        shares = {stage: seconds / total for stage, seconds in self.stages.items()}
        shares["sampler, glue"] = 1 - sum(shares.values())
        return {stage: round(share, 3) for stage, share in shares.items()}


@dataclass
class Listener:
    """One listener and when its frames came; seconds since it began."""

    arrivals: list[tuple[float, float]] = field(default_factory=list)  # when, audio before it
    error: str = ""

    async def listen(self, service: Service, request: SpeechRequest, seconds: float) -> None:
        """Hear up to `seconds` of audio."""
        began, audio = time.monotonic(), 0.0
        try:
            speech = await service.start(request)
            async for event in speech.events():
                if isinstance(event, Audio):
                    self.arrivals.append((time.monotonic() - began, audio))
                    audio += len(event.pcm) / SAMPLE_BYTES / speech.rate
                    if audio >= seconds:
                        break
            await speech.close()
        except SpeechError as error:
            self.error = str(error)

    def underruns(self) -> tuple[int, float]:
        """Frames that came after their time, and the most that one was late, in seconds."""
        if not self.arrivals:
            return 0, 0.0
        shift = self.arrivals[0][0] + CUSHION_S  # when playback of second 0 is due
        count, worst = 0, 0.0
        for came, begins in self.arrivals:
            late = came - (shift + begins)
            if late > 0:
                count, worst, shift = count + 1, max(worst, late), shift + late
        return count, worst


def bench(
    host: Host, settings: Settings, levels: Sequence[int], seconds: float, steps: int, cfg: float,
    repeat: int, on_level: Callable[[dict[str, Any]], None] = lambda level: None,
    bulk: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Run all levels one after the other with one engine; the report, see `_level`.

    `bulk`: nothing is held back until it is due, so that a long run is over sooner.
    """
    model = host.model
    profiled = model if isinstance(model, Profiled) else None
    watch = Stopwatch(model)
    service = build_service([Host(watch, host.reload)], settings, admit_all=True)
    chunk_s = profiled.chunk_seconds if profiled else 0.0
    request = SpeechRequest(
        rate=_RATE, steps=steps, cfg=cfg, pace=Pace.BULK if bulk else Pace.LIVE
    )  # fmt: skip

    async def run() -> list[dict[str, Any]]:
        results = []
        await asyncio.to_thread(service.engine.start)
        async with service:
            for level in levels:
                results.append(
                    await _level(service, request, watch, level, seconds, repeat, chunk_s)
                )
                on_level(results[-1])
        return results

    with profiled.timed(watch.add) if profiled else nullcontext():
        results = asyncio.run(run())
    info = model.info
    kernels = profiled.plan.kernels if profiled else ""
    return {
        **environment(),
        "model": {
            "name": info.name,
            "precision": info.precision,
            "device": info.device,
            "kernels": kernels,
        },
        "steps": steps,
        "cfg": cfg,
        "seconds": seconds,
        "levels": results,
        "peak_rss_mb_with_loading": round(_peak_bytes() / 1e6),
    }


async def _level(
    service: Service, request: SpeechRequest, watch: Stopwatch, streams: int, seconds: float,
    repeat: int, chunk_s: float,
) -> dict[str, Any]:  # fmt: skip
    heard: list[Listener] = []
    voices = [entry.voice for entry in service.catalog.entries.values()]
    speakers = [voices[i % len(voices)] for i in range(streams)]
    chars = round(seconds * _CHARS_PER_SECOND)
    watch.clear()
    peak, spent = 0, 0.0
    for _ in range(repeat):
        listeners = [Listener() for _ in range(streams)]
        requests = (
            replace(
                request,
                voice=voice.id,
                text=passage(chars, start=i, language=primary(voice.language)),
            )
            for i, voice in enumerate(speakers)
        )
        began = time.monotonic()
        listening = asyncio.gather(
            *(x.listen(service, r, seconds) for x, r in zip(listeners, requests, strict=True))
        )
        while not listening.done():
            await asyncio.wait([listening], timeout=0.25)
            peak = max(peak, used_bytes())
        await listening
        spent += time.monotonic() - began
        heard += listeners
        await asyncio.sleep(_REST_S)
    good = [x for x in heard if x.arrivals]
    runs = [x.underruns() for x in good]
    full = [
        took / max(1, round(audio / size / chunk_s) if chunk_s else 1)  # of each latent
        for size, took, audio in watch.steps
        if size == streams
    ]
    busy = sum(took for _, took, _ in watch.steps)
    made = sum(audio for _, _, audio in watch.steps)
    return {
        "streams": streams,
        "failed": sorted({x.error for x in heard if x.error}),
        "ttfa_ms": spread([x.arrivals[0][0] * 1e3 for x in good]),
        "frame_ms": spread([took * 1e3 for took in full]),
        "frames": len(full),
        # Model time for a second of every stream's audio; above 1 the streams run dry.
        "rtf": round(busy * streams / made, 3) if made else None,
        "underruns": sum(count for count, _ in runs),
        "late_ms_max": round(max((late for _, late in runs), default=0.0) * 1e3, 1),
        "peak_rss_mb": round(max(peak, used_bytes()) / 1e6),
        "shares": watch.shares(),
        "frame_ms_by_minute": _by_minute(full, spent),
    }


def _by_minute(steps: Sequence[float], spent: float) -> list[float | None]:
    """Median milliseconds of the steps of each minute of a long run: flat, if all is well."""
    minutes = int(spent // 60)
    if minutes < 2:
        return []
    size = len(steps) // minutes
    return [
        percentile([s * 1e3 for s in steps[i * size : (i + 1) * size]], 50) for i in range(minutes)
    ]


def _peak_bytes() -> int:
    """The most memory this process ever had resident."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
