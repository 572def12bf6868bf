"""What holds for every request, whatever the route: origins, HEAD, security headers.

Plain ASGI around the application, so that it also holds for errors and for files.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.server.refusal import refuse

CSP = "Content-Security-Policy"
_NOSNIFF = {"X-Content-Type-Options": "nosniff"}
DATA_HEADERS = {CSP: "default-src 'none'; frame-ancestors 'none'", **_NOSNIFF}
"""Of answers that are data: they load nothing, and no page can frame them."""

CONSOLE_HEADERS = {CSP: "default-src 'self'; frame-ancestors 'none'", **_NOSNIFF}
"""Of the console's files: all they load comes from this server."""

_DOCS_HEADERS = {
    # Swagger's page sets itself up in an inline script, and its styles hold images.
    CSP: "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'",
    **_NOSNIFF,
}
_CHANGING = ("POST", "PUT", "PATCH", "DELETE")
_DOCS = ("/docs", "/docs/oauth2-redirect")

_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+|null")


class SecurityHeaders:
    """Adds the headers that tell a browser what an answer may do, unless they are there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        added = _DOCS_HEADERS if scope.get("path") in _DOCS else DATA_HEADERS

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in added.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class HeadAsGet:
    """Answers HEAD wherever there is a GET, with the same headers; the server omits the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


class SameOrigin:
    """Refuses what a page from elsewhere asks for: WebSockets, and requests that change something.

    Browsers let any page send these to any server, also one on the visitor's own machine; `Origin`
    tells where the page is from. Clients that are no browsers send none, and are served. A page can
    also have its own name lead to this machine (DNS rebinding), and so be of the same origin: a
    server that only this machine can reach believes no name but localhost.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str], local: bool) -> None:
        """`allowed`: see `parse_origins`; `local`: whether only this machine reaches the server."""
        self._app = app
        self._allowed = allowed
        self._local = local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "websocket" or scope.get("method") in _CHANGING:
            headers = Headers(scope=scope)
            for origin in headers.getlist("origin"):
                if not self._may(origin.lower(), headers.get("host", "")):
                    refusal = refuse(scope["path"], 403, "foreign_origin", _refusal(origin))
                    return await refusal(scope, receive, send)
        return await self._app(scope, receive, send)

    def _may(self, origin: str, host: str) -> bool:
        if "*" in self._allowed or origin in self._allowed:
            return True
        return is_same(origin, host) and not (self._local and is_foreign(host))


def parse_origins(text: str) -> frozenset[str]:
    """Origins separated by commas, like `https://example.org,http://localhost:3000`, or `*`.

    Raises:
        BadParameter: one is no origin.
    """
    origins = [part.strip().lower().rstrip("/") for part in text.split(",") if part.strip()]
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise BadParameter(
                "allowed_origins must be origins like https://example.org or "
                f"http://localhost:3000, separated by commas, or *; got {origin[:80]!r}",
                field="allowed_origins",
            )
    return frozenset(origins)


def is_same(origin: str, host: str) -> bool:
    """Whether a page of this origin was served by `host`, as the Host header has it.

    The scheme is not compared: a proxy may have taken TLS off.
    """
    try:
        page = urlsplit(origin)
        server = urlsplit(f"{page.scheme}://{host}")
        default = _PORTS.get(page.scheme)
        places = [(each.hostname, each.port or default) for each in (page, server)]
    except ValueError:  # a port that is no number
        return False
    return page.hostname is not None and places[0] == places[1]


def is_foreign(host: str) -> bool:
    """Whether a Host header has a name that may lead anywhere: no address, and not localhost."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name != "localhost" and not name.endswith(".localhost")
    return False


def is_loopback(host: str) -> bool:
    """Whether a server that listens on `host` is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refusal(origin: str) -> str:
    return (
        f"a page from {origin[:80]!r} may not use this server; "
        "the setting allowed_origins lists which may"
    )
