"""The ASGI application, and running it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
import websockets.http11
from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from vibevoice_pro import __version__
from vibevoice_pro.config.live import LiveSettings
from vibevoice_pro.config.sources import Rank, Read
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.server import info, metrics, settings
from vibevoice_pro.server.auth import Authenticate, Keys
from vibevoice_pro.server.edge import (
    CONSOLE_HEADERS,
    HeadAsGet,
    SameOrigin,
    SecurityHeaders,
    is_loopback,
    parse_origins,
)
from vibevoice_pro.server.http import MAX_HEAD_BYTES, StrictHTTP
from vibevoice_pro.server.protocols.cartesia import route as cartesia
from vibevoice_pro.server.protocols.cartesia import voices as cartesia_voices
from vibevoice_pro.server.protocols.deepgram import route as deepgram
from vibevoice_pro.server.protocols.elevenlabs import lists as elevenlabs_lists
from vibevoice_pro.server.protocols.elevenlabs import route as elevenlabs
from vibevoice_pro.server.protocols.native import route as native
from vibevoice_pro.server.protocols.openai import route as openai
from vibevoice_pro.server.protocols.twilio import route as twilio
from vibevoice_pro.server.protocols.vapi import route as vapi
from vibevoice_pro.server.protocols.wyoming.server import WyomingServer
from vibevoice_pro.server.refusal import refuse
from vibevoice_pro.server.status import Status
from vibevoice_pro.server.systemd import Notifier
from vibevoice_pro.server.traces import provider_from_environment, trace
from vibevoice_pro.server.websocket import FreedWebSocket
from vibevoice_pro.speech.service import Service

log = logging.getLogger(__name__)

CONSOLE = Path(__file__).parent / "console"

_MESSAGE_BYTES_PER_CHAR = 12  # of JSON, at worst: a character outside the BMP, escaped


def create_app(
    service: Service, live: LiveSettings | None = None, wyoming: socket.socket | None = None
) -> ASGIApp:
    """The application around a service; starts its engine when served, stops it at the end.

    `live`: its settings, which may change; None: those it was made with, from nowhere in
    particular. `wyoming`: listens, and Wyoming is spoken there; None: nowhere.

    Raises:
        BadParameter: `allowed_origins` holds something else, or the API keys can't be read.
    """
    live = live or LiveSettings(Read.of(service.settings), service.change)
    keys = _keys(live)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.engine.start()
        watching = [asyncio.create_task(settings.watch(live)), asyncio.create_task(keys.watch())]
        async with service, contextlib.AsyncExitStack() as others:
            if wyoming is not None:
                if keys.wanted:
                    log.warning("Wyoming knows no API keys: whoever reaches its port may speak")
                await others.enter_async_context(WyomingServer(wyoming, app.state.status))
            yield
        for task in watching:
            task.cancel()

    app = FastAPIOffline(  # /docs without a CDN
        redoc_url=None,
        static_url="/docs-files",
        title="VibeVoice Pro",
        version=__version__,
        description="Streaming text-to-speech. The main road is the WebSocket `/stream`, "
        "which OpenAPI cannot describe: see docs/protocol.md.",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.status = Status(service)
    app.state.live = live
    app.state.metrics = metrics.Metrics(service)
    provider = provider_from_environment()
    if provider is not None:
        trace(service, provider)
    # Both have /v1/models; that of ElevenLabs only answers its own clients.
    for module in (
        native, elevenlabs, elevenlabs_lists, openai, cartesia, cartesia_voices, deepgram, twilio,
        vapi, info, settings, metrics,
    ):  # fmt: skip
        app.include_router(module.router)
    app.add_exception_handler(HTTPException, _not_here)
    console = ConsoleFiles(directory=CONSOLE, html=True)

    async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
        serve = console if scope["type"] == "http" else app.router.not_found
        await serve(scope, receive, send)

    app.router.default = elsewhere  # a mount at / would hide which methods a path has
    files = (path.relative_to(CONSOLE).as_posix() for path in CONSOLE.rglob("*"))
    public = ["/", *(f"/{name}" for name in files), "/healthz", "/readyz"]
    origins = parse_origins(service.settings.allowed_origins)
    known = Authenticate(HeadAsGet(app), keys, public, admin=["/api/config"], late=["/twilio"])
    guarded: ASGIApp = SameOrigin(known, origins, is_loopback(service.settings.host))
    if origins:
        guarded = CORSMiddleware(
            guarded, allow_origins=[*origins], allow_methods=["*"], allow_headers=["*"],
            expose_headers=["*"],
        )  # fmt: skip
    return SecurityHeaders(guarded)


def _keys(live: LiveSettings) -> Keys:
    """The API keys; a file that an operator names must be there."""
    path = Path(live.settings.keys).expanduser() if live.settings.keys else None
    given = live.read.given.get("keys")
    if path is not None and not path.is_file() and (given is None or given.rank > Rank.FOLDER):
        raise BadParameter(
            f"there is no file of API keys {path}: vibevoice-pro keys add NAME makes one",
            field="keys",
        )
    return Keys(path)


async def _not_here(request: Request, error: Exception) -> Response:
    """The answer where no route is, in the shape that clients of this path read."""
    assert isinstance(error, HTTPException)
    told = f"{request.method} {request.url.path[:200]}: {error.detail}"
    code = _CODES.get(error.status_code, "failed")
    answer = refuse(request.url.path, error.status_code, code, told)
    answer.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (allowed := _methods(request)):
        answer.headers["Allow"] = ", ".join(sorted(allowed))
    return answer


_CODES = {404: "not_found", 405: "method_not_allowed"}


def _methods(request: Request) -> set[str]:
    """The methods that a path has, over all its routes."""
    found = set()
    for method in ("DELETE", "GET", "PATCH", "POST", "PUT"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            found.add(method)
    return found | {"HEAD"} if "GET" in found else found


class ConsoleFiles(StaticFiles):
    """The console's files: asked for anew after an upgrade, and loading nothing from elsewhere."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """A file with the headers that hold for the whole console."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"  # the ETag makes that a 304
        response.headers.update(CONSOLE_HEADERS)
        return response


def listen(host: str, port: int, send_timeout: float) -> socket.socket:
    """A listening socket; `port` 0 takes a free one.

    Raises:
        OSError: the address is not to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # The kernel then drops a listener who takes nothing any more, with what is buffered for it.
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(send_timeout * 1000))
    server.bind((host, port))
    server.listen(1024)
    return server


def check_tls(certificate: str, key: str) -> None:
    """See whether TLS can be served with these two PEM files; both empty: without TLS.

    Raises:
        BadParameter: it can't.
    """
    if not certificate and not key:
        return
    if not certificate or not key:
        raise BadParameter("TLS needs both tls_certificate and tls_key", field="tls_certificate")
    for field, path in (("tls_certificate", certificate), ("tls_key", key)):
        if not os.access(path, os.R_OK):
            raise BadParameter(f"{field}: {path} cannot be read", field=field)
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise BadParameter(
            f"{certificate} and {key} are no PEM certificate with its private key: {error}",
            field="tls_certificate",
        ) from None


class Server(uvicorn.Server):
    """uvicorn that is set for audio, says when it is up, and stops without cutting anybody off.

    At the first SIGTERM or SIGINT nobody new is taken; it stops when all speech that was written
    has been sent, or `drain_timeout` is over. At the second it stops at once.
    """

    def __init__(self, app: ASGIApp, service: Service, on_up: Callable[[], None]) -> None:
        # h11 has read the request before the websockets library reads it again; there, a line that
        # is too long would leave the client without an answer, so let h11 be the judge alone.
        websockets.http11.MAX_LINE_LENGTH = 16 * MAX_HEAD_BYTES
        super().__init__(
            uvicorn.Config(
                app,
                http=StrictHTTP,
                ws=FreedWebSocket,
                ws_per_message_deflate=False,  # PCM does not shrink, and the time is dear
                ws_max_size=service.settings.max_text * _MESSAGE_BYTES_PER_CHAR,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=5,
                ssl_certfile=service.settings.tls_certificate or None,
                ssl_keyfile=service.settings.tls_key or None,
            )
        )
        # It logs every URL with its text in it: long, and none of the log's business.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        self._service = service
        self._on_up = on_up
        self._drained_by = 0.0
        self._systemd = Notifier()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving, then say so."""
        await super().startup(sockets)
        if self.started:
            self._on_up()
            self._systemd.ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take nobody new, and stop when those who listen have heard all; the second time, now."""
        service = self._service
        super().handle_exit(sig, frame)
        if service.draining:
            return
        self.should_exit = False
        self._drained_by = time.monotonic() + service.settings.drain_timeout
        service.draining = True
        self._systemd.stopping()

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; whether to stop."""
        self._systemd.alive(lambda: self._service.healthy)
        if self._service.draining and not self.should_exit:
            speaking = self._service.sessions.speaking
            self.should_exit = not speaking or time.monotonic() >= self._drained_by
        return await super().on_tick(counter)
