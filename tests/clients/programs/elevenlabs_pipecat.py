"""pipecat's ElevenLabs services: python elevenlabs_pipecat.py WS_URL HTTP_URL"""

import asyncio
import sys
from typing import Any

import aiohttp
from pipecat.services.elevenlabs.tts import ElevenLabsHttpTTSService, ElevenLabsTTSService
from pipecat.services.tts_service import TextAggregationMode
from pipecat_turns import speak_all, tell


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
        return await speak_all({
            "sentences": live(),
            "tokens": live(text_aggregation_mode=TextAggregationMode.TOKEN),
            "http": service,
            "interrupted": live(),
        })  # fmt: skip


tell(asyncio.run(main()))
