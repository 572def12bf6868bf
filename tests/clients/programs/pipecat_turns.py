"""Turns of a language model, spoken by a service of pipecat: what the programs for each share."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

logger.remove()
logger.add(sys.stderr, level="WARNING")

SENTENCES = (
    "Good morning, and welcome to the early programme. ",
    "Today we talk about the weather, and a small town by the sea. ",
    "It lies far from here.",
)
RATE = 24_000


class Listener(FrameProcessor):
    """Keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.pcm = bytearray()
        self.words: list[tuple[str, float]] = []
        self.errors: list[str] = []
        self.heard = asyncio.Event()
        self.stopped = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            self.pcm += frame.audio
            self.heard.set()
        elif isinstance(frame, TTSTextFrame):
            self.words.append((frame.text, (frame.pts or 0) / 1e9))
        elif isinstance(frame, TTSStoppedFrame):
            self.stopped.set()
            await self.push_frame(BotStoppedSpeakingFrame(), FrameDirection.UPSTREAM)
        await self.push_frame(frame, direction)


async def speak(
    tts: FrameProcessor, interrupted: bool = False, refused: bool = False
) -> dict[str, Any]:
    """One turn, in tokens.

    Args:
        tts: the service.
        interrupted: whether a long turn goes before it that is interrupted.
        refused: whether an error is to come instead of speech.
    """
    listener = Listener()
    worker = PipelineWorker(
        Pipeline([tts, listener]), params=PipelineParams(audio_out_sample_rate=RATE),
        cancel_on_idle_timeout=False, enable_rtvi=False,
    )  # fmt: skip
    up, failed = asyncio.Event(), asyncio.Event()

    @worker.event_handler("on_pipeline_started")
    async def started(worker: PipelineWorker, frame: Frame) -> None:
        up.set()

    @worker.event_handler("on_pipeline_error")
    async def erred(worker: PipelineWorker, frame: ErrorFrame) -> None:
        listener.errors.append(frame.error)
        failed.set()

    async def turn(sentences: tuple[str, ...]) -> None:
        await worker.queue_frame(LLMFullResponseStartFrame())
        for sentence in sentences:
            for token in sentence.replace(" ", " |").split("|"):
                await worker.queue_frame(LLMTextFrame(token))
        await worker.queue_frame(LLMFullResponseEndFrame())

    async def script() -> None:
        await asyncio.wait_for(up.wait(), 10)
        if interrupted:
            await turn(SENTENCES * 20)
            await asyncio.wait_for(listener.heard.wait(), 10)
            await worker.queue_frame(InterruptionFrame())
            await asyncio.sleep(0.5)
            listener.pcm.clear()
            listener.words.clear()
            listener.stopped.clear()
        await turn(SENTENCES)
        await asyncio.wait_for((failed if refused else listener.stopped).wait(), 30)
        # Words come when they are to be heard.
        await asyncio.sleep(len(listener.pcm) / (2 * RATE) + 0.3 if not interrupted else 0.1)
        await worker.queue_frame(EndFrame())

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await asyncio.gather(runner.run(), script())
    return {"pcm": bytes(listener.pcm), "words": listener.words, "errors": listener.errors}


async def speak_all(services: Mapping[str, FrameProcessor]) -> dict[str, dict[str, Any]]:
    """A turn with each at once; that of the names `interrupted` and `refused` is so."""
    heard = await asyncio.gather(*(
        speak(tts, name == "interrupted", name == "refused") for name, tts in services.items()
    ))  # fmt: skip
    return dict(zip(services, heard, strict=True))


def tell(told: dict[str, dict[str, Any]]) -> None:
    """Leave what was heard in a file each, and print what else came."""
    for name, turn in told.items():
        Path(f"{name}.pcm").write_bytes(turn.pop("pcm"))
    print(json.dumps({"text": "".join(SENTENCES), **told}))
