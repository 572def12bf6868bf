"""pipecat's Deepgram services: python deepgram_pipecat.py WS_URL HTTP_URL"""

import asyncio
import sys
from typing import Any

import aiohttp
from pipecat.services.deepgram.tts import DeepgramHttpTTSService, DeepgramTTSService
from pipecat_turns import speak_all, tell


async def main() -> dict[str, dict[str, Any]]:
    ws, http = sys.argv[1:]

    def live(**voice: object) -> DeepgramTTSService:
        settings = DeepgramTTSService.Settings(**voice)
        return DeepgramTTSService(api_key="none", base_url=ws, settings=settings)

    async with aiohttp.ClientSession() as session:
        service = DeepgramHttpTTSService(api_key="none", base_url=http, aiohttp_session=session)
        return await speak_all({
            "sentences": live(),
            "http": service,
            "interrupted": live(voice="aura-2-zeus-en", speed=1.0),
            "refused": live(voice="a-voice-of-somebody-else"),
        })  # fmt: skip


tell(asyncio.run(main()))
