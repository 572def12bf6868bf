"""Downloads from the hub, with huggingface_hub (1.1 or later; checked with 2.4).

The library knows the hub's mirrors (`HF_ENDPOINT`), tokens and offline mode, and resumes a dropped
connection within one call: it is reopened, five times without progress at most. It compares sizes,
not contents: whoever knows the SHA-256 of a file verifies it with `sha256_of`.

What is saved here and not in the cache of huggingface_hub is in HOME/voices/OWNER--NAME, where HOME
is $VIBEVOICE_HOME or ~/.cache/vibevoice-pro.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from vibevoice_pro.errors import NotFetched
from vibevoice_pro.models.base import Progress

OnFile = Callable[[str, int, int], None]
"""Called with a file's name, the bytes downloaded so far and its size in bytes."""

OFFLINE = "{} is not on this machine, and HF_HUB_OFFLINE is set"
"""What is said of something that is not here and must not be downloaded."""


def voices_folder(repo: str, home: Path) -> Path:
    """The folder of the voices that were saved for a repository; need not exist."""
    return home.expanduser() / "voices" / repo.replace("/", "--")


def quiet() -> None:
    """Keep huggingface_hub from printing: bars are the caller's, and its errors are raised."""
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


@contextlib.contextmanager
def hub_errors(repo: str) -> Iterator[None]:
    """Turn the exceptions of huggingface_hub into `NotFetched` with a one-sentence reason."""
    from huggingface_hub import constants, errors

    hub = constants.ENDPOINT
    try:
        yield
    except errors.GatedRepoError as error:
        raise NotFetched(
            f"{repo} is gated: accept its terms at {hub}/{repo} and set HF_TOKEN"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise NotFetched(f"{repo} has no such revision on {hub}") from error
    except errors.RepositoryNotFoundError as error:
        raise NotFetched(f"{repo} is not on {hub}, or it is private") from error
    except Exception as error:  # those of its HTTP library, which differs by version
        if constants.HF_HUB_OFFLINE:
            raise NotFetched(OFFLINE.format(repo)) from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NotFetched(f"{repo} could not be downloaded from {hub}: {reason}") from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(2**20):
            digest.update(data)
    return digest.hexdigest()


def bar(on_progress: Progress) -> Any:
    """A progress bar class for huggingface_hub that draws nothing and calls `on_progress`.

    For one file the library may open a second bar, of network traffic; only the first, of bytes on
    disk, is reported.
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


def fetch(repo: str, file: str, sha256: str, target: Path, name: str, on_progress: OnFile) -> None:
    """Download one file of a repository whose SHA-256 is known to `target`.

    It gets that name when it is complete and verified; an incomplete or damaged one is deleted.

    Args:
        repo, file: which, e.g. `owner/name` and `voices/a.onnx`.
        sha256: of its content, in hexadecimal.
        target: where it is saved; its folder is made.
        name: what it is called in errors and to `on_progress`.
        on_progress: told of the bytes downloaded.

    Raises:
        NotFetched: the download failed, the content is another one, or the file cannot be written.
    """
    from huggingface_hub import constants, hf_hub_download

    quiet()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".pull-") as folder:
            with hub_errors(repo):
                tqdm = bar(partial(on_progress, name))
                path = Path(hf_hub_download(repo, file, local_dir=folder, tqdm_class=tqdm))
            if sha256_of(path) != sha256:
                raise NotFetched(
                    f"{name} was damaged (wrong SHA-256 of {file} of {repo} from "
                    f"{constants.ENDPOINT}) and has been deleted; try again"
                )
            path.replace(target)
    except OSError as error:
        raise NotFetched(f"cannot write {target}: {error.strerror or error}") from error
