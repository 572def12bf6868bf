"""pipecat's Cartesia services: python cartesia_pipecat.py WS_URL HTTP_URL"""

import asyncio
import sys
from typing import Any

from pipecat.services.cartesia.tts import CartesiaHttpTTSService, CartesiaTTSService
from pipecat.services.tts_service import TextAggregationMode
from pipecat_turns import speak_all, tell

VOICE = "71a7ad14-091c-4e8e-a314-022ece01c121"


async def main() -> dict[str, dict[str, Any]]:
    ws, http = sys.argv[1:]

    def live(voice: str = VOICE, **more: object) -> CartesiaTTSService:
        settings = CartesiaTTSService.Settings(voice=voice)
        return CartesiaTTSService(
            api_key="none", url=f"{ws}/tts/websocket", settings=settings, **more
        )

    settings = CartesiaHttpTTSService.Settings(voice=VOICE)
    return await speak_all({
        "sentences": live(),
        "tokens": live(text_aggregation_mode=TextAggregationMode.TOKEN),
        "http": CartesiaHttpTTSService(api_key="none", base_url=http, settings=settings),
        "interrupted": live(),
        "refused": live("a-voice-of-somebody-else"),
    })  # fmt: skip


tell(asyncio.run(main()))
