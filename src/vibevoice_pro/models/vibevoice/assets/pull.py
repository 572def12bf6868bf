"""`vibevoice-pro pull`: a checkpoint, its tokenizer and voices are fetched to this machine.

huggingface_hub fetches from the hub: mirrors, tokens, offline, progress, and a connection that is
cut is opened again, five times. Of a file it checks the size alone; the SHA-256 of weights is
checked here. A file that it was stopped in begins anew with the next call.

Published voices come from a plain web server; they are small.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from vibevoice_pro.config.settings import HOME, VOICES_URL
from vibevoice_pro.errors import BadCheckpoint, BadParameter, BadVoice, NotFetched
from vibevoice_pro.models.base import Progress
from vibevoice_pro.models.vibevoice.assets.hub import (
    DEFAULT,
    VOICE_FILES,
    Found,
    has_weights,
    is_name,
    voices_folder,
)
from vibevoice_pro.models.vibevoice.assets.tokens import named_tokenizer
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

VOICES = (
    "en-Carter_man", "en-Davis_man", "en-Emma_woman", "en-Frank_man", "en-Grace_woman",
    "en-Mike_man", "in-Samuel_man",
)  # fmt: skip
"""The published English voices."""

OnFile = Callable[[str, int, int], None]
"""Called with the name of a file, its bytes done and its bytes in all."""

_VOICE = re.compile(r"\w[\w.-]*", re.ASCII)
_SMALL = [
    "config.json", "preprocessor_config.json", "tokenizer*.json", "vocab.json", "merges.txt",
    "model.safetensors.index.json", "LICENSE*", "README.md", "voices/*.pt", "voices/*.safetensors",
]  # fmt: skip
_OFFLINE = "{} is not on this machine, and HF_HUB_OFFLINE forbids to fetch it"
_TIMEOUT = 30.0  # seconds that a server may take for an answer, and between two parts of it
_MAX_VOICE = 64 * 2**20  # bytes; published voices have 2 to 4 MB


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
    found = Found(_checkpoint(repo, revision or None, on_progress), voices_folder(repo, home))
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

    with _asking(repo):
        info = None
        if not constants.HF_HUB_OFFLINE:
            info = model_info(repo, revision=revision, files_metadata=True, timeout=_TIMEOUT)
        folder = Path(snapshot_download(repo, revision=revision, allow_patterns=_SMALL))
    VibeVoiceConfig.read(folder / "config.json")
    if info is not None:
        _fetch_weights(repo, info, on_progress)
    if not has_weights(folder):
        raise BadCheckpoint(f"{folder} holds no *.safetensors, or not all that its index names")
    return folder


def _fetch_weights(repo: str, info: ModelInfo, on_progress: OnFile) -> None:
    """Fetch the large files and check them.

    Raises:
        NotFetched: one could not be fetched, or is not what the hub says it is; then it is deleted.
    """
    from huggingface_hub import hf_hub_download

    for file in info.siblings or ():
        name = file.rfilename
        if "/" in name or not name.endswith(".safetensors"):
            continue
        bar = _bar(partial(on_progress, name))
        with _asking(repo):
            path = Path(hf_hub_download(repo, name, revision=info.sha, tqdm_class=bar))
        if file.lfs is not None and _sha256(path) != file.lfs.sha256:
            path.resolve().unlink()  # the content
            path.unlink(missing_ok=True)  # the link to it
            raise NotFetched(
                f"{name} of {repo} came damaged and was deleted, try again: its SHA-256 is wrong"
            )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(2**20):
            digest.update(data)
    return digest.hexdigest()


def _bar(on_progress: Progress) -> Any:
    """A class of progress bars for huggingface_hub that draws nothing and tells `on_progress`.

    The library may open a second bar for the same file, for what comes over the network; the first
    one counts what is on disk.
    """
    from huggingface_hub.utils import tqdm

    opened: list[Any] = []

    class Bar(tqdm):  # type: ignore[misc, unused-ignore]
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            super().__init__(*arguments, **{**settings, "disable": True})  # type: ignore[no-untyped-call, unused-ignore]
            opened.append(self)

        def update(self, n: float | None = 1) -> None:
            self.n += n or 0
            if self is opened[0]:
                on_progress(int(self.n), int(self.total or self.n))

    return Bar


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
            allow_patterns=[path + suffix for path in paths for suffix in VOICE_FILES],
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
    published = target.with_name(f"{target.stem}.pt.part")
    try:
        _download(url, published, partial(on_progress, target.stem))
        _keep(published, target, config)
    except BadVoice as error:
        raise BadVoice(f"{error}; it came from {url}") from error
    finally:
        published.unlink(missing_ok=True)


def _download(url: str, target: Path, on_progress: Progress) -> None:
    """Fetch a small file from a plain web server, through the HTTP client of huggingface_hub.

    Raises:
        NotFetched: the server refuses, the connection is cut or silent, the file is too large or
            cannot be written.
    """
    from huggingface_hub import get_session

    done = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file, get_session().stream("GET", url, timeout=_TIMEOUT) as came:
            if came.status_code != 200:
                raise NotFetched(f"{url} answers {came.status_code} {came.reason_phrase}")
            total = int(came.headers.get("Content-Length", 0))
            for data in came.iter_bytes():
                done += file.write(data)
                if done > _MAX_VOICE:
                    raise NotFetched(f"{url} has more than {_MAX_VOICE >> 20} MiB: it is no voice")
                on_progress(done, max(total, done))
    except NotFetched:
        raise
    except OSError as error:
        raise NotFetched(f"cannot write {target}: {error.strerror or error}") from error
    except Exception as error:  # whatever the HTTP library raises
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NotFetched(f"{url} could not be fetched: {reason}") from error


def _keep(voice: Path, target: Path, config: VibeVoiceConfig) -> None:
    """Write a voice as safetensors, if it fits the checkpoint."""
    from vibevoice_pro.models.vibevoice.assets.voices import convert_voice, load_voice

    load_voice(voice, config)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        convert_voice(voice, target)
    except OSError as error:
        raise NotFetched(f"cannot write {target}: {error.strerror or error}") from error
