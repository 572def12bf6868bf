"""How far a precision is from fp32: part by part on the same inputs, and end to end.

The fp32 model runs first and what goes into each of its parts is kept; then the other model gets
the same inputs in the same order, so that no part answers for the errors of the one before it. It
keeps its own caches and decoder state. End to end, each model goes its own way with the same text,
voice and noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from vibevoice_pro.bench.figures import environment
from vibevoice_pro.models.base import Options
from vibevoice_pro.models.vibevoice.executors.observed import PARTS, Call, Part
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel

_TEXT = "The train to the coast leaves at a quarter past six, and it is never late in spring."
_NAMES: Mapping[Part, str] = {
    "read_text": "text LM",
    "read_speech": "TTS LM",
    "shifts": "shifts of the diffusion head",
    "velocity": "diffusion head",
    "decode": "acoustic decoder",
    "connect": "connector",
    "stop": "stop classifier",
}


class Recorded(NamedTuple):
    """A call of a part of the fp32 model."""

    part: Part
    inputs: tuple[Any, ...]
    result: torch.Tensor


def compare(exact: VibeVoiceModel, other: VibeVoiceModel, frames: int) -> dict[str, Any]:
    """Errors of `other` against `exact`, two models with room for as many streams.

    Returns:
        a report; `parts`: relative error (root mean square) of each part's output, median and
        largest over all calls in `frames` latents; `end_to_end`: the same of the waveform after 1,
        6, … frames.
    """
    calls: list[Recorded] = []

    def record(part: Part, call: Call, inputs: tuple[Any, ...]) -> torch.Tensor:
        kept = tuple(map(_copy, inputs))
        result = call(*inputs)
        if part in _NAMES:
            calls.append(Recorded(part, kept, _copy(result)))
        return result

    with exact.observed(record):
        wave = _speak(exact, frames)
    theirs = _speak(other, frames)
    errors = _replay(other, calls)
    parts = {
        _NAMES[part]: {"median": _round(float(np.median(e))), "largest": _round(max(e))}
        for part, e in errors.items()
    }
    hop = exact.executor.config.decoder.hop
    ends = [n for n in (1, 6, 12, 24, 48) if n <= frames]
    return {
        **environment(),
        "model": exact.info.name,
        "precision": other.info.precision,
        "frames": frames,
        "parts": parts,
        "end_to_end": {
            str(n): _round(
                _error(torch.from_numpy(theirs[: n * hop]), torch.from_numpy(wave[: n * hop]))
            )
            for n in ends
        },
    }


@torch.inference_mode()
def _replay(model: VibeVoiceModel, calls: Sequence[Recorded]) -> dict[Part, list[float]]:
    """Each part's errors, with the recorded inputs and the model's own caches."""
    executor, caches = model.executor, model.caches
    own: dict[Part, Any] = {
        "read_text": caches.text, "read_speech": caches.speech, "decode": caches.decoder
    }  # fmt: skip
    utterance = model.open(next(iter(model.voices)), Options())
    errors: dict[Part, list[float]] = {part: [] for part in _NAMES}
    for part, inputs, expected in calls:
        given = [_copy(x, executor.dtype) for x in inputs]
        if part in own:
            given[1] = own[part]
        ours = PARTS[part](executor)(*given)
        errors[part].append(_error(ours, expected))
    utterance.close()
    return errors


def _copy(value: Any, dtype: torch.dtype = torch.float32) -> Any:
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.to(dtype, copy=True)
    return value


def _speak(model: VibeVoiceModel, frames: int) -> np.ndarray[Any, Any]:
    utterance = model.open(next(iter(model.voices)), Options(seed=1))
    utterance.feed(_TEXT)
    utterance.finish()
    waves: list[np.ndarray[Any, Any]] = []
    utterance.prepare()
    while utterance.ready and len(waves) < frames:
        waves += [chunk.wave for chunk in model.step([utterance])]
        utterance.prepare()
    utterance.close()
    return np.concatenate(waves)


def _error(ours: torch.Tensor, expected: torch.Tensor) -> float:
    """Root mean square of the difference, as a part of that of what is expected."""
    ours, expected = ours.double(), expected.double()
    size = float(expected.square().mean().sqrt())
    return float((ours - expected).square().mean().sqrt()) / size if size else math.inf


def _round(value: float) -> float:
    return float(f"{value:.2g}")


def table_rows(report: dict[str, Any]) -> Sequence[tuple[str, str, str]]:
    """Name, median and largest error, as text."""
    rows = [(p, f"{e['median']:.2%}", f"{e['largest']:.2%}") for p, e in report["parts"].items()]
    ends = [(f"waveform of {n} frames", f"{e:.2%}", "") for n, e in report["end_to_end"].items()]
    return [*rows, *ends]
