"""A model small enough to see through: every character is 20 ms of a tone, pitched by its code.

It honours the whole contract, in batches, can go on from any word, and fails on purpose at a `!`;
so the engine can be tested to the sample without a neural network.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from vibevoice_pro.models.base import Chunk, Knob, Mark, ModelInfo, Options, Point, Voice

RATE = 16000
CHAR_SAMPLES = RATE // 50


class ToneUtterance:
    def __init__(self, options: Options, point: Point | None = None) -> None:
        self.options = options
        self.text = "" if point is None else " " * point.at
        self.at = len(self.text)
        self.open_to = 0  # up to where speaking is allowed: whole words, or all after a flush
        self.finished = False
        self.closed = False

    def prepare(self) -> None:
        pass

    @property
    def ready(self) -> bool:
        return self.at < self.open_to

    @property
    def done(self) -> bool:
        return self.finished and self.at == len(self.text)

    @property
    def waiting(self) -> int:
        return len(self.text) - self.at

    def feed(self, text: str) -> None:
        self.text += text
        self.open_to = max(self.open_to, self.text.rfind(".") + 1)

    def flush(self) -> None:
        self.open_to = len(self.text)

    def pause(self) -> int | None:
        place = self.text.rfind(" ") + 1
        if place <= self.open_to:
            return None
        self.open_to = place
        return place

    def finish(self) -> None:
        self.flush()
        self.finished = True

    def close(self) -> None:
        self.closed = True


class ToneModel:
    """`voice`, `language`: of its only voice, and `rate`, so that several can be told apart."""

    def __init__(
        self, max_batch: int = 4, voice: str = "xx-Tone", language: str = "en", rate: int = RATE
    ) -> None:
        self.info = ModelInfo(
            name="tone",
            device="cpu",
            precision="fp32",
            sample_rate=rate,
            max_batch=max_batch,
            max_streams=None,
            stream_bytes=1000,
            knobs={
                "cfg": Knob(0, 10, 1.5),
                "steps": Knob(1, 100, 5, integer=True),
                "speed": Knob(0.5, 2, 1, reason="a tone has no pace"),
                "seed": Knob(0, 2**32 - 1, 0, integer=True),
            },
        )
        self.voices = {voice: Voice(voice, language, "", "a tone")}
        self.batches: list[list[str]] = []
        self.opened: list[ToneUtterance] = []
        self.rests = 0
        self.gate: threading.Semaphore | None = None  # one permit a step, if set

    def open(self, voice: str, options: Options, point: Point | None = None) -> ToneUtterance:
        utterance = ToneUtterance(options, point)
        self.opened.append(utterance)
        return utterance

    def step(self, batch: Sequence[ToneUtterance]) -> list[Chunk]:
        if self.gate is not None:
            self.gate.acquire()
        if any(u.text[u.at] == "!" for u in batch):
            raise RuntimeError("this model cannot say '!'")
        chunks = []
        self.batches.append([u.text[u.at] for u in batch])
        for u in batch:
            char = u.text[u.at]
            u.at += 1
            u.open_to = max(u.open_to, u.at)
            rate = self.info.sample_rate
            time = np.arange((u.at - 1) * rate // 50, u.at * rate // 50)
            phase = time * (200 + 10 * (ord(char) % 64)) % rate  # a triangle: whole numbers, so
            wave = np.abs(phase - rate // 2) / rate - 0.25  # that every processor makes the same
            place = u.at - 1
            mark = Mark((place, u.at), (0, len(time)))
            point = Point(place, {}) if place and u.text[place - 1] == " " else None
            chunks.append(Chunk(wave.astype(np.float32), [mark], point=point))
        return chunks

    def rest(self) -> None:
        self.rests += 1


def tone(steps: int) -> ToneModel:
    """A model that stops after so many steps, and with it the audio of its server."""
    model = ToneModel()
    model.gate = threading.Semaphore(steps)
    return model
