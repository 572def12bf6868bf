"""Somebody who listens to a stream of the engine, without a session."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.support.engines import bulk_config
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.stream import StreamConfig
from vibevoice_pro.errors import SpeechError

BULK = bulk_config("xx-Tone")


class Listener:
    """Opens a stream and waits for what it gives."""

    def __init__(self, engine: Engine, config: StreamConfig = BULK) -> None:
        self.changed = threading.Condition()
        self.pcm = b""
        self.stream = engine.open(config, self._wake)

    def _wake(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def until(self, done: Callable[[], bool], timeout: float = 20.0) -> None:
        end = time.monotonic() + timeout
        with self.changed:
            while not done():
                assert self.changed.wait(end - time.monotonic()), "nothing came"

    def take(self) -> bytes:
        self.pcm += self.stream.take()
        return self.pcm

    def until_bytes(self, count: int) -> None:
        self.until(lambda: len(self.take()) >= count)

    def until_end(self) -> bytes:
        self.until(lambda: bool(self.take() or True) and self.stream.ended)
        return self.take()

    def until_failure(self) -> SpeechError:
        """What it failed with; all that was made before is taken first."""
        failure: list[SpeechError] = []

        def failed() -> bool:
            try:
                while len(self.pcm) != len(self.take()):
                    pass
            except SpeechError as error:
                failure.append(error)
            return bool(failure)

        self.until(failed)
        return failure[0]


def speak(engine: Engine, *parts: str, config: StreamConfig = BULK) -> bytes:
    listener = Listener(engine, config)
    for part in parts:
        listener.stream.feed(part)
    listener.stream.finish()
    pcm = listener.until_end()
    listener.stream.close()
    return pcm
