"""Real servers on free ports, in this process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from vibevoice_pro.config.settings import Settings
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.host import Host
from vibevoice_pro.models.base import AnyModel
from vibevoice_pro.server.app import Server, create_app, listen
from vibevoice_pro.speech.build import build_service
from vibevoice_pro.speech.service import Service


@dataclass
class Running:
    """A server that runs in this process."""

    port: int
    service: Service

    @property
    def engine(self) -> Engine:
        return self.service.engine

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def serving(*models: AnyModel | Host, **changes: object) -> Iterator[Running]:
    """Serve models on a free port for as long as the context lasts."""
    # Far ahead of the listener, so that tests need not wait for the audio to be played.
    settings = Settings(**{"port": 0, "lead": 600.0, "max_load": 1.0, **changes})
    hosts = [model if isinstance(model, Host) else Host(model) for model in models]
    service = build_service(hosts, settings)
    sock = listen("127.0.0.1", 0, settings.send_timeout)
    up = threading.Event()
    wyoming = None
    if settings.wyoming_port:
        wyoming = listen("127.0.0.1", settings.wyoming_port, settings.send_timeout)
    server = Server(create_app(service, wyoming=wyoming), service, up.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        assert up.wait(30), "the server did not start"
        yield Running(sock.getsockname()[1], service)
    finally:
        server.should_exit = True
        thread.join(30)
        sock.close()
    assert not thread.is_alive()
