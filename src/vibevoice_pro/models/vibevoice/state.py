"""The state of streams between steps: a slot in each cache, and a speaker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt
from vibevoice_pro.models.vibevoice.executors.base import Place, Stage, on_host
from vibevoice_pro.models.vibevoice.network.attention import KVCache
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig

TEXT_WINDOW = 5
"""Text tokens taken before each window of speech."""

SPEECH_WINDOW = 6
"""Latents spoken in each window."""

Noise = Callable[[int, int], tuple[Tensor, Tensor]]
"""(frame, steps) → the draws of that frame: (latent,) to start, (steps, latent) for the steps."""


class Caches:
    """The state of all streams between steps: one slot each in preallocated pools.

    A stream's two guidance branches are two rows of the TTS LM's pool: its slot, and its slot plus
    the number of streams.
    """

    def __init__(
        self, config: VibeVoiceConfig, streams: int, positions: int,
        places: Mapping[Stage, Place] | None = None,
    ) -> None:  # fmt: skip
        places = places or on_host(torch.float32, torch.float32)
        self.streams = streams
        text, speech, decoder = (places[stage] for stage in ("text", "acoustic", "vocoder"))
        self.text = KVCache(config.text_lm, streams, positions, text.dtype, text.device)
        self.speech = KVCache(config.tts_lm, 2 * streams, positions, speech.dtype, speech.device)
        width = config.decoder.state_width
        self.decoder = torch.zeros(streams, width, dtype=decoder.dtype, device=decoder.device)
        self._free = list(range(streams))[::-1]

    @property
    def free(self) -> int:
        """The number of free slots."""
        return len(self._free)

    def take(self, voice: VoicePrompt) -> int:
        """Take a free slot and begin it with a voice's prompt."""
        slot = self._free.pop()
        self.begin(slot, voice)
        return slot

    def begin(self, slot: int, voice: VoicePrompt) -> None:
        """Begin a slot anew with a voice's prompt."""
        self.text.begin(slot, voice["lm"].prompt)
        self.speech.begin(slot, voice["tts_lm"].prompt)
        self.speech.begin(self.streams + slot, voice["neg_tts_lm"].prompt)
        self.decoder[slot].zero_()

    def give_back(self, slot: int) -> None:
        """Free a slot."""
        self._free.append(slot)


@dataclass
class Speaker:
    """The state of one stream of speech between two steps.

    Attributes:
        slot: its place in the caches.
        hidden, negative: (H,), the two conditions of the next frame.
        cfg, steps, noise: guidance scale, denoising steps and random draws of its latents.
        tokens: text that is final and was not read by the text LM yet.
        complete: whether no more text will come in this turn.
        frame, place: number of latents so far, in all and in the present window.
        pending: (H,), the last latent as input of the TTS LM, until that reads it.
        verdict: the stop classifier's logit on it, on its way to the host; positive: stop.
        stopped: whether the turn has ended.
        left: the most latents that the next step may make.
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
        """Whether it can be stepped: within a window, or with the next window's text."""
        if self.stopped:
            return False
        if self.place:
            return True
        return self.complete or len(self.tokens) >= TEXT_WINDOW


def open_speaker(
    caches: Caches, voice: VoicePrompt, cfg: float, steps: int, noise: Noise
) -> Speaker:
    """Begin a stream with a voice's prompt, in a free slot."""
    hidden, negative = voice["tts_lm"].hidden, voice["neg_tts_lm"].hidden
    return Speaker(caches.take(voice), hidden, negative, cfg, steps, noise)


def reset_speaker(caches: Caches, speaker: Speaker, voice: VoicePrompt) -> None:
    """Begin again with the voice's prompt; `frame`, on which the noise depends, goes on."""
    caches.begin(speaker.slot, voice)
    speaker.hidden, speaker.negative = voice["tts_lm"].hidden, voice["neg_tts_lm"].hidden
    speaker.pending = speaker.verdict = None
