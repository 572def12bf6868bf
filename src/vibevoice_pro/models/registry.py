"""From the name a user gives (`--model`) to a loaded model."""

from __future__ import annotations

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import AnyModel

NAMES = ("auto", "compact")


def load_model(name: str) -> AnyModel:
    """Load the model called `name`, ready to speak.

    `compact` is the embedded voice, `auto` the best there is at hand (at present the same).

    Raises:
        BadParameter: no model has that name.
    """
    if name in NAMES:
        from vibevoice_pro.models.compact import CompactModel  # pulls in onnxruntime

        return CompactModel()
    raise BadParameter(f"model must be one of {', '.join(NAMES)}; got {name!r}")
