"""From the name a user gives (`--model`) to a loaded model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import AnyModel, Loading, MemoryPlan

if TYPE_CHECKING:
    from vibevoice_pro.models.vibevoice.loading import Source

EMBEDDED = ("auto", "compact")
_RANDOM = "random:vibevoice-0.5b"


def load_model(name: str, loading: Loading | None = None) -> AnyModel:
    """Load the model called `name`, ready to speak.

    `compact` is the embedded voice, `auto` the best there is at hand (at present the same); the
    path of a directory is a VibeVoice-Realtime checkpoint, and `random:vibevoice-0.5b` has its size
    and random weights.

    Raises:
        BadParameter: no model has that name, what it needs is not installed, or a value of
            `loading` does not fit it.
        BadCheckpoint, BadVoice: a file of the checkpoint is not as it should be.
    """
    if name in EMBEDDED:
        from vibevoice_pro.models.compact import CompactModel  # pulls in onnxruntime

        return CompactModel()
    source = _source(name)
    from vibevoice_pro.models.vibevoice.loading import load

    return load(source, loading or Loading())


def plan_model(name: str, loading: Loading) -> MemoryPlan:
    """What `load_model` would allocate; loads no weights.

    Raises:
        BadParameter, BadCheckpoint, BadVoice: see `load_model`.
    """
    if name in EMBEDDED:
        raise BadParameter(
            f"the embedded voice needs no plan; give --model {_RANDOM}, or a checkpoint directory"
        )
    source = _source(name)
    from vibevoice_pro.models.vibevoice.loading import plan

    return plan(source, loading)


def _source(name: str) -> Source:
    """Where a VibeVoice model comes from."""
    folder = Path(name).expanduser()
    if name != _RANDOM and not folder.is_dir():
        names = ", ".join((*EMBEDDED, _RANDOM))
        raise BadParameter(f"model must be one of {names}, or a checkpoint directory; got {name!r}")
    try:
        from vibevoice_pro.models.vibevoice import loading  # pulls in PyTorch
    except ModuleNotFoundError as error:
        raise BadParameter(
            f"{name} needs pip install 'vibevoice-pro[vibevoice]' ({error.name} is missing)"
        ) from error
    return loading.RandomSource() if name == _RANDOM else loading.CheckpointSource(folder)
