"""One session with a server, over as many connections as it takes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from vibevoice_pro.client.address import URL, stream_url
from vibevoice_pro.client.codes import RESUMABLE, CloseCode
from vibevoice_pro.client.errors import Lost, Refused
from vibevoice_pro.client.key import authorization
from vibevoice_pro.client.retry import Retry
from vibevoice_pro.client.transcript import Transcript

log = logging.getLogger(__name__)

_BROKEN = (TimeoutError, ConnectionResetError, InvalidMessage)
"""How a first connection fails where a second attempt may help, unlike with a wrong address."""

_DENIED = (401, 403)  # how an API key that is missing or wrong is answered

_UNCONFIRMED = 64  # messages that a writer may be ahead of the server's confirmations
_ACK_BYTES = 32_000  # audio taken between two acknowledgements
_MARKS = 4096  # the last ones, kept for barge-ins; about half an hour of speech


@dataclass(frozen=True)
class Interruption:
    """What a barge-in interrupted.

    Attributes:
        bytes: of audio that the server had sent.
        spoken_chars: of all text written in this session, the characters that were heard.
    """

    bytes: int
    spoken_chars: int


class Speech:
    """Text in, PCM out, for one listener: an asynchronous context manager and iterator.

        async with Speech(voice="en-Heart_woman") as speech:
            await speech.write("Hello ")
            await speech.write("there.")
            await speech.end()
            async for pcm in speech:    # s16le, mono
                ...

    A lost connection is restored, and the session resumed at the same byte and the same character:
    nothing is heard twice, spoken twice or left out. If the server has been restarted and does not
    know the session any more, it is reopened: the text is written again, and the server makes the
    same samples. One task may write while another listens.
    """

    def __init__(
        self, url: str = URL, *, api_key: str | None = None, retry: Retry | None = None,
        on_event: Callable[[Mapping[str, Any]], None] = lambda event: None, **params: object,
    ) -> None:  # fmt: skip
        """Nothing is connected yet.

        Args:
            url: the server's address, see `stream_url`.
            api_key: for a server that wants one; None: that of VIBEVOICE_API_KEY.
            retry: how a lost connection is restored.
            on_event: gets every message of the server except the audio (docs/protocol.md), and
                `{"type":"reconnecting","attempt","wait"}` when the connection was lost.
            params: what goes into the URL: voice, rate, speed, seed, steps, cfg, …; not `events`,
                which this client needs.

        Raises:
            ValueError: `url` is no address.
        """
        self._url = stream_url(url)
        self._params = {k: v for k, v in params.items() if v is not None and k != "events"}
        self._headers = authorization(api_key)
        self._retry = retry or Retry()
        self._on_event = on_event
        # Its own id, so that the first connection can be repeated when it breaks before an answer.
        self._session = str(self._params.pop("session_id", secrets.token_urlsafe(16)))
        self._attempts = 0  # connections so far
        self._voice = self._voice_asked = ""
        self._answered = False  # whether the server has ever sent `session`
        self._joined = False  # whether it has on this connection
        self._reopening = False  # whether the server is asked to begin it again if it must
        self._error_event: Mapping[str, Any] = {}  # of this connection
        self._seq = 0
        self._outbox: deque[dict[str, Any]] = deque()  # what is not confirmed yet
        self._transcript = Transcript()
        self._received = 0  # bytes
        self._pcm: deque[bytes] = deque()  # received and not taken
        self._held: deque[tuple[int, bytes]] | None = None  # while a cancel awaits its answer
        self._played = 0  # bytes, when that cancel was written
        self._silent_to = 0  # bytes: audio before was cancelled
        self._repeated = False  # whether the next message repeats the answer to an older cancel
        self._interruption: asyncio.Future[Interruption] | None = None
        self._marks: deque[tuple[int, int]] = deque(maxlen=_MARKS)  # (byte, char): where each ends
        self._taken = self._acknowledged = 0  # bytes
        self._changed = asyncio.Condition()
        self._to_send = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ended = False  # whether the server has said the end
        self._over = False
        self._error: Exception | None = None

    # --- writing -----------------------------------------------------------------------------

    async def write(self, text: str) -> None:
        """Add text, in any portions; waits while too much of it is not confirmed by the server.

        Raises:
            Refused, Lost: the speech cannot continue.
        """
        if text:
            await self._send({"type": "text", "text": _well_formed(text)})

    async def flush(self) -> None:
        """Speak everything written so far; a `drained` event tells when it has been sent."""
        await self._send({"type": "flush"})

    async def end(self) -> None:
        """No more text: the iteration ends when all of it has been heard."""
        await self._send({"type": "end"})

    async def cancel(self, played: int | None = None) -> Interruption:
        """Barge-in: fall silent at once and forget all text; what is written next is spoken afresh.

        `played`: how many bytes of the audio taken here were played; by default all of it.

        Raises:
            Refused, Lost: the speech cannot continue.
        """
        if self._interruption is not None:
            return await asyncio.shield(self._interruption)
        self._interruption = asyncio.get_running_loop().create_future()
        self._pcm.clear()
        self._held = deque()
        self._played = self._taken if played is None else played
        await self._send({"type": "cancel", "bytes": self._played}, urgent=True)
        return await asyncio.shield(self._interruption)

    async def _send(self, message: dict[str, Any], urgent: bool = False) -> None:
        async with self._changed:
            while not urgent and len(self._outbox) >= _UNCONFIRMED and not self._over:
                await self._changed.wait()
        if self._over:
            raise self._error or Lost("the speech is over")
        self._transcript.add(message)
        self._number(message)
        self._to_send.set()

    def _number(self, message: dict[str, Any]) -> None:
        self._seq += 1
        self._outbox.append({**message, "seq": self._seq})

    # --- listening ---------------------------------------------------------------------------

    @property
    def session_id(self) -> str:
        """The name of this speech on the server."""
        return self._session

    @property
    def voice(self) -> str:
        """Who speaks; empty before the server has answered."""
        return self._voice

    @property
    def voice_asked(self) -> str:
        """The voice that was asked for, if the server has none of that name and another one speaks
        for it; else empty."""
        return self._voice_asked

    @property
    def received(self) -> int:
        """Bytes of audio received so far."""
        return self._received

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            async with self._changed:
                while not self._pcm and not self._over:
                    await self._changed.wait()
            if not self._pcm:
                if self._error is not None:
                    raise self._error
                return
            pcm = self._pcm.popleft()
            self._taken += len(pcm)
            if self._taken - self._acknowledged >= _ACK_BYTES:
                self._to_send.set()
            yield pcm

    # --- connections -------------------------------------------------------------------------

    async def __aenter__(self) -> Speech:
        self._task = asyncio.create_task(self._run())
        async with self._changed:
            while not self._answered and not self._over:
                await self._changed.wait()
        if self._error is not None:
            raise self._error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def abort(self, error: Exception) -> None:
        """End the session; whoever listens gets what has been received, and then `error`."""
        assert self._task is not None
        if not self._over:
            self._error = error
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._keep_connected()
        except Exception as error:  # raised again to whoever writes or listens
            self._error = error
        finally:
            self._over = True
            if self._interruption is not None and not self._interruption.done():
                self._interruption.set_exception(self._error or Lost("the speech is over"))
                self._interruption.exception()  # nobody has to ask for it
            await self._tell_all()

    async def _keep_connected(self) -> None:
        """Connect, again and again, until all has been spoken.

        Raises:
            Refused, Lost: there is no point in another attempt.
        """
        loop = asyncio.get_running_loop()
        attempt = 0
        lost_at: float | None = None
        while True:
            received = self._received
            refusal = await self._connect()
            if self._ended:
                return
            if self._received > received:
                attempt = 0
            if lost_at is None or self._joined:
                lost_at = loop.time()
            if refusal is not None and self._can_reopen(refusal):
                self._reopening = True
                continue
            if refusal is not None and (refusal.code not in RESUMABLE or not self._answered):
                raise refusal
            asked = refusal.retry_after if refusal else None
            left = lost_at + self._retry.give_up - loop.time()
            if left < (asked or 0.0):
                raise refusal or Lost(
                    f"{self._url} could not be reached for {self._retry.give_up:g} s"
                )
            wait = min(self._retry.wait(attempt, asked), left)
            attempt += 1
            self._on_event({"type": "reconnecting", "attempt": attempt, "wait": wait})
            await asyncio.sleep(wait)

    async def _connect(self) -> Refused | None:
        """Serve one connection; returns why the server refused; None: lost, or all was said.

        Raises:
            Lost: a first connection failed, and another attempt would.
        """
        self._attempts += 1
        self._joined = False
        self._error_event = {}
        try:
            async with connect(
                self._address(), additional_headers=self._headers,
                max_size=None, compression=None, close_timeout=1,
                open_timeout=2 * self._retry.silence,
                ping_interval=self._retry.silence, ping_timeout=self._retry.silence,
            ) as socket:  # fmt: skip
                await self._talk(socket)
        except ConnectionClosed as error:
            if error.rcvd is not None:
                return self._refusal(error.rcvd.code, error.rcvd.reason)
        except (OSError, InvalidHandshake) as error:
            if isinstance(error, InvalidStatus) and error.response.status_code in _DENIED:
                return Refused(CloseCode.ACCESS_DENIED, _said(error.response.body))
            if self._attempts == 1 and not isinstance(error, _BROKEN):
                raise Lost(f"{self._url} cannot be reached: {error}") from error
        return None

    def _refusal(self, code: int, reason: str) -> Refused:
        """Why the connection was closed: as data from the `error` event where there was one."""
        told = self._error_event
        return Refused(
            code, told.get("message", reason), field=told.get("field", ""),
            retry_after=told.get("retry_after"),
        )  # fmt: skip

    def _can_reopen(self, refusal: Refused) -> bool:
        """Whether the server has forgotten a session that was ours, and the text is still here."""
        forgotten = refusal.code == CloseCode.NO_SESSION and self._answered
        return forgotten and not self._reopening and self._transcript.complete

    def _address(self) -> str:
        """The URL of the next connection: to begin, resume or reopen the session."""
        query: dict[str, object] = {"session_id": self._session}
        if self._attempts > 1 and not self._answered:
            self._reopening = True  # whether the first connection began it is not known
        if self._reopening:
            origin = self._transcript
            query |= self._params
            query["offset"] = max(self._received, origin.byte)
            query["reopen"] = f"{origin.byte},{origin.char}"
        elif self._answered:
            query["offset"] = self._received
        else:
            query |= self._params
        return f"{self._url}?{urlencode(query)}"

    async def _talk(self, socket: ClientConnection) -> None:
        """Serve one connection; returns when it is closed without an error, or at the end."""
        sent = 0
        first = self._attempts == 1  # a new session: all can be sent without waiting for an answer

        async def write() -> None:
            nonlocal sent
            await acknowledge()  # so that the server keeps the rest, and waits for a slow listener
            while True:
                self._to_send.clear()
                for message in list(self._outbox):
                    if (first or self._joined) and message["seq"] > sent:
                        sent = message["seq"]
                        await socket.send(json.dumps(message))
                if self._taken - self._acknowledged >= _ACK_BYTES:
                    await acknowledge()
                await self._to_send.wait()

        async def acknowledge() -> None:
            self._acknowledged = min(self._taken, self._received)
            await socket.send(json.dumps({"type": "ack", "bytes": self._acknowledged}))

        writer = asyncio.create_task(write())
        try:
            async for message in socket:
                if isinstance(message, bytes):
                    await self._hear(message)
                else:
                    await self._understand(json.loads(message))
                if self._ended:
                    return
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                await writer

    async def _hear(self, pcm: bytes) -> None:
        place = self._received
        self._received += len(pcm)
        self._repeated = False
        if self._held is None:
            self._keep(place, pcm)
        else:
            self._held.append((place, pcm))
        await self._tell_all()

    def _keep(self, place: int, pcm: bytes) -> None:
        if heard := pcm[max(0, self._silent_to - place) :]:
            self._pcm.append(heard)

    async def _understand(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "session":
            self._join(event)
        elif kind == "text_ack":
            self._confirm(event["seq"])
        elif kind == "mark":
            self._marks.append((event["bytes"][1], event["chars"][1]))
        elif kind == "cut":
            self._transcript.cut(event["chars"])
        elif kind == "warning":
            log.warning("%s", event["message"])
        elif kind == "error":
            self._error_event = event
        elif kind == "end":
            self._ended = True
        if "spoken_chars" in event:
            self._interrupted(event)
        if kind != "session":
            self._repeated = False
        await self._tell_all()
        self._on_event(event)

    def _join(self, event: Mapping[str, Any]) -> None:
        """The connection stands: see what the server has of the session."""
        seq, offset = event["seq"], event["offset"]
        # An older cancel is answered again if its answer may have been lost.
        unanswered = any(m["type"] == "cancel" and m["seq"] <= seq for m in self._outbox)
        self._repeated = not unanswered and 0 < self._silent_to >= offset
        if self._reopening and self._answered and seq == 0:
            self._write_again()
        self._received = max(self._received, offset)
        self._confirm(seq)
        if not self._answered:
            self._voice, self._voice_asked = event["voice"], event.get("voice_asked", "")
            if self._voice_asked:
                log.warning("no voice %s: %s speaks instead", self._voice_asked, self._voice)
        # A server that has been restarted may have other defaults.
        self._params |= {"voice": event["voice"], "rate": event["sample_rate"]}
        self._reopening = False
        self._answered = self._joined = True
        self._to_send.set()

    def _write_again(self) -> None:
        """The session begins again: all of its text is sent, numbered from 1."""
        self._seq = 0
        self._outbox.clear()
        for message in self._transcript.messages():
            self._number(message)
        self._repeated = False

    def _confirm(self, seq: int) -> None:
        while self._outbox and self._outbox[0]["seq"] <= seq:
            self._outbox.popleft()

    def _interrupted(self, event: dict[str, Any]) -> None:
        """A cancel was answered: what was sent before is not to be heard, what came after is."""
        byte = event["bytes"]
        answer, held = self._interruption, self._held
        if answer is None or held is None or self._repeated:
            self._silent_to = self._transcript.byte = byte
            return
        self._silent_to = self._taken = byte
        self._transcript.cancelled(byte)
        # A server that has reopened the session does not know what was heard before.
        heard = max((char for end, char in self._marks if end <= self._played), default=0)
        event["spoken_chars"] = max(event["spoken_chars"], heard)
        self._held = self._interruption = None
        for place, pcm in held:
            self._keep(place, pcm)
        answer.set_result(Interruption(byte, event["spoken_chars"]))

    async def _tell_all(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _said(body: bytes | bytearray | None) -> str:
    """The sentence in the answer of a server that refused a connection."""
    try:
        return str(json.loads(body or b"")["error"])
    except (ValueError, KeyError, TypeError):
        return "the server has refused the connection"


def _well_formed(text: str) -> str:
    """Text as it arrives: JSON joins the halves of a surrogate pair, and others mean nothing."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
