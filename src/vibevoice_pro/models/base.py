"""The contract between a speech model and the engine.

A model turns text into waveform for many utterances; `SpeechModel.step` is the only call that
computes. All calls on a model and its utterances come from one thread, the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from vibevoice_pro.audio.resample import Waveform
from vibevoice_pro.config.defaults import CFG, CFG_RANGE, STEPS, STEPS_RANGE
from vibevoice_pro.models.names import primary


@dataclass(frozen=True)
class Knob:
    """A setting of one utterance that a caller may turn.

    Attributes:
        minimum, maximum, default: the range, both ends allowed.
        integer: whether only whole numbers are allowed.
        reason: empty if this model honours the knob, else why it does not, for people.
    """

    minimum: float
    maximum: float
    default: float
    integer: bool = False
    reason: str = ""


KNOBS: Mapping[str, Knob] = {
    "cfg": Knob(*CFG_RANGE, CFG),
    "steps": Knob(*STEPS_RANGE, STEPS, integer=True),
    "speed": Knob(0.5, 2.0, 1.0),
    "seed": Knob(0, 2**32 - 1, 0, integer=True),
}
"""The settings every model takes, with the ranges of the wire."""


def knobs_without(reason: str, *names: str) -> dict[str, Knob]:
    """`KNOBS` for a model that does not honour `names`, and why not."""
    return {**KNOBS, **{name: replace(KNOBS[name], reason=reason) for name in names}}


@dataclass(frozen=True)
class Voice:
    """A voice one can choose.

    Attributes:
        id: its name on the wire, e.g. `en-Heart_woman`.
        language: BCP-47 tag, e.g. `en` or `en-GB`.
        gender: `woman`, `man` or empty.
        description: one line for people.
        licence: SPDX id of the licence it is published under; empty: not known.
    """

    id: str
    language: str
    gender: str
    description: str
    licence: str = ""


@dataclass(frozen=True)
class ModelInfo:
    """What the rooms above may know about a model.

    Attributes:
        name: for people and for `/api/status`.
        device: where it computes, e.g. `cpu`.
        precision: number format of its weights, e.g. `int8`.
        sample_rate: of the waveform it gives, in Hz.
        max_batch: how many utterances one `step` takes at most.
        max_streams: how many utterances may be open at once; None: as many as memory holds.
        stream_bytes: memory that one more utterance needs.
        knobs: `cfg`, `steps`, `speed`, `seed`, each with its range.
        exact_marks: whether its marks are known from what it made, or estimated.
        uneven: whether some chunks of a step take much longer than others, so that whoever waits
            for a first sound is better not stepped with those who can wait.
    """

    name: str
    device: str
    precision: str
    sample_rate: int
    max_batch: int
    max_streams: int | None
    stream_bytes: int
    knobs: Mapping[str, Knob]
    exact_marks: bool = False
    uneven: bool = False


@dataclass(frozen=True)
class Options:
    """Settings of one utterance; a model ignores those it has no knob for.

    Attributes:
        cfg: classifier-free guidance scale.
        steps: denoising steps of the diffusion head.
        speed: pace, 1 is the voice's own, 2 twice as fast.
        seed: of all random draws; the same text, voice and settings give the same samples.
        context: what a turn after a flush begins from, for a model that remembers: `carry`, all
            that was said before, or `reset`, the voice alone.
    """

    cfg: float = CFG
    steps: int = STEPS
    speed: float = 1.0
    seed: int = 0
    context: str = "carry"


CONTEXTS = ("carry", "reset")


@dataclass(frozen=True)
class Mark:
    """Where a stretch of text is heard.

    Attributes:
        chars: of the utterance's text, [start, end).
        samples: of the chunk's wave, [start, end); of an estimate, the end may lie beyond the wave.
    """

    chars: tuple[int, int]
    samples: tuple[int, int]


@dataclass(frozen=True)
class Point:
    """A place in an utterance's text from which it can be opened again, and goes on the same.

    Attributes:
        at: characters before it; they need not be fed again. The next one is no white space.
        state: what the model has to know of them; plain values, so that it can be saved.
    """

    at: int
    state: Mapping[str, Any]


@dataclass(frozen=True)
class Chunk:
    """What one step adds to one utterance.

    Attributes:
        wave: samples at the model's rate; may be empty.
        marks: where the text in it is heard, in order.
        unread: names of scripts whose letters in that text this voice had to leave out.
        point: what the utterance can be opened again from, just before this chunk; only given
            where the wave begins with silence, so that a resampler may begin there too.
        unfinished: the step was only a part of the work on the next chunk, and nothing is in this.
    """

    wave: Waveform
    marks: Sequence[Mark] = ()
    unread: Set[str] = field(default_factory=frozenset)
    point: Point | None = None
    unfinished: bool = False


Progress = Callable[[int, int], None]
"""Called with what is done and what there is in all."""


Wants = Callable[[str, str], bool]
"""Whether a voice is to be loaded, by its id and its BCP-47 tag."""


@dataclass(frozen=True)
class Loading:
    """How an operator wants a model loaded; a model ignores what it has no choice in.

    Attributes:
        precision: number format of the weights: auto, fp32, bf16, fp16 or int8.
        device: auto, cpu or cuda.
        kernels: what runs int8 on the CPU: auto, native or onnx.
        kv_window: positions of the past that each stream keeps: auto, full or a number.
        cpu_offload: on a card, whether embedding, text LM and acoustic decoder are on the CPU.
        streams: how many it should have room for at most; None: what makes sense on the device.
        memory: bytes it may take on its device, None: as it likes.
        home: folder where pulled voices are kept; None: the usual one.
        languages: whose voices are loaded, and of each which: by BCP-47 primary tag their ids, none
            means all; None: all languages.
        on_progress: called while it loads.
    """

    precision: str = "auto"
    device: str = "auto"
    kernels: str = "auto"
    kv_window: str = "auto"
    cpu_offload: bool = False
    streams: int | None = None
    memory: int | None = None
    home: Path | None = None
    languages: Mapping[str, Sequence[str]] | None = None
    on_progress: Progress = lambda done, total: None

    def wants(self, voice: str, language: str) -> bool:
        """Whether a voice is to be loaded; `language`: its BCP-47 tag."""
        if self.languages is None:
            return True
        ids = self.languages.get(primary(language))
        return ids is not None and (not ids or voice in ids)


@dataclass(frozen=True)
class MemoryPlan:
    """What a model needs, counted before anything is allocated.

    Attributes:
        parts: name and bytes of each part on the device, largest concerns first.
        offloaded: of those that are on the CPU instead.
        precision, device, kernels: what it is planned for, see `Loading`; kernels `torch`: PyTorch.
        streams: how many there is room for.
        window: positions of the past that each stream keeps.
        stream_bytes: of `total`, what one stream takes.
    """

    parts: Mapping[str, int]
    precision: str
    device: str
    kernels: str
    streams: int
    window: int
    stream_bytes: int
    offloaded: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All parts on the device together."""
        return sum(self.parts.values())


class Utterance(Protocol):
    """One continuous stretch of speech: the model's state, and the text still to be spoken.

    Text that is fed is read by `prepare`, a bounded amount at a time; `ready` and `done` are as of
    its last call and change nothing.
    """

    def prepare(self) -> None:
        """Read of the text what the next step needs. Call it before asking `ready` or `done`."""

    @property
    def ready(self) -> bool:
        """Whether the next step has what it needs."""

    @property
    def done(self) -> bool:
        """Whether all text was announced as complete and has been spoken."""

    @property
    def waiting(self) -> int:
        """Characters fed and not spoken yet."""

    def feed(self, text: str) -> None:
        """Add text, in any portions; the samples do not depend on the portions."""

    def flush(self) -> None:
        """Speak everything fed so far; more may follow."""

    def pause(self) -> int | None:
        """The writer hesitates and the listener hears nothing: speak the whole words there are.

        Returns the characters up to where that cuts the text, None: it does not. A flush there
        would have had the same effect.
        """

    def finish(self) -> None:
        """No more text will come."""

    def close(self) -> None:
        """Give back what the utterance holds."""


U = TypeVar("U", bound=Utterance)


class SpeechModel(Protocol, Generic[U]):
    """A model with its voices."""

    @property
    def info(self) -> ModelInfo:
        """What it is and what it can do."""

    @property
    def voices(self) -> Mapping[str, Voice]:
        """The voices by id; the first is the default."""

    def open(self, voice: str, options: Options, point: Point | None = None) -> U:
        """Begin an utterance with one of `voices`, or go on from a point of an earlier one.

        Positions in the text count on from the point's.
        """

    def step(self, batch: Sequence[U]) -> list[Chunk]:
        """Advance each of 1 to `max_batch` ready utterances by one chunk; same order.

        If it raises, none of them has moved on: each can be stepped by itself, to find the one that
        is at fault.
        """

    def rest(self) -> None:
        """Nobody speaks: give back memory that is only needed to work."""


AnyModel = SpeechModel[Any]
"""A model of which nothing more is known."""


@runtime_checkable
class Phonetic(Protocol):
    """A model that can be told how a word is pronounced."""

    def pronounced(self, word: str, ipa: str) -> str:
        """The text to feed so that a word is pronounced as `ipa` says.

        Raises:
            ValueError: a sign is not one of the model's; one sentence.
        """


@runtime_checkable
class Profiled(Protocol):
    """A model that can time its parts, for benchmarks."""

    @property
    def plan(self) -> MemoryPlan:
        """What it was loaded with."""

    @property
    def chunk_seconds(self) -> float:
        """Seconds of audio that a step makes for each utterance, or makes a multiple of."""

    def timed(self, report: Callable[[str, float], None]) -> AbstractContextManager[None]:
        """Inside, `report` is called with a part's name and the seconds that each call took."""
