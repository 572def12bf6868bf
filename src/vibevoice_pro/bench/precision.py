"""How far a precision is from fp32: part by part on the same inputs, and end to end.

The fp32 model runs first and what goes into each of its parts is kept; then the other model gets
the same inputs, so that no part answers for the errors of the one before it. End to end, each model
goes its own way with the same text, voice and noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from vibevoice_pro.bench.report import environment
from vibevoice_pro.models.base import AnyModel, Options

_TEXT = "The train to the coast leaves at a quarter past six, and it is never late in spring."
_PARTS = {
    "text LM": "text_block",
    "TTS LM": "speech_block",
    "diffusion head": "velocity",
    "acoustic decoder": "decode",
    "connector": "connect",
    "stop classifier": "stop",
}
Call = tuple[tuple[Any, ...], torch.Tensor]


def compare(exact: AnyModel, other: AnyModel, frames: int) -> dict[str, Any]:
    """Errors of `other` against `exact`, two VibeVoice models, over `frames` latents.

    Returns:
        a report; `parts`: relative error (root mean square) of each part's output, median and
        largest over all calls; `end_to_end`: the same of the waveform after 1, 6, … frames.
    """
    reference, executor = (model.executor for model in (exact, other))  # type: ignore[attr-defined]
    calls: dict[str, list[Call]] = {}
    for part, name in _PARTS.items():
        _record(reference, name, calls.setdefault(part, []))
    wave = _speak(exact, frames)
    theirs = _speak(other, frames)
    parts = {}
    for part, name in _PARTS.items():
        call: Callable[..., Any] = getattr(executor, name)
        errors = []
        with torch.inference_mode():
            for inputs, expected in calls[part]:
                given = [_copy(x, executor.dtype) for x in inputs]
                errors.append(_error(_first(call(*given)), expected))
        parts[part] = {"median": _round(float(np.median(errors))), "largest": _round(max(errors))}
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


def _record(executor: Any, name: str, calls: list[Call]) -> None:
    original = getattr(executor, name)

    def recorded(*inputs: Any) -> Any:
        kept = tuple(map(_copy, inputs))
        result = original(*inputs)
        calls.append((kept, _copy(_first(result))))
        return result

    setattr(executor, name, recorded)


def _copy(value: Any, dtype: torch.dtype = torch.float32) -> Any:
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.to(dtype, copy=True)
    return value


def _first(result: Any) -> torch.Tensor:
    """A part's main output: of a block what the next attention gets, or what the last one gives."""
    if not isinstance(result, tuple):
        return torch.as_tensor(result)
    first, second = result
    # A block passes its input on and adds queries, keys and values; the decoder gives audio first.
    return torch.as_tensor(
        second if second is not None and second.dim() == first.dim() == 3 else first
    )


def _speak(model: AnyModel, frames: int) -> np.ndarray[Any, Any]:
    utterance = model.open(next(iter(model.voices)), Options(seed=1))
    utterance.feed(_TEXT)
    utterance.finish()
    waves: list[np.ndarray[Any, Any]] = []
    while utterance.ready and len(waves) < frames:
        waves += [chunk.wave for chunk in model.step([utterance])]
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
