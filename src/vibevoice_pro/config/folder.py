"""The server's working folder: config/, logs/ and cache/, which may be volumes of a container."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vibevoice_pro.errors import BadParameter

NAMES = ("config", "logs", "cache")

VARIABLE = "VIBEVOICE_FOLDER"
"""Names the working folder, in the environment; it is no setting, as the folder has those."""

_ENV = """\
# Settings, a NAME=value a line; `vibevoice-pro config` lists them all.
# A change is taken within 5 seconds where it can be, else at the next start.
# The environment (VIBEVOICE_STEPS=5) and flags count more than this file.
#
# LOG_LEVEL=info
# STEPS=5
# CFG=1.5
# MAX_STREAMS=200
"""

_MODEL = """\
# What is loaded. Each setting of `vibevoice-pro config` can stand here, as `name: value`;
# config/.env, the environment and flags count more.

# auto: VibeVoice where it was pulled, else the small voices that are installed.
model: auto

# Languages that are spoken. Comment a block out, and its voices, its reading of numbers and
# its models are not loaded. `voices: all`, or a list of their ids.
languages:
  en:                  # in the install; more: vibevoice-pro pull --voices
    voices: all
  ja:                  # pip install "vibevoice-pro[ja]"
    voices: all
  de:                  # VibeVoice: vibevoice-pro pull
    voices: all
  es:
    voices: all
  fr:
    voices: all
  it:
    voices: all
  ko:
    voices: all
  nl:
    voices: all
  pl:
    voices: all
  pt:
    voices: all
"""


@dataclass(frozen=True)
class Folder:
    """A working folder.

    Attributes:
        path: the folder itself.
    """

    path: Path

    @property
    def env_file(self) -> Path:
        """Settings as `NAME=value`."""
        return self.path / "config" / ".env"

    @property
    def model_file(self) -> Path:
        """Languages and models."""
        return self.path / "config" / "model.yaml"

    @property
    def keys_file(self) -> Path:
        """API keys."""
        return self.path / "config" / "keys.json"

    @property
    def logs(self) -> Path | None:
        """Where a log is kept; None: there is no such folder, so none is."""
        folder = self.path / "logs"
        return folder if folder.is_dir() else None

    @property
    def cache(self) -> Path | None:
        """Where pulled voices are kept; None: in the user's cache."""
        folder = self.path / "cache"
        return folder if folder.is_dir() else None

    def create(self) -> None:
        """Make the three folders, and write commented defaults where no file is.

        Raises:
            BadParameter: it is not allowed here.
        """
        try:
            for name in NAMES:
                (self.path / name).mkdir(parents=True, exist_ok=True)
            self.write_defaults()
        except OSError as error:
            raise BadParameter(
                f"{error.filename or self.path} cannot be written: {error.strerror}; choose "
                "another folder with --folder, or give the server's user the right to write there"
            ) from error

    def write_defaults(self) -> None:
        """Write commented defaults where no file is.

        Raises:
            OSError: it is not allowed here.
        """
        for path, text in ((self.env_file, _ENV), (self.model_file, _MODEL)):
            if not path.exists():
                path.write_text(text, "utf-8")


def find(path: Path | None = None) -> Folder | None:
    """The working folder: the one that is named, or that `VARIABLE` names; else the current
    one, if it has a folder config/.

    Where config/ is empty, as a new volume is, commented defaults are written there.

    Raises:
        BadParameter: the folder that is named does not exist.
    """
    named = path or os.environ.get(VARIABLE)
    folder = Folder(Path(named or ".").expanduser())
    if named and not folder.path.is_dir():
        raise BadParameter(
            f"there is no folder {folder.path}: vibevoice-pro config --init --folder {folder.path} "
            "makes it"
        )
    config = folder.path / "config"
    if not config.is_dir():
        return folder if named else None
    try:
        if not any(config.iterdir()):
            folder.write_defaults()
    except OSError:
        pass  # read-only: the defaults hold all the same
    return folder
