"""From the name a user gives (`--model`) to a loaded model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vibevoice_pro.config.settings import HOME
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import AnyModel, Loading, MemoryPlan
from vibevoice_pro.models.vibevoice import extra
from vibevoice_pro.models.vibevoice.assets import hub

if TYPE_CHECKING:
    from vibevoice_pro.models.vibevoice.loading import Source

EMBEDDED = "compact"
KOKORO = "kokoro"
RANDOM = "random:vibevoice-0.5b"
LANGUAGE = {EMBEDDED: "en", KOKORO: "ja"}
"""What the small models speak."""

SMALL = tuple(LANGUAGE)
"""Models that are no VibeVoice, and have no choice of precision or device."""


def load_model(name: str, loading: Loading | None = None) -> AnyModel:
    """Load the model called `name`, ready to speak.

    `compact` is the embedded model, with all of its voices that are here; `kokoro` speaks Japanese;
    a directory, or a hub name like owner/name that was pulled, is a VibeVoice-Realtime checkpoint.
    `auto` is the checkpoint that `vibevoice-pro pull` fetches, if it is here with all it needs, and
    else the embedded model. `random:vibevoice-0.5b` has that checkpoint's size and random weights.

    Raises:
        BadParameter: no model has that name, what it needs is not installed or not fetched, or a
            value of `loading` does not fit it.
        BadCheckpoint, BadVoice: a file of the checkpoint is not as it should be.
    """
    loading = loading or Loading()
    source = find_source(name, loading.home)
    if name == KOKORO:
        from vibevoice_pro.models.kokoro.model import KokoroModel

        return KokoroModel(wants=loading.wants)
    if source is None:
        from vibevoice_pro.models.hibari.model import HibariModel  # pulls in onnxruntime

        return HibariModel(home=loading.home or HOME, wants=loading.wants)
    from vibevoice_pro.models.vibevoice.loading import load

    return load(source, loading)


def plan_model(name: str, loading: Loading) -> MemoryPlan:
    """What `load_model` would allocate; loads no weights.

    Raises:
        BadParameter, BadCheckpoint, BadVoice: see `load_model`.
    """
    source = find_source(name, loading.home)
    if source is None:
        raise BadParameter(
            f"a small model needs no plan; give --model {RANDOM}, a checkpoint directory or a "
            "name on the hub that was pulled"
        )
    from vibevoice_pro.models.vibevoice.loading import plan

    return plan(source, loading)


def find_source(name: str, home: Path | None = None) -> Source | None:
    """Where the VibeVoice model called `name` comes from; None: `name` means a small model.

    Raises:
        BadParameter, BadCheckpoint: see `load_model`.
    """
    home = home or HOME
    if name == "auto":
        here = extra.installed() and hub.find(hub.DEFAULT, home) is not None
        name = hub.DEFAULT if here else EMBEDDED
    if name in SMALL:
        return None
    folder = Path(name).expanduser()
    if name != RANDOM and not folder.is_dir() and not hub.is_name(name):
        raise BadParameter(
            f"model must be one of auto, {', '.join(SMALL)}, {RANDOM}, or a checkpoint: a "
            f"directory, or a name on the hub like {hub.DEFAULT}; got {name!r}"
        )
    extra.require(name)
    from vibevoice_pro.models.vibevoice.loading import CheckpointSource, RandomSource

    if name == RANDOM:
        return RandomSource()
    if folder.is_dir():
        return CheckpointSource(folder)
    found = hub.find(name, home)
    if found is None:
        raise BadParameter(f"{name} is not on this machine: vibevoice-pro pull {name} fetches it")
    return CheckpointSource(found.folder, found.voices, name)
