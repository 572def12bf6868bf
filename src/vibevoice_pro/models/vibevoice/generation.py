"""The generation loop: one step of the model for a batch of streams.

A step that raises leaves the speakers and the caches somewhere in between, see `snapshot`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.executors.base import Executor
from vibevoice_pro.models.vibevoice.network.diffusion import sample
from vibevoice_pro.models.vibevoice.network.network import TEXT
from vibevoice_pro.models.vibevoice.state import SPEECH_WINDOW, TEXT_WINDOW, Caches, Speaker

_ALONE_AFTER = 8  # latents


@dataclass
class Frame:
    """What one step makes for one stream. None instead: the stream has stopped.

    Attributes:
        latent: (latent,), as sampled; of several, the last.
        audio: (n·hop,), the samples of all n latents of the step, on the host.
        positive, negative: (H,), the conditions that the last latent was sampled under.
    """

    latent: Tensor
    audio: Tensor
    positive: Tensor
    negative: Tensor


@torch.inference_mode()
def step(executor: Executor, caches: Caches, speakers: Sequence[Speaker]) -> list[Frame | None]:
    """Advance each of these ready speakers by one latent, in one batch.

    A speaker that is alone, and past its first second, is advanced by up to `executor.together`
    latents at once while no text is due. The TTS LM reads a latent at the start of the next step
    instead of the end of its own, so that the first frame does not wait for it, unless the executor
    can read while it decodes (`reads_ahead`).
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
    """Run the TTS LM over what each speaker has not read yet, in one pass.

    That is the last latent, in both guidance branches, and at the start of a window the next text.
    """
    windows = {
        s.slot: s.tokens[:TEXT_WINDOW] for s in speakers if text and s.place == 0 and s.tokens
    }
    with_text = [s for s in speakers if s.slot in windows]
    waiting = [s for s in speakers if s.pending is not None]
    if not with_text and not waiting:
        return
    read: dict[int, Tensor] = {}
    with executor.stage("text"):
        if with_text:
            counts = [len(w) for w in windows.values()]
            ids = torch.tensor([token for window in windows.values() for token in window])
            x = executor.embed(ids)
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
        for speaker in [*with_text, *waiting]:
            speaker.hidden = rows[speaker.slot][-1]
        if waiting:
            verdicts = executor.fetch(
                executor.stop(torch.stack([rows[s.slot][0] for s in waiting]))
            )
    for i, speaker in enumerate(waiting):
        speaker.negative = rows[caches.streams + speaker.slot][0]
        speaker.pending, speaker.verdict = None, verdicts[i]
    for speaker in with_text:
        del speaker.tokens[: len(windows[speaker.slot])]
        speaker.verdict = None


def _judge(executor: Executor, speakers: Sequence[Speaker]) -> None:
    """Stop the speakers for which the stop classifier has fired.

    It counts only after all text was read: no text is dropped.
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
