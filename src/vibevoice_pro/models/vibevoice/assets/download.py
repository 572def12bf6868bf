"""Fetch one file over HTTP, going on where an earlier attempt was cut."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from vibevoice_pro.errors import NotFetched

_PIECE = 2**16
_TIMEOUT = 30.0  # seconds without a byte
_RANGE_NOT_SATISFIABLE = 416


def download(
    url: str, target: Path, headers: Mapping[str, str] | None = None, sha256: str = "",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:  # fmt: skip
    """Fetch `url` into `target`.

    What has come is kept in `target`.part, and the next call goes on from there. A connection that
    is cut is opened again for as long as something comes.

    Args:
        url: where it is.
        target: file to write; it appears when it is complete.
        headers: sent to the host of `url`, and to no other that it redirects to.
        sha256: of the whole file, in hexadecimal; empty: not known.
        on_progress: called with the bytes done and the bytes in all.

    Raises:
        NotFetched: the server refuses, nothing more comes, or the file is not the one expected.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        while True:
            before = _size(part)
            reason = "the connection was cut"
            try:
                if _attempt(url, part, headers or {}, on_progress):
                    break
            except HTTPError as error:
                raise NotFetched(f"{url} answers {error.code} {error.reason}") from error
            except (OSError, HTTPException, ValueError) as error:
                reason = str(getattr(error, "reason", error)) or type(error).__name__
            if _size(part) <= before:
                kept = "; what has come is kept, try again to go on" if before else ""
                raise NotFetched(f"{url} could not be fetched: {reason}{kept}")
        if sha256 and _sha256(part) != sha256:
            part.unlink()
            raise NotFetched(f"{url} came damaged and was deleted, try again: its SHA-256 is wrong")
        part.replace(target)
    except OSError as error:
        raise NotFetched(f"cannot write {target}: {error.strerror or error}") from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _attempt(
    url: str, part: Path, headers: Mapping[str, str], on_progress: Callable[[int, int], None]
) -> bool:
    """Add to `part` what the server sends; whether that is all of it."""
    done = _size(part)
    request = Request(url)
    for name, value in headers.items():
        request.add_unredirected_header(name, value)
    if done:
        request.add_header("Range", f"bytes={done}-")
    try:
        answer = urlopen(request, timeout=_TIMEOUT, context=_trusted())
    except HTTPError as error:
        if error.code != _RANGE_NOT_SATISFIABLE or not done:
            raise
        if error.headers.get("Content-Range", "").endswith(f"*/{done}"):
            return True
        part.unlink()  # it is longer than the file, so it is of another one
        return _attempt(url, part, headers, on_progress)
    with answer:
        if answer.status != 206:
            done = 0  # the server sends all of it again
        length = answer.headers.get("Content-Length")
        total = None if length is None else done + int(length)
        with part.open("ab" if done else "wb") as file:
            while data := answer.read1(_PIECE):
                file.write(data)
                done += len(data)
                on_progress(done, total or done)
    return total is None or done == total


def _trusted() -> ssl.SSLContext:
    """What the system trusts, and certifi's list where it is there: some Pythons come with none."""
    context = ssl.create_default_context()
    with contextlib.suppress(ImportError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(2**20):
            digest.update(data)
    return digest.hexdigest()
