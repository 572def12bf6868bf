"""VibeVoice behind the `SpeechModel` contract."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vibevoice_pro.models.base import (
    Chunk,
    MemoryPlan,
    ModelInfo,
    Options,
    Point,
    knobs_without,
)
from vibevoice_pro.models.names import primary
from vibevoice_pro.models.vibevoice import generation, state, timing
from vibevoice_pro.models.vibevoice.assets.tokens import Tokenizer
from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt
from vibevoice_pro.models.vibevoice.executors.base import Executor
from vibevoice_pro.models.vibevoice.executors.observed import Call, ObservedExecutor, Observer, Part
from vibevoice_pro.models.vibevoice.network.config import SAMPLE_RATE
from vibevoice_pro.models.vibevoice.published import describe
from vibevoice_pro.models.vibevoice.snapshot import Snapshot
from vibevoice_pro.text.reading.words import readable
from vibevoice_pro.text.scripts import speakable
from vibevoice_pro.text.segment import SCRAPS, Cut, Piece, Segmenter

_FRAMES_PER_TOKEN, _FRAMES_MORE = 8, 40
"""A turn may last one second for each token plus five seconds, then it is faded out: the stop
classifier can miss the end, and what follows is babble."""

_FEW_WORDS, _FRAMES_MORE_SHORT = 3, 8
"""The model is unreliable with so few words in a turn: it may miss the end and babble. Such a turn
gets a full stop if it has none, and one extra second instead of five."""

_PIECES_AT_ONCE = 32
"""The most pieces of text that one `prepare` reads. A window of 5 tokens needs one or two; more are
read only where they hold nothing that can be spoken."""

_STOPS = tuple(".!?…。！？")
_WORD = re.compile(r"\w+")
_WRITTEN = re.compile(  # a word, in scripts without spaces a character, with the signs around it
    r"[^\w\s]*(?:[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+)[^\w\s]*"
)


def seeded_noise(seed: int, latent: int) -> state.Noise:
    """Gaussian draws that depend on seed and frame only, so that any frame can be repeated."""

    def noise(frame: int, steps: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed((seed << 24) + frame)
        drawn = torch.randn(steps + 1, latent, generator=generator)
        return drawn[0], drawn[1:]

    return noise


class Progress(NamedTuple):
    """How far an utterance has come: words, unread scripts to report, latents of the turn."""

    clock: timing.Clock
    unread: set[str]
    turn_frames: int


class VibeVoiceUtterance:
    """The text of one utterance, and the stream that speaks it.

    A turn ends with a flush or with the end of the text: the model then gets a closing newline and
    speaks until the stop classifier fires. The next turn continues with the same caches.
    """

    def __init__(
        self,
        model: VibeVoiceModel,
        speaker: state.Speaker,
        language: str,
        reset: Callable[[], None],
    ) -> None:
        self.speaker = speaker
        self._reset = reset
        self._model = model
        self._language = language
        self._text = Segmenter(SCRAPS, language)
        self._cut: Cut | None = None  # before the next piece; None: the turn has not begun
        self._turn_tokens = self._turn_words = self._turn_frames = 0
        self._closing = False  # the turn has all its tokens
        self._stopped = False  # the last text ended with a full stop or the like
        self._clock = timing.Clock()
        self._unread: set[str] = set()
        self._speaks = self._reads_on = self._done = False  # as of the last `prepare`

    def prepare(self) -> None:
        """Read text into tokens as far as the next window needs them, `_PIECES_AT_ONCE` at most.

        If that was not enough, the utterance is ready all the same: its next step returns an empty
        chunk, and the next call of this method continues reading.
        """
        self._reads_on = self._read()
        self._speaks = self._turn_tokens > 0 and self.speaker.ready
        self._done = self._text.done and (self._turn_tokens == 0 or self.speaker.stopped)

    @property
    def speaks(self) -> bool:
        """Whether the next step makes a latent; if not, it returns an empty chunk."""
        return self._speaks

    @property
    def ready(self) -> bool:
        """Whether the next latent can be made, or unread text is left."""
        return self._speaks or self._reads_on

    @property
    def done(self) -> bool:
        """Whether the text is complete and spoken."""
        return self._done

    @property
    def waiting(self) -> int:
        """Characters not given to the model yet."""
        return self._text.waiting

    def feed(self, text: str) -> None:
        """Add text."""
        self._text.feed(text)

    def flush(self) -> None:
        """End the turn."""
        self._text.flush()

    def pause(self) -> int | None:
        """None: within a turn this model always waits for more text."""
        return None

    def finish(self) -> None:
        """The text is complete."""
        self._text.finish()

    def close(self) -> None:
        """Free its slot in the caches."""
        self._model.release(self)

    def _read(self) -> bool:
        """Turn text into tokens as far as the next window needs; return whether text is left."""
        if self._closing:
            if not self.speaker.stopped or self._text.peek() is None:
                return False
            self._begin_turn()
        tokens, pieces = self.speaker.tokens, 0
        while len(tokens) < state.TEXT_WINDOW:
            piece = self._text.peek()
            if piece is None or (piece.first and self._turn_tokens):
                break
            if pieces == _PIECES_AT_ONCE:
                return True
            pieces += 1
            self._text.take()
            text, unread = readable(piece.text, self._language)
            self._unread |= unread
            if speakable(text):
                self._time(piece)
                before = "" if self._cut is None else "\n" if self._cut == Cut.PARAGRAPH else " "
                self._add(before + text)
                self._turn_words += len(_WORD.findall(text))
                self._stopped = text.endswith(_STOPS)
            if self._cut is not None or speakable(text):
                self._cut = piece.cut
        following = self._text.peek()
        ended = self._text.between_turns if following is None else following.first
        if self._turn_tokens and ended and len(tokens) < state.TEXT_WINDOW:
            if self._short and not self._stopped:
                self._add(".")
            tokens += self._model.tokenizer.encode("\n")
            self.speaker.complete = self._closing = True
        return False

    def _time(self, piece: Piece) -> None:
        for word in _WRITTEN.finditer(piece.text):
            said, _ = readable(word.group(), self._language)
            if speakable(said):
                chars = piece.start + word.start(), piece.start + word.end()
                self._clock = self._clock.add(chars, word.group(), said)

    def _add(self, text: str) -> None:
        ids = self._model.tokenizer.encode(text)
        self.speaker.tokens += ids
        self._turn_tokens += len(ids)

    @property
    def _short(self) -> bool:
        """Whether the turn has so few words, so far, that the model is unreliable with it."""
        return self._turn_words <= _FEW_WORDS

    def _begin_turn(self) -> None:
        self._reset()
        self._closing = self.speaker.complete = self.speaker.stopped = False
        self._turn_tokens = self._turn_words = self._turn_frames = self.speaker.place = 0
        self._cut = None
        self._clock = self._clock.begin()

    @property
    def progress(self) -> Progress:
        """What a step changes, apart from the speaker."""
        return Progress(self._clock, self._unread, self._turn_frames)

    def rewind(self, progress: Progress) -> None:
        """Return to an earlier progress."""
        self._clock, self._unread, self._turn_frames = progress

    @property
    def left(self) -> int:
        """Latents that this turn may still take."""
        more = _FRAMES_MORE_SHORT if self._closing and self._short else _FRAMES_MORE
        return _FRAMES_PER_TOKEN * self._turn_tokens + more - self._turn_frames

    def chunk(self, frame: generation.Frame | None) -> Chunk:
        """The chunk of a step, for the engine; `frame` is None if the stream has stopped."""
        hop = self._model.executor.config.decoder.hop
        unread: Set[str] = self._unread
        self._unread = set()
        wave = np.zeros(0, np.float32) if frame is None else frame.audio.numpy()
        self._turn_frames += len(wave) // hop
        if frame is not None and self.left <= 0:
            self.speaker.stopped, self.speaker.pending = True, None
            wave[-hop:] *= np.linspace(1, 0, hop, dtype=np.float32)
        self._clock, marks = timing.hear(
            self._clock, wave, SAMPLE_RATE, complete=self._closing, last=self.speaker.stopped
        )
        return Chunk(wave, marks, unread)


class VibeVoiceModel:
    """A `SpeechModel`: an executor with tokenizer, voices and the caches of all streams."""

    def __init__(
        self, executor: Executor, tokenizer: Tokenizer, prompts: Mapping[str, VoicePrompt],
        name: str, plan: MemoryPlan,
    ) -> None:  # fmt: skip
        self.plan = plan
        self.tokenizer = tokenizer
        self.voices = {id_: describe(id_) for id_ in sorted(prompts)}
        self.executor: Executor = executor
        self._prompts = prompts
        self.caches = state.Caches(executor.config, plan.streams, plan.window, executor.places)
        self.info = ModelInfo(
            name=name,
            device=plan.device,
            precision=plan.precision,
            sample_rate=SAMPLE_RATE,
            max_batch=plan.streams,
            max_streams=plan.streams,
            stream_bytes=0,  # all caches are allocated at the start
            knobs=knobs_without("this model sets its own pace", "speed"),
        )

    @property
    def chunk_seconds(self) -> float:
        """Seconds of audio in one latent."""
        return self.executor.config.decoder.hop / SAMPLE_RATE

    @contextmanager
    def observed(self, observer: Observer) -> Iterator[None]:
        """Inside, every call of a part of the network goes through `observer`."""
        executor = self.executor
        self.executor = ObservedExecutor(executor, observer)
        try:
            yield
        finally:
            self.executor = executor

    @contextmanager
    def timed(self, report: Callable[[str, float], None]) -> Iterator[None]:
        """See `Profiled`; the parts' names are those of `observed.Part`."""

        def observer(part: Part, call: Call, inputs: tuple[Any, ...]) -> Tensor:
            began = time.perf_counter()
            result = call(*inputs)
            report(part, time.perf_counter() - began)
            return result

        with self.observed(observer):
            yield

    def open(self, voice: str, options: Options, point: Point | None = None) -> VibeVoiceUtterance:
        """Begin an utterance in a free slot of the caches.

        This model gives no points to resume from: its state is the caches, tens of megabytes. An
        utterance is resumed by generating it again.
        """
        noise = seeded_noise(options.seed, self.executor.config.decoder.latent)
        prompt = self._prompts[voice]
        speaker = state.open_speaker(self.caches, prompt, options.cfg, options.steps, noise)

        def reset() -> None:
            if options.context == "reset":
                state.reset_speaker(self.caches, speaker, prompt)

        return VibeVoiceUtterance(self, speaker, primary(self.voices[voice].language), reset)

    def release(self, utterance: VibeVoiceUtterance) -> None:
        """Free the slot of an utterance."""
        self.caches.give_back(utterance.speaker.slot)

    def step(self, batch: Sequence[VibeVoiceUtterance]) -> list[Chunk]:
        """Advance each utterance that speaks by one latent, or by a few if it is alone.

        An utterance that only has text to read gets an empty chunk. If it raises, caches and
        utterances are as before.
        """
        speaking = [utterance for utterance in batch if utterance.speaks]
        for utterance in speaking:
            utterance.speaker.left = utterance.left
        speakers = [utterance.speaker for utterance in speaking]
        chunks = iter(self._speak(speaking, speakers) if speaking else [])
        silence = np.zeros(0, np.float32)
        return [next(chunks) if u.speaks else Chunk(silence) for u in batch]

    def rest(self) -> None:
        """Nothing: all its memory is planned and kept."""

    @torch.inference_mode()
    def _speak(
        self, utterances: Sequence[VibeVoiceUtterance], speakers: Sequence[state.Speaker]
    ) -> list[Chunk]:
        snapshot = Snapshot(self.executor, self.caches, speakers)
        progress = [utterance.progress for utterance in utterances]
        try:
            frames = generation.step(self.executor, self.caches, speakers)
            return [u.chunk(frame) for u, frame in zip(utterances, frames, strict=True)]
        except BaseException:
            snapshot.restore()
            for utterance, before in zip(utterances, progress, strict=True):
                utterance.rewind(before)
            raise
