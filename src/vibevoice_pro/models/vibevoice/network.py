"""The whole network, and one step of it for a batch of streams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from vibevoice_pro.models.vibevoice.codec import Decoder, State
from vibevoice_pro.models.vibevoice.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.diffusion import DiffusionHead
from vibevoice_pro.models.vibevoice.transformer import KVCache, RMSNorm, Transformer
from vibevoice_pro.models.vibevoice.voices import VoicePrompt

TEXT_WINDOW = 5
"""Text tokens taken before each window of speech."""

SPEECH_WINDOW = 6
"""Latents spoken in each window."""

SPEECH, TEXT = 0, 1  # rows of tts_input_types

Noise = Callable[[int, int], tuple[Tensor, Tensor]]
"""(frame, steps) → the draws of that frame: (latent,) to start, (steps, latent) for the steps."""


class Connector(nn.Module):
    """Latent → what the TTS LM reads at a speech position."""

    def __init__(self, latent: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(latent, hidden)
        self.norm = RMSNorm(hidden, 1e-6)
        self.fc2 = nn.Linear(hidden, hidden)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) → (B, hidden)."""
        out: Tensor = self.fc2(self.norm(self.fc1(latent)))
        return out


class StopClassifier(nn.Module):
    """Whether speech ends after the frame just taken in."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(hidden, hidden)
        self.fc2 = nn.Linear(hidden, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, hidden) → (B,), the logit; positive: stop."""
        out: Tensor = self.fc2(torch.relu(self.fc1(hidden))).squeeze(-1)
        return out


class Network(nn.Module):
    """All parts with their weights; holds no state of any stream."""

    def __init__(self, config: VibeVoiceConfig) -> None:
        super().__init__()
        self.config = config
        hidden = config.tts_lm.hidden
        self.embed_tokens = nn.Embedding(config.vocab, hidden)
        self.language_model = Transformer(config.text_lm, final_norm=False)
        self.tts_language_model = Transformer(config.tts_lm, final_norm=True)
        self.tts_input_types = nn.Embedding(2, hidden)
        self.prediction_head = DiffusionHead(config.head)
        self.acoustic_connector = Connector(config.decoder.latent, hidden)
        self.tts_eos_classifier = StopClassifier(hidden)
        self.decoder = Decoder(config.decoder)
        self.speech_scaling_factor: Tensor
        self.speech_bias_factor: Tensor
        self.register_buffer("speech_scaling_factor", torch.empty(()))
        self.register_buffer("speech_bias_factor", torch.empty(()))


@dataclass
class Caches:
    """The pools all streams take their slots from: two for the TTS LM's branches, one for text."""

    text: KVCache
    speech: KVCache

    @classmethod
    def make(cls, network: Network, streams: int, positions: int) -> Caches:
        """Room for `streams` streams of up to `positions` TTS-LM positions each."""
        config, dtype = network.config, network.embed_tokens.weight.dtype
        return cls(
            KVCache(config.text_lm, streams, positions, dtype),
            KVCache(config.tts_lm, 2 * streams, positions, dtype),
        )


@dataclass
class Speaker:
    """The state of one stream of speech between two steps.

    Attributes:
        text_slot, slot, negative_slot: its places in the caches.
        hidden, negative: (H,), the two conditions of the next frame.
        decoder: the acoustic decoder's state, batch of one.
        cfg, steps, noise: how it is sampled.
        tokens: text that is certain and not read yet.
        complete: whether no more text will come.
        frame: latents spoken so far; place: of them, in the present window.
        pending: (H,) what the TTS LM has still to read of the last latent, None before the first.
        stopped: whether the stop classifier has fired.
    """

    text_slot: int
    slot: int
    negative_slot: int
    hidden: Tensor
    negative: Tensor
    decoder: State
    cfg: float
    steps: int
    noise: Noise
    tokens: list[int] = field(default_factory=list)
    complete: bool = False
    frame: int = 0
    place: int = 0
    pending: Tensor | None = None
    stopped: bool = False

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
        latent: (latent,), as sampled.
        audio: (hop,) samples.
        positive, negative: (H,), the conditions it was sampled under.
    """

    latent: Tensor
    audio: Tensor
    positive: Tensor
    negative: Tensor


def open_speaker(
    network: Network, caches: Caches, voice: VoicePrompt, cfg: float, steps: int, noise: Noise
) -> Speaker:
    """Begin a stream with a voice's prompt."""
    text, positive, negative = (voice[name] for name in ("lm", "tts_lm", "neg_tts_lm"))
    return Speaker(
        text_slot=caches.text.take(text.prompt),
        slot=caches.speech.take(positive.prompt),
        negative_slot=caches.speech.take(negative.prompt),
        hidden=positive.hidden,
        negative=negative.hidden,
        decoder=network.decoder.initial_state(1),
        cfg=cfg,
        steps=steps,
        noise=noise,
    )


def close_speaker(caches: Caches, speaker: Speaker) -> None:
    """Give the stream's slots back."""
    caches.text.give_back(speaker.text_slot)
    caches.speech.give_back(speaker.slot)
    caches.speech.give_back(speaker.negative_slot)


@torch.inference_mode()
def step(network: Network, caches: Caches, speakers: Sequence[Speaker]) -> list[Frame | None]:
    """Advance each of these ready speakers by one latent, all in one batch.

    The TTS LM reads a latent at the start of the next step, not at the end of its own, so that a
    first frame does not wait for it.
    """
    _read_latents(network, caches, [s for s in speakers if s.pending is not None])
    going = [s for s in speakers if not s.stopped]
    _read_text(network, caches, [s for s in going if s.place == 0 and s.tokens])
    frames = iter(_speak(network, going) if going else [])
    return [None if s.stopped else next(frames) for s in speakers]


def _read_latents(network: Network, caches: Caches, speakers: Sequence[Speaker]) -> None:
    """Run the TTS LM over the last latents, both branches of all streams in one batch."""
    if not speakers:
        return
    x = torch.stack([s.pending for s in speakers if s.pending is not None])
    slots = [s.slot for s in speakers] + [s.negative_slot for s in speakers]
    hidden = network.tts_language_model(x.repeat(2, 1)[:, None], caches.speech, slots)[:, 0]
    positive, negative = hidden.chunk(2)
    stop = network.tts_eos_classifier(positive) > 0
    for i, speaker in enumerate(speakers):
        speaker.hidden, speaker.negative = positive[i], negative[i]
        speaker.pending = None
        speaker.stopped = bool(stop[i])


def _read_text(network: Network, caches: Caches, speakers: Sequence[Speaker]) -> None:
    """Run both language models over each stream's next window of text, padded to one length."""
    if not speakers:
        return
    windows = [s.tokens[:TEXT_WINDOW] for s in speakers]
    counts = [len(w) for w in windows]
    width = max(counts)
    ids = torch.tensor([w + [0] * (width - len(w)) for w in windows])
    x = network.language_model(
        network.embed_tokens(ids), caches.text, [s.text_slot for s in speakers], counts
    )
    x = x + network.tts_input_types.weight[TEXT]
    x = network.tts_language_model(x, caches.speech, [s.slot for s in speakers], counts)
    for i, (speaker, count) in enumerate(zip(speakers, counts, strict=True)):
        speaker.hidden = x[i, count - 1]
        del speaker.tokens[:count]


def _speak(network: Network, speakers: Sequence[Speaker]) -> list[Frame]:
    """Sample a latent for each stream and decode it."""
    positive = torch.stack([s.hidden for s in speakers])
    negative = torch.stack([s.negative for s in speakers])
    draws = [s.noise(s.frame, s.steps) for s in speakers]
    latents = network.prediction_head.sample(
        positive,
        negative,
        torch.tensor([[s.cfg] for s in speakers]),
        [s.steps for s in speakers],
        torch.stack([start for start, _ in draws]),
        [steps for _, steps in draws],
    )
    dtype = network.embed_tokens.weight.dtype
    scaled = latents / network.speech_scaling_factor.float() - network.speech_bias_factor.float()
    states = [torch.cat(past) for past in zip(*(s.decoder for s in speakers), strict=True)]
    audio, states = network.decoder(scaled.to(dtype)[:, None], states)
    read = network.acoustic_connector(latents.to(dtype)) + network.tts_input_types.weight[SPEECH]
    for i, speaker in enumerate(speakers):
        speaker.decoder = [past[i : i + 1] for past in states]
        speaker.pending = read[i]
        speaker.frame += 1
        speaker.place = (speaker.place + 1) % SPEECH_WINDOW
    each = zip(latents, audio.float(), positive, negative, strict=True)
    return [Frame(*parts) for parts in each]
