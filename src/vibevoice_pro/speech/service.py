"""The service: speech is started and resumed here, whatever protocol asks for it."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from vibevoice_pro.audio.frames import DEFAULT_RATE
from vibevoice_pro.config.keys import ANYONE, Key
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.config.sizes import parse_bytes
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.pcm import Checkpoint
from vibevoice_pro.engine.stream import StreamConfig
from vibevoice_pro.errors import BadParameter, Full, NoSession, SpeechError, Stopping, TextTooLong
from vibevoice_pro.models.base import Options
from vibevoice_pro.models.catalog import Catalog
from vibevoice_pro.speech.account import Outcome
from vibevoice_pro.speech.quotas import Quotas
from vibevoice_pro.speech.request import AUTO, Pace, SpeechRequest
from vibevoice_pro.speech.sessions.limits import Limits
from vibevoice_pro.speech.sessions.progress import Progress
from vibevoice_pro.speech.sessions.registry import Registry
from vibevoice_pro.speech.sessions.session import Session
from vibevoice_pro.speech.sessions.store import Nowhere, Store, Unreachable
from vibevoice_pro.speech.speech import Speech
from vibevoice_pro.text import detect
from vibevoice_pro.text.clean import clean
from vibevoice_pro.text.detect import name_of
from vibevoice_pro.text.lexicon import check_entries, load_lexicons
from vibevoice_pro.text.reading import words as reading

_STORE_RETRY_S = 2
_SHOWN = 5  # voices that a warning names


@dataclass(frozen=True)
class Reopening:
    """How a client begins a session again that the server may have forgotten.

    Attributes:
        byte, char: where the text that the client will write again begins; 0 unless there was a
            barge-in, after which nothing before it is needed.
    """

    byte: int = 0
    char: int = 0


class Service:
    """Speech from one engine. Used on the event loop only.

    Attributes:
        engine, catalog, settings: what it speaks with.
        sessions: all speech there is.
        draining: whether nobody new is taken, because the server is to stop.
        refused: how often somebody was, by the code of the error.
        observers: are told what became of each listener.
    """

    def __init__(
        self, engine: Engine, catalog: Catalog, settings: Settings, store: Store | None = None
    ) -> None:
        """`store`: where sessions are saved; None: nowhere."""
        self.engine = engine
        self.catalog = catalog
        self.settings = settings
        self.draining = False
        self.refused: Counter[str] = Counter()
        self.observers: list[Callable[[Outcome], None]] = []
        self._quotas = Quotas()
        self._house = load_lexicons(settings.lexicon)
        self._base = self._config(SpeechRequest())
        limits = Limits(
            settings.session_ttl, settings.replay_seconds, parse_bytes(settings.replay_limit)
        )
        memory = parse_bytes(settings.session_memory)
        self.sessions = Registry(engine, limits, memory, self._base, store or Nowhere())
        self._running: asyncio.Task[None] | None = None

    def change(self, settings: Settings) -> None:
        """Go on with other settings, as far as they may change while it runs.

        What speaks already keeps what it began with.

        Raises:
            BadParameter: one does not fit; nothing has changed.
        """
        catalog = self.catalog.with_default(settings.default_voice)
        before = self.settings, self.catalog
        self.settings, self.catalog = settings, catalog
        try:
            self._base = self._config(SpeechRequest())
        except SpeechError:
            self.settings, self.catalog = before
            raise
        self.engine.max_streams = settings.max_streams
        if math.isfinite(self.engine.max_load):
            self.engine.max_load = settings.max_load

    # --- life ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Service:
        """Look after the sessions, until it is left."""
        self._running = asyncio.create_task(self.sessions.run())
        return self

    async def __aexit__(self, *reason: object) -> None:
        assert self._running is not None
        self._running.cancel()
        await self.sessions.stop()
        await asyncio.to_thread(self.engine.stop)

    @property
    def ailing(self) -> str:
        """What is wrong, empty: nothing; see `Engine.ailing`."""
        if self._running is not None and self._running.done():
            return "sessions are not looked after"
        return self.engine.ailing

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not self.ailing

    # --- speech -------------------------------------------------------------------------------

    def check(self, request: SpeechRequest) -> None:
        """See whether a request could be served, without speaking.

        Raises:
            BadParameter, TextTooLong: a value is not allowed; it names the field.
        """
        self._config(request)

    def characters_used(self, key: Key) -> int:
        """Characters that count against the key's quota of a day now; without a quota 0."""
        return self._quotas.characters_used(key)

    async def start(
        self, request: SpeechRequest, *, key: Key = ANYONE, session_id: str | None = None
    ) -> Speech:
        """Begin to speak.

        Args:
            request: what and how.
            key: who asks; with it the session can be resumed.
            session_id: an id of the client's own, drawn at random; if there is such a session of
                this key already, it is resumed from its beginning.

        Raises:
            BadParameter, TextTooLong: a value is not allowed; it names the field.
            Full: there is no room for one more listener.
            OverQuota: the key allows no more.
            Stopping: nobody new is taken.
        """
        with self._admitting(key, session_id):
            config = self._config(request)
            if session_id is not None:
                session = await self._find(session_id, key.name)
                if session is not None:
                    _check_same(request, config, session.config)
                    return await self._listen(session, 0, request, key)
            return await self._begin(request, config, key, session_id, None, 0)

    async def resume(
        self, session_id: str, from_byte: int, *, key: Key = ANYONE,
        request: SpeechRequest | None = None, reopening: Reopening | None = None,
    ) -> Speech:  # fmt: skip
        """Go on with a session from a byte of its audio.

        Args:
            session_id, key: which session, and who asks.
            from_byte: bytes of its audio that the client has.
            request: settings said again; they must be what they were.
            reopening: begin the session again, with the settings of `request`, if the server does
                not know it. The client writes its text again; the same samples are made, and given
                out from `from_byte` on.

        Raises:
            NoSession: there is no such session.
            BadParameter, OffsetGone: the offset cannot be had, or a setting was another one.
            Full: there is no room, or the store cannot be reached.
            OverQuota: the key allows no more.
            Stopping: nobody new is taken; the session is kept for another server.
        """
        with self._admitting(key, session_id):
            request = request or SpeechRequest()
            config = self._config(request)
            try:
                session = await self.sessions.find(session_id, key.name)
            except Unreachable as error:
                if reopening is None:
                    raise Full("the session store is unreachable", _STORE_RETRY_S) from error
                session = None
            if session is not None:
                if reopening is None:
                    _check_same(request, config, session.config)
                return await self._listen(session, from_byte, request, key)
            if reopening is None:
                raise NoSession(
                    f"there is no session {session_id[:80]!r}, or it was given up "
                    f"{self.sessions.ttl:g} s after its connection was lost"
                )
            return await self._begin(request, config, key, session_id, reopening, from_byte)

    async def _begin(
        self, request: SpeechRequest, config: StreamConfig, key: Key, session_id: str | None,
        reopening: Reopening | None, offset: int,
    ) -> Speech:  # fmt: skip
        await self._load_for(config)
        progress = None
        if reopening is not None:
            origin = Checkpoint(reopening.byte, reopening.char)
            progress = Progress.from_offset(offset, origin)
        session = self.sessions.open(config, key.name, session_id, progress)
        try:
            if request.text is not None:  # before any answer is sent: the engine can begin
                self._quotas.charge(key, len(request.text))
                session.feed(clean(request.text))
                session.finish()
            return await self._listen(session, offset, request, key)
        except SpeechError:
            await self.sessions.close(session)
            raise

    async def _load_for(self, config: StreamConfig) -> None:
        """Load what its text is read with, the first time; else the engine would wait for it."""
        for language in (self.catalog.entries[config.voice].voice.language, *dict(config.voices)):
            if not reading.is_loaded(language):
                await asyncio.to_thread(reading.load, language)
        if len(config.voices) > 1:
            await asyncio.to_thread(detect.load)

    async def _find(self, session_id: str, owner: str) -> Session | None:
        try:
            return await self.sessions.find(session_id, owner)
        except Unreachable:
            return None  # its client has heard nothing of it: it can begin anew

    async def _listen(
        self, session: Session, offset: int, request: SpeechRequest, key: Key
    ) -> Speech:
        config = session.config
        voices = dict.fromkeys([config.voice, *dict(config.voices).values()])
        for voice in voices:
            if voice not in self.catalog.entries:  # another process began it
                raise NoSession(f"the voice of the session, {voice}, is not on this server")
        entries = {voice: self.catalog.entries[voice] for voice in voices}
        substituted = request.voice.casefold() != config.voice.casefold()
        speech = Speech(
            session, self.sessions, offset,
            {voice: entry.model.exact_marks for voice, entry in entries.items()},
            self.settings.idle_timeout, request.voice if substituted else "",
            [entry.voice.language for entry in entries.values()],
            partial(_explain, self.catalog, [*voices]), self._tell,
            partial(self._quotas.charge, key),
        )  # fmt: skip
        await speech.saved()
        return speech

    def _tell(self, what: Outcome) -> None:
        for observer in self.observers:
            observer(what)

    @contextlib.contextmanager
    def _admitting(self, key: Key, session_id: str | None) -> Iterator[None]:
        """Inside, somebody is let in, as far as the key allows and not while the server stops; who
        is not is counted."""
        try:
            if self.draining:
                raise Stopping
            self._quotas.admit(key, self.sessions.listening_of(key.name, session_id))
            yield
        except SpeechError as error:
            self.refused[error.code] += 1
            raise

    # --- settings -----------------------------------------------------------------------------

    def _config(self, request: SpeechRequest) -> StreamConfig:
        """How a request is served.

        Raises:
            BadParameter, TextTooLong: a value is not allowed.
        """
        request.check()
        settings = self.settings
        text, longest = request.text, settings.max_text
        if text is not None and len(text) > longest:
            raise TextTooLong(
                f"text has {len(text):,} characters; at most {longest:,} are allowed", field="text"
            )
        said = {
            name: getattr(request, name)
            for name in ("cfg", "steps", "speed", "seed", "context")
            if getattr(request, name) is not None
        }
        defaults = {"cfg": settings.cfg, "steps": settings.steps}
        auto = request.language == AUTO
        entry = self.catalog.find(request.voice, "" if auto else request.language)
        return StreamConfig(
            voice=entry.voice.id,
            options=Options(**{**defaults, **said}),
            rate=request.rate or DEFAULT_RATE,
            live=request.pace is Pace.LIVE,
            lead=settings.lead,
            patience=settings.patience if request.patience is None else request.patience,
            max_text=longest,
            voices=tuple(self.catalog.by_language(entry).items()) if auto else (),
            markup=request.markup,
            lexicon=check_entries(request.lexicon),
            house=self._house,
        )


def _explain(catalog: Catalog, voices: Sequence[str], language: str) -> str:
    """What can be done about text in a language that the voices do not speak."""
    name, others = name_of(language), catalog.speaking(language)
    said = [f"the text seems to be {name}"]
    if len(voices) == 1:
        own = catalog.entries[voices[0]].voice.language
        said[0] += f", the voice {voices[0]} speaks {name_of(own)}"
    if others:
        more = ", …" if len(others) > _SHOWN else ""
        said.append(f"voices for {name}: {', '.join(others[:_SHOWN])}{more}")
    else:
        said.append(f"no voice here speaks {name}")
        if install := catalog.install(language):
            said.append(f"for one: {install}")
    return "; ".join(said)


def _check_same(request: SpeechRequest, wanted: StreamConfig, config: StreamConfig) -> None:
    """See whether what is said besides is what the session has already.

    `wanted`: how the request would be served, were it a new one: its voice may be an alias.

    Raises:
        BadParameter: it is something else.
    """
    if request.text is not None:
        raise BadParameter(
            "the session has its text already; leave text out to go on with it", field="text"
        )
    if request.voice and wanted.voice != config.voice:
        raise BadParameter(
            f"voice of a session stays what it was, {config.voice}; leave it out", field="voice"
        )
    if request.language and bool(wanted.voices) != bool(config.voices):
        stays = "auto" if config.voices else "that of its voice"
        raise BadParameter(
            f"language of a session stays what it was, {stays}; leave it out", field="language"
        )
    if request.lexicon and wanted.lexicon != config.lexicon:
        raise BadParameter("lexicon of a session stays what it was; leave it out", field="lexicon")
    kept = {"rate": config.rate, "patience": config.patience, "markup": config.markup or "none"}
    for name, value in (kept | asdict(config.options)).items():
        said = getattr(request, name)
        if said not in (None, "", value):
            raise BadParameter(
                f"{name} of a session stays what it was, {value}; leave it out", field=name
            )
