"""`vibevoice-pro pull`: download a checkpoint, its tokenizer and voices.

What huggingface_hub does not do, beside what `models.hub` says:

* It resumes a download within one call only, after the last complete 10 MiB. The next call starts
  an incomplete file from the beginning. A failed or interrupted call deletes its partial file; a
  killed process leaves it in the cache as `blobs/*.incomplete`, where it can be deleted by hand.
* The SHA-256 of weights is verified here, on every call.

Published voices come from a plain web server. They have 2 to 4 MB each, so a failed download is not
resumed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from vibevoice_pro.config.settings import HOME, VOICES_URL
from vibevoice_pro.errors import BadCheckpoint, BadParameter, BadVoice, NotFetched
from vibevoice_pro.models.base import Progress
from vibevoice_pro.models.hub import (
    OFFLINE,
    OnFile,
    bar,
    hub_errors,
    quiet,
    sha256_of,
    voices_folder,
)
from vibevoice_pro.models.vibevoice.assets.hub import (
    DEFAULT,
    VOICE_FILES,
    Found,
    has_weights,
    is_name,
)
from vibevoice_pro.models.vibevoice.assets.tokens import named_tokenizer
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.published import ENGLISH

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

_VOICE = re.compile(r"\w[\w.-]*", re.ASCII)
_SMALL = [
    "config.json", "preprocessor_config.json", "tokenizer*.json", "vocab.json", "merges.txt",
    "model.safetensors.index.json", "LICENSE*", "README.md", "voices/*.pt", "voices/*.safetensors",
]  # fmt: skip
_TIMEOUT = 30.0  # seconds without data from a server
_MAX_VOICE = 64 * 2**20  # bytes


def pull(
    name: str = DEFAULT, home: Path = HOME, source: str = "", voices: Sequence[str] = (),
    voices_url: str = VOICES_URL, on_progress: OnFile = lambda name, done, total: None,
) -> Found:  # fmt: skip
    """Download a checkpoint, its tokenizer and voices; files that are complete are kept.

    If the checkpoint comes with voices, no others are downloaded unless `source` or `voices` is
    given.

    Args:
        name: hub name, see `hub`.
        home: where voices are saved, see `hub`.
        source: a directory, or owner/name or owner/name/folder on the hub, to take voices from;
            empty: `voices_url`.
        voices: names of the voices to get; empty: all of `source`, or the English ones of
            `voices_url`.
        voices_url: URL of a folder with `*.pt` files.
        on_progress: progress of the weights and of each voice.

    Raises:
        BadParameter: a name or a source is malformed, or the source lacks a voice.
        NotFetched: a download failed.
        BadCheckpoint, BadVoice: a downloaded file is invalid.
    """
    from huggingface_hub import hf_hub_download

    if not is_name(name):
        raise BadParameter(f"a model name must look like owner/name; got {name!r}")
    _check_names(voices)
    quiet()
    repo, _, revision = name.partition("@")
    found = Found(_checkpoint(repo, revision or None, on_progress), voices_folder(repo, home))
    if not (found.folder / "tokenizer.json").exists():
        tokenizer = named_tokenizer(found.folder)
        with hub_errors(tokenizer):
            hf_hub_download(tokenizer, "tokenizer.json")
    pull_voices(found, source, voices, voices_url, on_progress)
    return found


def _check_names(voices: Sequence[str]) -> None:
    for voice in voices:
        if not _VOICE.fullmatch(voice):
            raise BadParameter(f"a voice name must look like {ENGLISH[0]}; got {voice!r}")


def _checkpoint(repo: str, revision: str | None, on_progress: OnFile) -> Path:
    """Download a checkpoint. Its configuration comes first, to reject other models early."""
    from huggingface_hub import constants, model_info, snapshot_download

    with hub_errors(repo):
        info = None
        if not constants.HF_HUB_OFFLINE:
            info = model_info(repo, revision=revision, files_metadata=True, timeout=_TIMEOUT)
        folder = Path(snapshot_download(repo, revision=revision, allow_patterns=_SMALL))
    VibeVoiceConfig.read(folder / "config.json")
    if info is not None:
        _fetch_weights(repo, info, on_progress)
    if not has_weights(folder):
        raise BadCheckpoint(f"{folder} has no *.safetensors file, or not all files of its index")
    return folder


def _fetch_weights(repo: str, info: ModelInfo, on_progress: OnFile) -> None:
    """Download the weights and verify their SHA-256.

    Raises:
        NotFetched: a download failed, or a file is damaged; a damaged file is deleted.
    """
    from huggingface_hub import hf_hub_download

    for file in info.siblings or ():
        name = file.rfilename
        if "/" in name or not name.endswith(".safetensors"):
            continue
        tqdm = bar(partial(on_progress, name))
        with hub_errors(repo):
            path = Path(hf_hub_download(repo, name, revision=info.sha, tqdm_class=tqdm))
        if file.lfs is not None and sha256_of(path) != file.lfs.sha256:
            path.resolve().unlink()  # the content
            path.unlink(missing_ok=True)  # the link to it
            raise NotFetched(
                f"{name} of {repo} was damaged (wrong SHA-256) and has been deleted; try again"
            )


def pull_voices(
    found: Found, source: str = "", voices: Sequence[str] = (), voices_url: str = VOICES_URL,
    on_progress: OnFile = lambda name, done, total: None,
) -> None:  # fmt: skip
    """Download or copy voices for a checkpoint, after a check of each against its sizes.

    Arguments and errors as in `pull`.
    """
    from vibevoice_pro.models.vibevoice.assets.voices import (  # imports PyTorch
        load_voice,
        voice_files,
    )

    _check_names(voices)
    config = VibeVoiceConfig.read(found.folder / "config.json")
    if source:
        files = voice_files(_source_folder(source, voices))
        if not files:
            raise BadVoice(f"{source} has no voice files (*.pt or *.safetensors)")
        for voice in voices or files:
            if voice not in files:
                raise BadParameter(f"{source} has no voice {voice}; it has {', '.join(files)}")
            _save(files[voice], found.voices / f"{voice}.safetensors", config)
        return
    own = voice_files(found.folder / "voices")
    for path in own.values():
        load_voice(path, config)
    for voice in voices or (() if own else ENGLISH):
        target = found.voices / f"{voice}.safetensors"
        _fetch_voice(f"{voices_url.rstrip('/')}/{quote(voice)}.pt", target, config, on_progress)


def _source_folder(source: str, voices: Sequence[str]) -> Path:
    """The folder that `--voices` names; downloaded if it is on the hub."""
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
    with hub_errors(repo):
        snapshot = snapshot_download(
            repo,
            revision=revision or None,
            allow_patterns=[path + suffix for path in paths for suffix in VOICE_FILES],
            ignore_patterns=None if inner else ["*/*", "model*"],
        )
    return Path(snapshot) / inner


def _fetch_voice(url: str, target: Path, config: VibeVoiceConfig, on_progress: OnFile) -> None:
    from huggingface_hub import constants

    from vibevoice_pro.models.vibevoice.assets.voices import load_voice

    if target.exists():
        with contextlib.suppress(BadVoice):
            load_voice(target, config)
            return
    if constants.HF_HUB_OFFLINE:
        raise NotFetched(OFFLINE.format(f"the voice {target.stem}"))
    published = target.with_name(f"{target.stem}.pt.part")
    try:
        _download(url, published, partial(on_progress, target.stem))
        _save(published, target, config)
    except BadVoice as error:
        raise BadVoice(f"{error} (downloaded from {url})") from error
    finally:
        published.unlink(missing_ok=True)


def _download(url: str, target: Path, on_progress: Progress) -> None:
    """Download a small file from a plain web server with the HTTP client of huggingface_hub.

    Raises:
        NotFetched: the server answers with an error, the connection drops or times out, or the file
            is too large or cannot be written.
    """
    from huggingface_hub import get_session

    done = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            target.open("wb") as file,
            get_session().stream("GET", url, timeout=_TIMEOUT) as answer,
        ):
            if answer.status_code != 200:
                raise NotFetched(f"{url} answers {answer.status_code} {answer.reason_phrase}")
            total = int(answer.headers.get("Content-Length", 0))
            for data in answer.iter_bytes():
                done += file.write(data)
                if done > _MAX_VOICE:
                    raise NotFetched(
                        f"{url} has more than {_MAX_VOICE >> 20} MiB, too large for a voice"
                    )
                on_progress(done, max(total, done))
    except NotFetched:
        raise
    except OSError as error:
        raise NotFetched(f"cannot write {target}: {error.strerror or error}") from error
    except Exception as error:  # those of the HTTP library
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NotFetched(f"{url} could not be downloaded: {reason}") from error


def _save(voice: Path, target: Path, config: VibeVoiceConfig) -> None:
    """Check a voice against the checkpoint and save it as safetensors."""
    from vibevoice_pro.models.vibevoice.assets.voices import convert_voice, load_voice

    load_voice(voice, config)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        convert_voice(voice, target)
    except OSError as error:
        raise NotFetched(f"cannot write {target}: {error.strerror or error}") from error
