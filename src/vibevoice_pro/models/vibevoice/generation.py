"""The generation loop: one step of the model for a batch of streams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt
from vibevoice_pro.models.vibevoice.executors.base import Executor
from vibevoice_pro.models.vibevoice.network.attention import KVCache
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.diffusion import sample
from vibevoice_pro.models.vibevoice.network.network import TEXT

TEXT_WINDOW = 5
"""Text tokens taken before each window of speech."""

SPEECH_WINDOW = 6
"""Latents spoken in each window."""

_ALONE_AFTER = 8  # latents

Noise = Callable[[int, int], tuple[Tensor, Tensor]]
"""(frame, steps) → the draws of that frame: (latent,) to start, (steps, latent) for the steps."""


class Caches:
    """What is kept of every stream from step to step: one slot each in preallocated pools.

    A stream's two guidance branches are two rows of the TTS LM's pool: its slot, and its slot plus
    the number of streams.
    """

    def __init__(
        self, config: VibeVoiceConfig, streams: int, positions: int,
        dtype: torch.dtype = torch.float32, kv_dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> None:  # fmt: skip
        self.streams = streams
        self.text = KVCache(config.text_lm, streams, positions, kv_dtype, device)
        self.speech = KVCache(config.tts_lm, 2 * streams, positions, kv_dtype, device)
        width = config.decoder.state_width
        self.decoder = torch.zeros(streams, width, dtype=dtype, device=device)
        self._free = list(range(streams))[::-1]

    @property
    def free(self) -> int:
        """Slots nobody owns."""
        return len(self._free)

    def take(self, voice: VoicePrompt) -> int:
        """Own a slot that begins with a voice's prompt."""
        slot = self._free.pop()
        self.begin(slot, voice)
        return slot

    def begin(self, slot: int, voice: VoicePrompt) -> None:
        """Let a slot begin with a voice's prompt; forget what was in it."""
        self.text.begin(slot, voice["lm"].prompt)
        self.speech.begin(slot, voice["tts_lm"].prompt)
        self.speech.begin(self.streams + slot, voice["neg_tts_lm"].prompt)
        self.decoder[slot].zero_()

    def give_back(self, slot: int) -> None:
        """Give a slot back."""
        self._free.append(slot)


@dataclass
class Speaker:
    """The state of one stream of speech between two steps.

    Attributes:
        slot: its place in the caches.
        hidden, negative: (H,), the two conditions of the next frame.
        cfg, steps, noise: how it is sampled.
        tokens: text that is certain and not read yet.
        complete: whether no more text will come.
        frame: latents spoken so far; place: of them, in the present window.
        pending: (H,) what the TTS LM has still to read of the last latent, None before the first.
        verdict: of the stop classifier on it, on its way to the host; positive: stop.
        stopped: whether the stop classifier has fired.
        left: latents it may speak at most before its caller is asked again.
    """

    slot: int
    hidden: Tensor
    negative: Tensor
    cfg: float
    steps: int
    noise: Noise
    tokens: list[int] = field(default_factory=list)
    complete: bool = False
    frame: int = 0
    place: int = 0
    pending: Tensor | None = None
    verdict: Tensor | None = None
    stopped: bool = False
    left: int = 1

    @property
    def ready(self) -> bool:
        """Whether the next step can be made: inside a window, or with a window's text at hand."""
        if self.stopped:
            return False
        if self.place:
            return True
        return self.complete or len(self.tokens) >= TEXT_WINDOW


@dataclass
class Frame:
    """What one step gives one stream; `None` instead of it: the stream has stopped.

    Attributes:
        latent: (latent,), as sampled; of several, the last.
        audio: (hop,) samples of each latent.
        positive, negative: (H,), the conditions it was sampled under.
    """

    latent: Tensor
    audio: Tensor
    positive: Tensor
    negative: Tensor


def open_speaker(
    caches: Caches, voice: VoicePrompt, cfg: float, steps: int, noise: Noise
) -> Speaker:
    """Begin a stream with a voice's prompt."""
    hidden, negative = voice["tts_lm"].hidden, voice["neg_tts_lm"].hidden
    return Speaker(caches.take(voice), hidden, negative, cfg, steps, noise)


def reset_speaker(caches: Caches, speaker: Speaker, voice: VoicePrompt) -> None:
    """Forget all that was said, but not how many frames there were, which the noise depends on."""
    caches.begin(speaker.slot, voice)
    speaker.hidden, speaker.negative = voice["tts_lm"].hidden, voice["neg_tts_lm"].hidden
    speaker.pending = speaker.verdict = None


@torch.inference_mode()
def step(executor: Executor, caches: Caches, speakers: Sequence[Speaker]) -> list[Frame | None]:
    """Advance each of these ready speakers by one latent, all in one batch.

    One who is alone and has spoken for a second is advanced by as many as the executor likes to
    decode together, as long as no text is due. The TTS LM reads a latent at the start of the next
    step, not at the end of its own, so that a first frame does not wait for it; unless the executor
    can do that while it decodes.
    """
    _read(executor, caches, speakers, text=True)
    _judge(executor, speakers)
    going = [s for s in speakers if not s.stopped]
    if not going:
        return [None] * len(speakers)
    conditions = [(s.hidden, s.negative) for s in going]
    latents = [_sample(executor, going)]
    while len(latents) < min(executor.together, going[0].left) and _carries_on(going):
        _read(executor, caches, going, text=False)
        _judge(executor, going)
        if going[0].stopped:
            break
        conditions = [(s.hidden, s.negative) for s in going]
        latents.append(_sample(executor, going))
    with executor.stage("vocoder", *latents):
        audio = executor.decode(
            torch.stack(latents, dim=1), caches.decoder, [s.slot for s in going]
        )
        heard = executor.fetch(audio)
    if executor.reads_ahead:
        _read(executor, caches, going, text=False)
    executor.wait("vocoder")
    each = zip(going, latents[-1], heard, conditions, strict=True)
    frames = {s.slot: Frame(latent, wave, *given) for s, latent, wave, given in each}
    return [frames.get(s.slot) for s in speakers]


def _carries_on(going: Sequence[Speaker]) -> bool:
    return len(going) == 1 and going[0].frame > _ALONE_AFTER and going[0].place > 0


def _read(executor: Executor, caches: Caches, speakers: Sequence[Speaker], text: bool) -> None:
    """Run the TTS LM over what each has not read yet, all in one pass.

    That is the last latent, in both branches, and at the start of a window the next text.
    """
    windows = {
        s.slot: s.tokens[:TEXT_WINDOW] for s in speakers if text and s.place == 0 and s.tokens
    }
    told = [s for s in speakers if s.slot in windows]
    waiting = [s for s in speakers if s.pending is not None]
    if not told and not waiting:
        return
    read: dict[int, Tensor] = {}
    with executor.stage("text"):
        if told:
            counts = [len(w) for w in windows.values()]
            ids = torch.tensor([token for window in windows.values() for token in window])
            x = executor.embed(executor.put(ids))
            x = executor.read_text(x, caches.text, [*windows], counts)
            x = x + executor.input_types[TEXT]
            read = dict(zip(windows, torch.split(x, counts), strict=True))
    parts, slots, counts = [], [], []
    for speaker in speakers:
        new = [] if speaker.pending is None else [speaker.pending[None]]
        new += [read[speaker.slot]] if speaker.slot in read else []
        if new:
            parts += new
            slots.append(speaker.slot)
            counts.append(sum(len(n) for n in new))
    for speaker in waiting:
        assert speaker.pending is not None
        parts.append(speaker.pending[None])
        slots.append(caches.streams + speaker.slot)
        counts.append(1)
    with executor.stage("acoustic", *read.values()):
        x = torch.cat(parts)
        x = executor.read_speech(x, caches.speech, slots, counts)
        x = x.clone()  # the executor may use its memory again
        rows = dict(zip(slots, torch.split(x, counts), strict=True))
        for speaker in [*told, *waiting]:
            speaker.hidden = rows[speaker.slot][-1]
        if waiting:
            verdicts = executor.fetch(
                executor.stop(torch.stack([rows[s.slot][0] for s in waiting]))
            )
    for i, speaker in enumerate(waiting):
        speaker.negative = rows[caches.streams + speaker.slot][0]
        speaker.pending, speaker.verdict = None, verdicts[i]
    for speaker in told:
        del speaker.tokens[: len(windows[speaker.slot])]
        speaker.verdict = None


def _judge(executor: Executor, speakers: Sequence[Speaker]) -> None:
    """Stop those for whom the stop classifier has fired.

    It is heeded only when all text was read before: what is written will be spoken.
    """
    executor.wait("acoustic")
    for speaker in speakers:
        if speaker.verdict is not None:
            text = speaker.tokens or not speaker.complete
            speaker.stopped = not text and bool(speaker.verdict > 0)
            speaker.verdict = None


def _sample(executor: Executor, speakers: Sequence[Speaker]) -> Tensor:
    """Draw the next latent of each stream, (B, latent)."""
    draws = [s.noise(s.frame, s.steps) for s in speakers]
    with executor.stage("acoustic"):
        latents = sample(
            executor,
            torch.stack([s.hidden for s in speakers]),
            torch.stack([s.negative for s in speakers]),
            executor.put(torch.tensor([[s.cfg] for s in speakers])),
            [s.steps for s in speakers],
            executor.put(torch.stack([start for start, _ in draws])),
            [executor.put(steps) for _, steps in draws],
            executor.config.head.train_steps,
        )
        read = executor.connect(latents)
        for i, speaker in enumerate(speakers):
            speaker.pending = read[i].clone()
            speaker.frame += 1
            speaker.place = (speaker.place + 1) % SPEECH_WINDOW
    return latents
