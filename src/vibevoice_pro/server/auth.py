"""Who asks: every request names an API key, as soon as there are keys.

Plain ASGI around the application: a route can't forget it. The key is taken out of the request, so
that nothing behind this sees it, logs it or passes it on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from vibevoice_pro.config.keys import ANYONE, Key, digest, read_keys
from vibevoice_pro.config.stamp import stamp
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.server.refusal import refuse

log = logging.getLogger(__name__)

POLL_S = 2.0
"""How often the file of keys is looked at, in seconds."""

_SCHEMES = ("bearer", "token")
_HEADERS = ("xi-api-key", "x-api-key", "x-vapi-secret")
_SECRET = {b"authorization", *(name.encode() for name in _HEADERS)}
_PARAMETERS = ("api_key", "xi-api-key", "access_token")
_SUBPROTOCOL = b"sec-websocket-protocol"
_SCOPE = "vibevoice.key"
_KEYS = "vibevoice.keys"


class Keys:
    """The keys of a running server, as the file has them. Used on the event loop only."""

    def __init__(self, path: Path | None) -> None:
        """`path`: the file; None: there are no keys, and everybody may do everything.

        Raises:
            BadParameter: the file is not what it should be.
        """
        self._path = path
        self._seen = stamp(path)
        self._by_digest = _by_digest(path) if path is not None and self._seen else None

    @property
    def wanted(self) -> bool:
        """Whether a request needs a key."""
        return self._by_digest is not None

    def find(self, secret: str) -> Key | None:
        """Whose key this is; None: nobody's."""
        return (self._by_digest or {}).get(digest(secret))

    async def watch(self) -> None:
        """Take what changes in the file, for as long as the server runs.

        A file that is gone or wrong changes nothing: better the keys of before than none.
        """
        while self._path is not None:
            await asyncio.sleep(POLL_S)
            seen = await asyncio.to_thread(stamp, self._path)
            if seen is None or seen == self._seen:
                continue
            self._seen = seen
            try:
                self._by_digest = await asyncio.to_thread(_by_digest, self._path)
                log.info("%d API keys are in use", len(self._by_digest))
            except BadParameter as error:
                log.error("the keys stay what they were: %s", error)


def _by_digest(path: Path) -> dict[str, Key]:
    return {key.sha256: key for key in read_keys(path)}


class Authenticate:
    """Refuses requests without a key, and those to `admin` paths without an administrator's."""

    def __init__(
        self, app: ASGIApp, keys: Keys, public: Collection[str], admin: Collection[str],
        late: Collection[str] = (),
    ) -> None:  # fmt: skip
        """`public`: paths that need no key; `admin`: paths that need an administrator's; `late`:
        those where it may come in a message, see `key_in_message`."""
        self._app = app
        self._keys = keys
        self._public = frozenset(public)
        self._admin = frozenset(admin)
        self._late = frozenset(late)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        key: Key | None = ANYONE
        if self._keys.wanted:
            secret, scope = take_secret(scope)
            key = self._keys.find(secret) if secret else None
            if not secret and scope["path"] in self._late:
                return await self._app({**scope, _KEYS: self._keys}, receive, send)
            if key is None and scope["path"] not in self._public:
                refusal = refuse(scope["path"], 401, "invalid_api_key", _refusal(secret))
                refusal.headers["WWW-Authenticate"] = "Bearer"
                return await refusal(scope, receive, send)
            if scope["path"] in self._admin and key is not None and not key.admin:
                told = f"the key {key.name} is no administrator's: vibevoice-pro keys add --admin"
                refusal = refuse(scope["path"], 403, "no_administrator", told)
                return await refusal(scope, receive, send)
        return await self._app({**scope, _SCOPE: key}, receive, send)


def key_of(connection: HTTPConnection) -> Key:
    """Who asks."""
    key: Key = connection.scope[_SCOPE]
    return key


def key_in_message(connection: HTTPConnection, secret: str) -> Key:
    """Who asks, on a path where the key may come in a message; `secret`: what came there.

    Raises:
        BadParameter: the request had no key, and this is none.
    """
    if _SCOPE in connection.scope:
        return key_of(connection)
    keys: Keys = connection.scope[_KEYS]
    key = keys.find(secret) if secret else None
    if key is None:
        said = "there is no such API key" if secret else "this server needs an API key"
        raise BadParameter(said, field="api_key")
    return key


def take_secret(scope: Scope) -> tuple[str, Scope]:
    """The key that a request brings, empty: none; and the request without it.

    In a header `Authorization: Bearer …` or `Token …`, or one of `_HEADERS`; a WebSocket may also
    have it in the query, or as the second of two subprotocols after `token` or `bearer`, as a
    page can't send headers with one.
    """
    headers = Headers(scope=scope)
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    found = credentials.strip() if scheme.lower() in _SCHEMES else ""
    for name in _HEADERS:
        found = found or headers.get(name, "").strip()
    # The names stay: one tells which of two interfaces a client speaks.
    headers_left = [(n, b"" if n.lower() in _SECRET else value) for n, value in scope["headers"]]
    scope = {**scope, "headers": headers_left}
    if scope["type"] == "websocket":
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        found = found or next((value for name, value in query if name in _PARAMETERS), "")
        if any(name in _PARAMETERS for name, _ in query):
            rest = [(name, value) for name, value in query if name not in _PARAMETERS]
            scope["query_string"] = urlencode(rest).encode()
        scheme, *secrets = scope.get("subprotocols", [""]) or [""]
        if scheme.lower() in _SCHEMES and len(secrets) == 1:
            found = found or secrets[0]
            scope["subprotocols"] = [scheme]
            scope["headers"] = [h for h in scope["headers"] if h[0].lower() != _SUBPROTOCOL]
    return found, scope


def _refusal(secret: str) -> str:
    said = "there is no such API key" if secret else "this server needs an API key"
    return f"{said}; send it as Authorization: Bearer KEY, or with a WebSocket as ?api_key=KEY"
