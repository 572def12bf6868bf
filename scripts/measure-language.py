"""What telling the language of the text costs; for docs/performance.md.

    PYTHONPATH=. python scripts/measure-language.py

One server in this process with the embedded voice and a German one; the same English sentences
with and without `language=auto`, in turns.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import quote

from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from websockets.asyncio.client import connect

from vibevoice_pro.bench.sentences import SENTENCES
from vibevoice_pro.engine.memory import used_bytes
from vibevoice_pro.memory import give_back_memory
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.text import detect
from vibevoice_pro.text.runs import Runs

WORDS_PER_SECOND = 20
ROUNDS = 3


def quantiles(values: list[float]) -> str:
    """The middle, the upper end and the most."""
    cuts = statistics.quantiles(values, n=20)
    return f"p50 {cuts[9]:.1f}, p95 {cuts[18]:.1f}, most {max(values):.1f}"


def detector() -> None:
    """Print what the classifier takes, and how long a sentence is looked at."""
    before, began = used_bytes(), time.perf_counter()
    detect.load()
    seconds = time.perf_counter() - began
    give_back_memory()
    size = used_bytes() - before
    print(f"classifier: loaded in {seconds:.2f} s, {size / 1e6:.0f} MB")
    for name, known in (("as before", "en"), ("another than before", "de")):
        print(f"a sentence in the language {name}, µs: {quantiles([*times(known)])}")


def times(before: str) -> Iterator[float]:
    """Microseconds to find out about each sentence, best of five."""
    for sentence in SENTENCES:
        best = float("inf")
        for _ in range(5):
            runs = Runs(("en", "de", "fr", "es"), before)
            runs.feed(sentence)
            runs.flush()
            began = time.perf_counter()
            while runs.next() is not None:
                pass
            best = min(best, time.perf_counter() - began)
        yield best * 1e6


async def first_frame(server: Running, query: str, words: list[str]) -> float:
    """Milliseconds to the first frame: from opening, or from the first of `words` being sent."""
    began = time.perf_counter()
    async with connect(f"{server.ws}/stream?{query}", max_queue=None) as ws:

        async def write() -> None:
            for i, word in enumerate(words):
                await asyncio.sleep(max(0.0, began + i / WORDS_PER_SECOND - time.perf_counter()))
                await ws.send(json.dumps({"type": "text", "text": word}))
            if words:
                await ws.send('{"type":"end"}')

        if words:
            await ws.recv()
            began = time.perf_counter()
        writer = asyncio.create_task(write())
        while isinstance(await ws.recv(), str):
            pass
        took = time.perf_counter() - began
        writer.cancel()
    return took * 1000


async def first_frames(server: Running) -> None:
    """Print when the first frame comes, with one voice and with several."""
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for first, second in pairwise(SENTENCES):
            text = f"{first} {second}"
            for mode in ("", "language=auto"):
                took = await first_frame(server, f"{mode}&text={quote(text)}", [])
                found.setdefault(("in the URL", mode), []).append(took)
                words = [f"{word} " for word in text.split()]
                took = await first_frame(server, f"{mode}&patience=0", words)
                found.setdefault((f"{WORDS_PER_SECOND} words a second", mode), []).append(took)
    for (how, mode), took_ms in sorted(found.items()):
        print(f"first frame, {how}, {mode or 'one voice'}, ms: {quantiles(took_ms)}")


if __name__ == "__main__":
    detector()
    with serving(HibariModel(), ToneModel(voice="de-Tone", language="de")) as running:
        asyncio.run(first_frames(running))
