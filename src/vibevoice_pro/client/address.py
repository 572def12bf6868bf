"""Where a server speaks: the address of its `/stream`, from what people type."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

URL = "ws://127.0.0.1:7860/stream"
"""Where a server listens unless told otherwise."""

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_PATH = "/stream"


def stream_url(address: str) -> str:
    """The WebSocket URL of a server's `/stream`.

    `address`: a server, as in `ws://host:7860`, or its `/stream`; `http` means `ws`, and `https`
    means `wss`. A path before `/stream` is kept, for servers behind a proxy.

    Raises:
        ValueError: it is not such an address; one sentence that says what is.
    """
    wanted = f"the address must be like ws://host:7860 or {URL}; got {address[:200]!r}"
    try:
        parts = urlsplit(address.strip())
        host, _ = parts.hostname, parts.port  # a port that is no number raises
    except ValueError as error:
        raise ValueError(wanted) from error
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not host:
        raise ValueError(wanted)
    if parts.query or parts.fragment:
        raise ValueError(
            f"the address must have no query and no fragment, parameters are given apart from it; "
            f"got {address[:200]!r}"
        )
    path = parts.path.rstrip("/")
    if not path.endswith(_PATH):
        path += _PATH
    return urlunsplit((scheme, parts.netloc, path, "", ""))


def http_url(address: str, path: str) -> str:
    """The HTTP URL of `path`, e.g. `/api/status`, of the server that `stream_url` means.

    Raises:
        ValueError: see `stream_url`.
    """
    parts = urlsplit(stream_url(address))
    scheme = "https" if parts.scheme == "wss" else "http"
    return urlunsplit((scheme, parts.netloc, parts.path.removesuffix(_PATH) + path, "", ""))
