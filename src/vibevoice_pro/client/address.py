"""Where a server is, in all the ways that people write it."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


def stream_url(address: str) -> str:
    """The WebSocket URL of a server's `/stream`.

    `address` is that of the server or the URL itself: `ws://host:7860`, `https://host/tts`,
    `ws://host:7860/stream`.

    Raises:
        ValueError: it is neither.
    """
    try:
        parts = urlsplit(address.strip())
        parts.port  # noqa: B018 - raises when it is no number
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(
            "a server's address looks like ws://host:7860 (or wss, http, https), "
            f"without parameters; got {address[:80]!r}"
        )
    path = parts.path.rstrip("/")
    if not path.endswith("/stream"):
        path += "/stream"
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, "", ""))


def http_url(address: str, path: str) -> str:
    """The HTTP URL of `path`, e.g. `/api/status`, of the server that `stream_url` means."""
    parts = urlsplit(stream_url(address))
    scheme = "https" if parts.scheme == "wss" else "http"
    return urlunsplit((scheme, parts.netloc, parts.path.removesuffix("/stream") + path, "", ""))
