"""pipecat's ElevenLabs services: python elevenlabs_pipecat.py WS_URL HTTP_URL"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
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
from pipecat.services.elevenlabs.tts import ElevenLabsHttpTTSService, ElevenLabsTTSService
from pipecat.services.tts_service import TextAggregationMode
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
            self.words.append((frame.text, frame.pts / 1e9))
        elif isinstance(frame, TTSStoppedFrame):
            self.stopped.set()
            await self.push_frame(BotStoppedSpeakingFrame(), FrameDirection.UPSTREAM)
        elif isinstance(frame, ErrorFrame):
            self.errors.append(frame.error)
        await self.push_frame(frame, direction)


async def speak(tts: FrameProcessor, name: str, interrupt: bool = False) -> dict[str, Any]:
    """One turn of a language model, in tokens; where it is interrupted, another one after it."""
    listener = Listener()
    worker = PipelineWorker(
        Pipeline([tts, listener]), params=PipelineParams(audio_out_sample_rate=RATE),
        cancel_on_idle_timeout=False, enable_rtvi=False,
    )  # fmt: skip
    up = asyncio.Event()

    @worker.event_handler("on_pipeline_started")
    async def started(worker: PipelineWorker, frame: Frame) -> None:
        up.set()

    async def turn(sentences: tuple[str, ...]) -> None:
        await worker.queue_frame(LLMFullResponseStartFrame())
        for sentence in sentences:
            for token in sentence.replace(" ", " |").split("|"):
                await worker.queue_frame(LLMTextFrame(token))
        await worker.queue_frame(LLMFullResponseEndFrame())

    async def script() -> None:
        await asyncio.wait_for(up.wait(), 10)
        if interrupt:
            await turn(SENTENCES * 20)
            await asyncio.wait_for(listener.heard.wait(), 10)
            await worker.queue_frame(InterruptionFrame())
            await asyncio.sleep(0.5)
            listener.pcm.clear()
            listener.words.clear()
            listener.stopped.clear()
        await turn(SENTENCES)
        await asyncio.wait_for(listener.stopped.wait(), 30)
        # Words come when they are to be heard.
        await asyncio.sleep(len(listener.pcm) / (2 * RATE) + 0.3 if not interrupt else 0.1)
        await worker.queue_frame(EndFrame())

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await asyncio.gather(runner.run(), script())
    return {"pcm": bytes(listener.pcm), "words": listener.words, "errors": listener.errors}


async def main() -> dict[str, dict[str, Any]]:
    ws, http = sys.argv[1:]
    voice = {"voice": "21m00Tcm4TlvDq8ikWAM", "stability": 0.5, "speed": 1.0}

    def live(**more: object) -> ElevenLabsTTSService:
        settings = ElevenLabsTTSService.Settings(**voice)
        return ElevenLabsTTSService(api_key="none", url=ws, settings=settings, **more)

    async with aiohttp.ClientSession() as session:
        settings = ElevenLabsHttpTTSService.Settings(**voice)
        service = ElevenLabsHttpTTSService(
            api_key="none", base_url=http, aiohttp_session=session, settings=settings
        )
        names = ("sentences", "tokens", "http", "interrupted")
        heard = await asyncio.gather(
            speak(live(), "sentences"),
            speak(live(text_aggregation_mode=TextAggregationMode.TOKEN), "tokens"),
            speak(service, "http"),
            speak(live(), "interrupted", interrupt=True),
        )
    return dict(zip(names, heard, strict=True))


told = asyncio.run(main())
for name, turn in told.items():
    Path(f"{name}.pcm").write_bytes(turn.pop("pcm"))
print(json.dumps({"text": "".join(SENTENCES), **told}))
