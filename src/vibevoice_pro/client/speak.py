"""`speak`: a text, or pieces of one, as an iterator of PCM."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any

from vibevoice_pro.client.address import URL, stream_url
from vibevoice_pro.client.speech import Speech

Text = str | Iterable[str] | AsyncIterable[str]

_AHEAD = 250  # pieces of PCM that wait for a plain `for` at most, 5 s


def speak(text: Text, url: str = URL, **params: Any) -> Speaking:
    """Speak a text, or an iterator of its pieces while it is being written.

    The result can be used in a `for` as well as in an `async for`; both yield PCM (s16le, mono) as
    it arrives, and end when all has been spoken.

    Args:
        text: a text, or an iterator of its pieces.
        url: a server's address, see `stream_url`.
        params: those of `Speech`.

    Raises:
        ValueError: `url` is no address.
        Refused, Lost: while iterated: the speech cannot continue.
    """
    return Speaking(text, stream_url(url), params)


class Speaking:
    """What `speak` returns: an iterable and an asynchronous iterable of PCM."""

    def __init__(self, text: Text, url: str, params: dict[str, Any]) -> None:
        self._text = text
        self._url = url
        self._params = params

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with Speech(self._url, **self._params) as speech:
            writer = asyncio.create_task(_write(speech, self._text))
            try:
                async for pcm in speech:
                    yield pcm
                await writer
            finally:
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)

    def __iter__(self) -> Iterator[bytes]:
        """The same in a thread of its own, so that the connection lives while the caller plays."""
        pieces: queue.Queue[bytes | BaseException | None] = queue.Queue(_AHEAD)
        left = threading.Event()

        def put(piece: bytes | BaseException | None) -> None:
            while not left.is_set():
                try:
                    return pieces.put(piece, timeout=0.1)
                except queue.Full:
                    continue

        async def listen() -> None:
            async for pcm in self:
                await asyncio.to_thread(put, pcm)
                if left.is_set():
                    return

        def run() -> None:
            try:
                asyncio.run(listen())
                put(None)
            except BaseException as error:
                put(error)

        thread = threading.Thread(target=run, name="vibevoice-client", daemon=True)
        thread.start()
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            left.set()
            thread.join()


async def _write(speech: Speech, text: Text) -> None:
    """Write all of a text; if its iterator fails, whoever listens gets that error."""
    try:
        await _write_pieces(speech, text)
    except Exception as error:
        speech.abort(error)


async def _write_pieces(speech: Speech, text: Text) -> None:
    if isinstance(text, str):
        await speech.write(text)
    elif isinstance(text, AsyncIterable):
        async for piece in text:
            await speech.write(piece)
    else:
        pieces = iter(text)

        def next_piece() -> str | None:
            return next(pieces, None)  # may block, as a language model's client does

        while (more := await asyncio.to_thread(next_piece)) is not None:
            await speech.write(more)
    await speech.end()
