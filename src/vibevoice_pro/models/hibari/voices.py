"""The voices of the embedded model: which there are, and where their files are.

Each is a network of the same size. One is in hibari's wheel; the others are downloaded by
`vibevoice-pro pull --voices` and saved in HOME/voices, see `models.hub`. hibari's registry has the
SHA-256 of each: a file that differs is not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hibari.voices import ASSETS, DEFAULT
from hibari.voices import VOICES as REGISTRY

from vibevoice_pro.config.settings import HOME
from vibevoice_pro.errors import BadParameter, BadVoice
from vibevoice_pro.models.base import Voice
from vibevoice_pro.models.hub import OnFile, fetch, sha256_of, voices_folder

REPO = "maureesewilliams/hibari"
"""Where the voices are on the hub."""

_FOLDER = "voices"  # of that repository
_LICENCE = "Apache-2.0"


@dataclass(frozen=True)
class VoiceFile:
    """A voice and its network.

    Attributes:
        voice: what callers see.
        british: whether its phonemes are British.
        file: name of the network's file.
        sha256: of its content, in hexadecimal.
        bundled: whether the wheel holds it.
    """

    voice: Voice
    british: bool
    file: str
    sha256: str
    bundled: bool

    def path(self, home: Path) -> Path:
        """Where the file is, or would be."""
        if self.bundled:
            return Path(ASSETS) / self.file
        return voices_folder(REPO, home) / self.file

    def is_here(self, home: Path) -> bool:
        """Whether the file is on this machine; it may be damaged."""
        return self.path(home).is_file()

    def check(self, home: Path) -> Path:
        """The path of the file, which is as it should be.

        Raises:
            BadVoice: it cannot be read, or is another one; names the voice and the file.
        """
        path = self.path(home)
        try:
            sound = self.bundled or sha256_of(path) == self.sha256  # the wheel was verified by pip
        except OSError as error:
            raise BadVoice(f"{self.voice.id}: {path}: {error.strerror or error}") from error
        if not sound:
            raise BadVoice(f"{self.voice.id}: {path} is damaged (wrong SHA-256)")
        return path


def _voice_file(name: str) -> VoiceFile:
    known = REGISTRY[name]
    gender = {"female": "woman", "male": "man"}[known["gender"]]
    prefix = "en" if name == DEFAULT else known["language"]  # the first one had its name before
    about = (
        "warm; comes with the install" if name == DEFAULT else f"after Kokoro's {known['kokoro']}"
    )
    voice = Voice(f"{prefix}-{name.title()}_{gender}", known["language"], gender, about, _LICENCE)
    return VoiceFile(
        voice, known["british"], known["file"], known["sha256"], bool(known.get("bundled"))
    )


VOICES: Mapping[str, VoiceFile] = {
    file.voice.id: file for file in (_voice_file(name) for name in (DEFAULT, *REGISTRY))
}
"""By id; the first is the one that comes with the install."""

VOICE = next(iter(VOICES.values())).voice
"""The one that comes with the install."""


def pull(
    home: Path = HOME, voices: Sequence[str] = (),
    on_progress: OnFile = lambda name, done, total: None,
) -> list[str]:  # fmt: skip
    """Download voices; files that are here and as they should be are kept.

    Args:
        home: see `models.hub`.
        voices: ids of the voices to get; empty: all.
        on_progress: progress of each voice.

    Returns the ids of the voices that are here now, of those asked for.

    Raises:
        BadParameter: there is no such voice.
        NotFetched: a download failed or is damaged; names the voice.
    """
    for voice in voices:
        if voice not in VOICES:
            raise BadParameter(
                f"the embedded model has no voice {voice[:80]!r}; it has {', '.join(VOICES)}"
            )
    wanted = list(voices or VOICES)
    for id_ in wanted:
        file = VOICES[id_]
        try:
            file.check(home)
        except BadVoice:
            target = file.path(home)
            fetch(REPO, f"{_FOLDER}/{file.file}", file.sha256, target, id_, on_progress)
    return wanted
