"""The optional dependencies of VibeVoice: whether they are installed, and how to install them."""

from __future__ import annotations

from importlib.util import find_spec

from vibevoice_pro.errors import BadParameter

INSTALL = "pip install 'vibevoice-pro[vibevoice]'"
_PACKAGES = ("torch", "safetensors", "tokenizers", "onnx", "unicode_rbnf")


def _missing() -> list[str]:
    return [package for package in _PACKAGES if find_spec(package) is None]  # imports none of them


def installed() -> bool:
    """Whether all packages of the extra are installed."""
    return not _missing()


def require(what: str) -> None:
    """Check that the extra is installed; `what` needs it.

    Raises:
        BadParameter: a package is missing.
    """
    if missing := _missing():
        raise BadParameter(f"{what} needs {INSTALL} ({missing[0]} is missing)")
