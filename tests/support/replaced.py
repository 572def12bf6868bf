"""A line to one server after another, none of which knows the sessions of the one before."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tests.support.proxy import Proxy
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel


class Replaced:
    """Servers behind one address.

    Attributes:
        line: where clients connect.
        servers: all of them, each with its model in `models`; the first serves until `replace`.
    """

    def __init__(self, servers: list[Running], models: tuple[Any, ...], only: bytes) -> None:
        self.servers = servers
        self.models = models
        self._current = 0
        self.line = Proxy(lambda: self.servers[self._current].port, only)

    def replace(self) -> None:
        """As if the server was killed and another one started: cut all connections."""
        self._current += 1
        self.line.cut()


@contextlib.contextmanager
def replaced(*models: Any, only: bytes = b"GET /stream", **changes: Any) -> Iterator[Replaced]:
    """Serve each model on a server of its own, all behind one address.

    The gate of a `ToneModel` is closed when its server is up.
    """
    with contextlib.ExitStack() as stack:
        servers = []
        for model in models:
            gate = getattr(model, "gate", None)
            if gate is not None:
                model.gate = None
            servers.append(stack.enter_context(serving(model, **changes)))
            if gate is not None:
                model.gate = gate
                stack.callback(gate.release, 10_000)  # or the server could not stop
            if isinstance(model, ToneModel):
                model.opened.clear()
        chain = Replaced(servers, models, only)
        stack.enter_context(chain.line)
        yield chain
