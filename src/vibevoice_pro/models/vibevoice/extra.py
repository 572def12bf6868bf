"""The optional extra that VibeVoice needs: is it there, and what to say if it is not."""

from __future__ import annotations

from importlib.util import find_spec

from vibevoice_pro.errors import BadParameter

INSTALL = "pip install 'vibevoice-pro[vibevoice]'"
_PACKAGES = ("torch", "safetensors", "tokenizers", "huggingface_hub", "onnx", "unicode_rbnf")


def _missing() -> list[str]:
    return [package for package in _PACKAGES if find_spec(package) is None]  # imports none of them


def installed() -> bool:
    """Whether all packages of the extra are there."""
    return not _missing()


def require(what: str) -> None:
    """Make sure that the extra is there, which `what` cannot do without.

    Raises:
        BadParameter: a package is missing.
    """
    if missing := _missing():
        raise BadParameter(f"{what} needs {INSTALL} ({missing[0]} is missing)")
