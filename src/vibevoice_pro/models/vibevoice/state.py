"""The state of streams between steps: a slot in each cache, and a speaker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt
from vibevoice_pro.models.vibevoice.network.attention import KVCache
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig

TEXT_WINDOW = 5
"""Text tokens taken before each window of speech."""

SPEECH_WINDOW = 6
"""Latents spoken in each window."""

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
