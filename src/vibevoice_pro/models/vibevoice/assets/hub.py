"""Checkpoints by their hub name: fetched by `pull`, found again without a network.

Checkpoint and tokenizer lie in the cache of huggingface_hub ($HF_HOME), where other programs find
them too. Voices, which Microsoft publishes elsewhere, are kept by us, as safetensors, in
HOME/voices/OWNER--NAME, where HOME is $VIBEVOICE_HOME or ~/.cache/vibevoice-pro.

A hub name is owner/name, or owner/name@revision for another branch, tag or commit than `main`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from vibevoice_pro.config.settings import HOME, VOICES_URL
from vibevoice_pro.errors import BadCheckpoint, BadParameter, BadVoice, NotFetched
from vibevoice_pro.models.vibevoice.assets.download import download
from vibevoice_pro.models.vibevoice.assets.tokens import cached, named_tokenizer
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

DEFAULT = "microsoft/VibeVoice-Realtime-0.5B"
VOICES = (
    "en-Carter_man", "en-Davis_man", "en-Emma_woman", "en-Frank_man", "en-Grace_woman",
    "en-Mike_man", "in-Samuel_man",
)  # fmt: skip
"""The published English voices."""

OnFile = Callable[[str, int, int], None]
"""Called with the name of a file, its bytes done and its bytes in all."""

_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*(@\w[\w./-]*)?", re.ASCII)
_VOICE = re.compile(r"\w[\w.-]*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SMALL = [
    "config.json", "preprocessor_config.json", "tokenizer*.json", "vocab.json", "merges.txt",
    "model.safetensors.index.json", "LICENSE*", "README.md", "voices/*.pt", "voices/*.safetensors",
]  # fmt: skip
_WEIGHTS = "*.safetensors"
_VOICE_FILES = (".safetensors", ".pt")
_OFFLINE = "{} is not on this machine, and HF_HUB_OFFLINE forbids to fetch it"
_TIMEOUT = 30.0  # seconds that the hub may take for an answer


@dataclass(frozen=True)
class Found:
    """A checkpoint on this machine.

    Attributes:
        folder: the checkpoint.
        voices: where voices for it are kept; need not exist.
    """

    folder: Path
    voices: Path


def is_name(name: str) -> bool:
    """Whether this looks like a hub name."""
    return _NAME.fullmatch(name) is not None


def find(name: str, home: Path = HOME) -> Found | None:
    """The checkpoint of that hub name, if all it needs to speak is on this machine.

    Nothing is asked of a network.
    """
    repo, _, revision = name.partition("@")
    config = cached(repo, "config.json", revision or None)
    if config is None:
        return None
    found = Found(config.parent, _voices_of(repo, home))
    complete = _has_weights(found.folder) and _has_tokenizer(found.folder) and _has_voices(found)
    return found if complete else None


def _voices_of(repo: str, home: Path) -> Path:
    return home.expanduser() / "voices" / repo.replace("/", "--")


def _has_weights(folder: Path) -> bool:
    """Whether the weights are there; all of them, where an index names the files."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return any(file.is_file() for file in folder.glob(_WEIGHTS))
    try:
        names = set(json.loads(index.read_text())["weight_map"].values())
        return all((folder / name).is_file() for name in names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _has_tokenizer(folder: Path) -> bool:
    if (folder / "tokenizer.json").is_file():
        return True
    try:
        return cached(named_tokenizer(folder), "tokenizer.json") is not None
    except BadCheckpoint:
        return False


def _has_voices(found: Found) -> bool:
    places = (found.voices, found.folder / "voices")
    return any(file.suffix in _VOICE_FILES for place in places for file in place.glob("*.*"))


def pull(
    name: str = DEFAULT, home: Path = HOME, source: str = "", voices: Sequence[str] = (),
    voices_url: str = VOICES_URL, on_progress: OnFile = lambda name, done, total: None,
) -> Found:  # fmt: skip
    """Fetch a checkpoint, its tokenizer and voices; what is here already is not fetched again.

    Voices that come with the checkpoint are enough, unless `source` or `voices` asks for others.

    Args:
        name: hub name.
        home: where voices are kept; see the top of this file.
        source: where to take voices: a directory, or owner/name or owner/name/folder on the hub;
            empty: those published at `voices_url`.
        voices: names of those wanted; none: all of `source`, or the English ones at `voices_url`.
        voices_url: address of a folder that holds `*.pt`.
        on_progress: told about the large files.

    Raises:
        BadParameter: a name or a source is none.
        NotFetched: something could not be fetched.
        BadCheckpoint, BadVoice: what was fetched is not as it should be.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import disable_progress_bars

    if not is_name(name):
        raise BadParameter(f"the name of a model must look like owner/name; got {name!r}")
    _check_names(voices)
    disable_progress_bars()  # ours tells more
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # what matters is raised
    repo, _, revision = name.partition("@")
    found = Found(_checkpoint(repo, revision or None, on_progress), _voices_of(repo, home))
    if not (found.folder / "tokenizer.json").exists():
        tokenizer = named_tokenizer(found.folder)
        with _asking(tokenizer):
            hf_hub_download(tokenizer, "tokenizer.json")
    pull_voices(found, source, voices, voices_url, on_progress)
    return found


def _check_names(voices: Sequence[str]) -> None:
    for voice in voices:
        if not _VOICE.fullmatch(voice):
            raise BadParameter(f"the name of a voice must look like {VOICES[0]}; got {voice!r}")


@contextlib.contextmanager
def _asking(repo: str) -> Iterator[None]:
    """Say in a sentence what the hub, or the library that speaks with it, has against it."""
    from huggingface_hub import constants, errors

    hub = constants.ENDPOINT
    try:
        yield
    except errors.GatedRepoError as error:
        raise NotFetched(
            f"{repo} is given to those who agree to its terms: {hub}/{repo}"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise NotFetched(f"{repo} has no such revision at {hub}") from error
    except errors.RepositoryNotFoundError as error:
        raise NotFetched(f"there is no {repo} at {hub}, or it is private") from error
    except Exception as error:  # whatever its HTTP library raises: that is not always the same one
        if constants.HF_HUB_OFFLINE:
            raise NotFetched(_OFFLINE.format(repo)) from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NotFetched(f"{repo} could not be fetched from {hub}: {reason}") from error


def _checkpoint(repo: str, revision: str | None, on_progress: OnFile) -> Path:
    """Fetch a checkpoint; its configuration first, so that nobody waits for another model."""
    from huggingface_hub import constants, model_info, snapshot_download

    get = partial(snapshot_download, repo, revision=revision)
    with _asking(repo):
        offline = constants.HF_HUB_OFFLINE
        info = None if offline else model_info(repo, revision=revision, timeout=_TIMEOUT)
        folder = Path(get(allow_patterns=_SMALL))
    VibeVoiceConfig.read(folder / "config.json")
    if info is not None:
        _fetch_weights(repo, info, on_progress)
    with _asking(repo):
        folder = Path(get(allow_patterns=[*_SMALL, _WEIGHTS]))
    if not _has_weights(folder):
        raise BadCheckpoint(f"{folder} holds no {_WEIGHTS}, or not all that its index names")
    return folder


def _fetch_weights(repo: str, info: ModelInfo, on_progress: OnFile) -> None:
    """Put the large files where the library keeps them; it then finds that it has them.

    By itself it throws away what has come when it is stopped, and checks the size alone.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import build_hf_headers

    blobs = (
        Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model") / "blobs"
    )
    for file in (sibling.rfilename for sibling in info.siblings or ()):
        if not Path(file).match(_WEIGHTS):
            continue
        url = hf_hub_url(repo, file, revision=info.sha)
        with _asking(repo):
            etag = get_hf_file_metadata(url, timeout=_TIMEOUT).etag or ""
        if _SHA256.fullmatch(etag) and not (blobs / etag).exists():
            download(url, blobs / etag, build_hf_headers(), etag, partial(on_progress, file))


def pull_voices(
    found: Found, source: str = "", voices: Sequence[str] = (), voices_url: str = VOICES_URL,
    on_progress: OnFile = lambda name, done, total: None,
) -> None:  # fmt: skip
    """Bring voices to where they are kept; none that does not fit the checkpoint.

    Arguments and errors are those of `pull`.
    """
    from vibevoice_pro.models.vibevoice.assets.voices import (  # pulls in PyTorch
        load_voice,
        voice_files,
    )

    _check_names(voices)
    config = VibeVoiceConfig.read(found.folder / "config.json")
    if source:
        files = voice_files(_open_source(source, voices))
        if not files:
            raise BadVoice(f"{source} holds no voice (*.pt or *.safetensors)")
        for voice in voices or files:
            if voice not in files:
                raise BadParameter(f"{source} holds no voice {voice}; it has {', '.join(files)}")
            _keep(files[voice], found.voices / f"{voice}.safetensors", config)
        return
    own = voice_files(found.folder / "voices")
    for path in own.values():
        load_voice(path, config)
    for voice in voices or (() if own else VOICES):
        target = found.voices / f"{voice}.safetensors"
        _fetch_voice(f"{voices_url.rstrip('/')}/{quote(voice)}.pt", target, config, on_progress)


def _open_source(source: str, voices: Sequence[str]) -> Path:
    """The folder that `--voices` means; fetched if it is one on the hub."""
    from huggingface_hub import snapshot_download

    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    owner, _, rest = source.partition("/")
    name, _, inner = rest.partition("/")
    if not is_name(f"{owner}/{name}"):
        raise BadParameter(
            "voices come from a directory, or from owner/name or owner/name/folder on the hub; "
            f"got {source!r}"
        )
    repo, _, revision = f"{owner}/{name}".partition("@")
    inner = inner.strip("/")
    paths = [f"{inner}/{v}" if inner else v for v in voices or ["*"]]
    with _asking(repo):
        got = snapshot_download(
            repo,
            revision=revision or None,
            allow_patterns=[path + suffix for path in paths for suffix in _VOICE_FILES],
            ignore_patterns=None if inner else ["*/*", "model*"],
        )
    return Path(got) / inner


def _fetch_voice(url: str, target: Path, config: VibeVoiceConfig, on_progress: OnFile) -> None:
    from huggingface_hub import constants

    from vibevoice_pro.models.vibevoice.assets.voices import load_voice

    if target.exists():
        with contextlib.suppress(BadVoice):
            load_voice(target, config)
            return
    if constants.HF_HUB_OFFLINE:
        raise NotFetched(_OFFLINE.format(f"the voice {target.stem}"))
    published = target.with_suffix(".pt")
    download(url, published, on_progress=partial(on_progress, target.stem))
    try:
        _keep(published, target, config)
    except BadVoice as error:
        raise BadVoice(f"{error}; it came from {url}") from error
    finally:
        published.unlink(missing_ok=True)


def _keep(voice: Path, target: Path, config: VibeVoiceConfig) -> None:
    """Write a voice as safetensors, if it fits the checkpoint."""
    from vibevoice_pro.models.vibevoice.assets.voices import convert_voice, load_voice

    load_voice(voice, config)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        convert_voice(voice, target)
    except OSError as error:
        raise NotFetched(f"cannot write {target}: {error.strerror or error}") from error
