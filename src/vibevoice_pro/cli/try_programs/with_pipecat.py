# pip install pipecat-ai
import asyncio
import os
import wave

from pipecat.frames.frames import EndFrame, TTSAudioRawFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.workers.runner import WorkerRunner

URL = "http://127.0.0.1:7860"


async def main():
    key = os.environ.get("VIBEVOICE_API_KEY", "none")
    tts = OpenAITTSService(base_url=f"{URL}/v1", api_key=key)
    worker = PipelineWorker(Pipeline([tts]), enable_rtvi=False)
    worker.set_reached_downstream_filter((TTSAudioRawFrame,))
    with wave.open("out.wav", "wb") as file:
        file.setparams((1, 2, 24000, 0, "NONE", ""))

        @worker.event_handler("on_frame_reached_downstream")
        async def write(worker, frame):
            file.writeframes(frame.audio)

        speak = TTSSpeakFrame("Hello there. Only the address had to be changed.")
        await worker.queue_frames([speak, EndFrame()])
        await WorkerRunner(handle_sigint=False).run(worker)
        print(f"out.wav: {file.getnframes() / 24000:.1f} s, spoken by {URL}")


asyncio.run(main())
