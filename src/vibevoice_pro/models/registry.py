"""From the name a user gives (`--model`) to a loaded model."""

from __future__ import annotations

from pathlib import Path

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import AnyModel

NAMES = ("auto", "compact")


def load_model(name: str) -> AnyModel:
    """Load the model called `name`, ready to speak.

    `compact` is the embedded voice, `auto` the best there is at hand (at present the same); the
    path of a directory is a VibeVoice-Realtime checkpoint.

    Raises:
        BadParameter: no model has that name, or what it needs is not installed.
        BadCheckpoint, BadVoice: a file of the checkpoint is not as it should be.
    """
    if name in NAMES:
        from vibevoice_pro.models.compact import CompactModel  # pulls in onnxruntime

        return CompactModel()
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise BadParameter(
            f"model must be one of {', '.join(NAMES)}, or a checkpoint directory; got {name!r}"
        )
    try:
        from vibevoice_pro.models.vibevoice.model import VibeVoiceModel  # pulls in PyTorch
    except ModuleNotFoundError as error:
        raise BadParameter(
            f"{name} needs pip install 'vibevoice-pro[vibevoice]' ({error.name} is missing)"
        ) from error
    return VibeVoiceModel.load(folder)
