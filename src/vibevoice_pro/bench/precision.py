"""How far a precision is from fp32: part by part on the same inputs, and end to end.

The fp32 model runs first and what goes into each of its parts is kept; then the other model gets
the same inputs in the same order, so that no part answers for the errors of the one before it. It
keeps its own caches and decoder state. End to end, each model goes its own way with the same text,
voice and noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from vibevoice_pro.bench.report import environment
from vibevoice_pro.models.base import AnyModel, Options

_TEXT = "The train to the coast leaves at a quarter past six, and it is never late in spring."
_PARTS = {
    "text LM": "read_text",
    "TTS LM": "read_speech",
    "shifts of the diffusion head": "shifts",
    "diffusion head": "velocity",
    "acoustic decoder": "decode",
    "connector": "connect",
    "stop classifier": "stop",
}
Call = tuple[str, tuple[Any, ...], torch.Tensor]
"""Part, inputs, what the fp32 model gave."""


def compare(exact: AnyModel, other: AnyModel, frames: int) -> dict[str, Any]:
    """Errors of `other` against `exact`, two VibeVoice models with room for as many streams.

    Returns:
        a report; `parts`: relative error (root mean square) of each part's output, median and
        largest over all calls in `frames` latents; `end_to_end`: the same of the waveform after 1,
        6, … frames.
    """
    reference = exact.executor  # type: ignore[attr-defined]
    calls: list[Call] = []
    for part, name in _PARTS.items():
        _record(reference, part, name, calls)
    wave = _speak(exact, frames)
    theirs = _speak(other, frames)
    errors = _replay(other, calls)
    parts = {
        part: {"median": _round(float(np.median(e))), "largest": _round(max(e))}
        for part, e in errors.items()
    }
    hop = reference.config.decoder.hop
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


def _record(executor: Any, part: str, name: str, calls: list[Call]) -> None:
    original = getattr(executor, name)

    def recorded(*inputs: Any) -> Any:
        kept = tuple(map(_copy, inputs))
        result = original(*inputs)
        calls.append((part, kept, _copy(result)))
        return result

    setattr(executor, name, recorded)


@torch.inference_mode()
def _replay(model: AnyModel, calls: Sequence[Call]) -> dict[str, list[float]]:
    """Each part's errors, with the recorded inputs and the model's own caches."""
    executor, caches = (getattr(model, name) for name in ("executor", "caches"))
    own = {"text LM": caches.text, "TTS LM": caches.speech, "acoustic decoder": caches.decoder}
    utterance = model.open(next(iter(model.voices)), Options())
    errors: dict[str, list[float]] = {part: [] for part in _PARTS}
    for part, inputs, expected in calls:
        given = [_copy(x, executor.dtype) for x in inputs]
        if part in own:
            given[1] = own[part]
        ours = getattr(executor, _PARTS[part])(*given)
        errors[part].append(_error(ours, expected))
    utterance.close()
    return errors


def _copy(value: Any, dtype: torch.dtype = torch.float32) -> Any:
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.to(dtype, copy=True)
    return value


def _speak(model: AnyModel, frames: int) -> np.ndarray[Any, Any]:
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
