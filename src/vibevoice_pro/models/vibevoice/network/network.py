"""The whole network in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vibevoice_pro.models.vibevoice.executors.base import Host, Parts, Place, Stage, on_host
from vibevoice_pro.models.vibevoice.network.codec import Decoder
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.diffusion import DiffusionHead
from vibevoice_pro.models.vibevoice.network.transformer import RMSNorm, Transformer

SPEECH, TEXT = 0, 1
"""Rows of the input types."""

Passed = tuple[Tensor, Tensor | None]


class Connector(nn.Module):
    """Maps a latent to the TTS LM's input at a speech position."""

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
    """Decides whether speech ends after the frame that the TTS LM has just read."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(hidden, hidden)
        self.fc2 = nn.Linear(hidden, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, hidden) → (B,), the logit; positive: stop."""
        out: Tensor = self.fc2(torch.relu(self.fc1(hidden))).squeeze(-1)
        return out


class LatentScale(nn.Module):
    """Maps sampled latents to the decoder's scale; two numbers, in fp32."""

    def __init__(self) -> None:
        super().__init__()
        self.scaling: Tensor
        self.bias: Tensor
        self.register_buffer("scaling", torch.empty(()))
        self.register_buffer("bias", torch.empty(()))

    def forward(self, latents: Tensor) -> Tensor:
        """(…, latent) → the same shape."""
        return latents / self.scaling.float() - self.bias.float()


class Network(nn.Module, Parts, Host):
    """All parts with their weights, without the state of streams.

    It is also the exact `Executor`: everything in PyTorch, in the type of the weights.
    """

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
        self.latent_scale = LatentScale()

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return self.tts_input_types.weight.dtype

    @property
    def places(self) -> Mapping[Stage, Place]:
        """See `Executor`."""
        return on_host(self.dtype, self.dtype)

    @property
    def input_types(self) -> Tensor:
        """What is added at a speech position and at a text position, (2, H)."""
        return self.tts_input_types.weight

    def embed(self, ids: Tensor) -> Tensor:
        """Token ids (N,) → (N, H)."""
        out: Tensor = self.embed_tokens(ids)
        return out

    def text_block(self, index: int, x: Tensor, mixed: Tensor | None) -> Passed:
        """The text LM between two attentions, see `transformer.Block`."""
        return self.language_model.block(index, x, mixed)

    def speech_block(self, index: int, x: Tensor, mixed: Tensor | None) -> Passed:
        """The TTS LM between two attentions, see `transformer.Block`."""
        return self.tts_language_model.block(index, x, mixed)

    def condition(self, hidden: Tensor) -> Tensor:
        """Hidden states of the TTS LM (B, hidden) → their part of the condition, fp32."""
        out: Tensor = self.prediction_head.cond_proj(hidden)
        return out.float()

    def timestep(self, time: int) -> Tensor:
        """The timestep's part of the condition, (hidden,), fp32."""
        return self.prediction_head.t_embedder.at(time)

    def shifts(self, condition: Tensor) -> Tensor:
        """Conditions (B, hidden) → shifts (B, S), the input of `velocity`."""
        return self.prediction_head.shifts(condition.to(self.dtype))

    def velocity(self, latent: Tensor, shifts: Tensor) -> Tensor:
        """(B, latent), (B, S) → (B, latent), fp32."""
        out: Tensor = self.prediction_head(latent.to(self.dtype), shifts)
        return out.float()

    def vocode(self, latents: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Latents to waveform, with the state of the decoder."""
        audio, state = self.decoder(self.latent_scale(latents).to(self.dtype), state)
        return audio.float(), state

    def connect(self, latents: Tensor) -> Tensor:
        """Latents (B, latent) as sampled → (B, H), what the TTS LM reads at a speech position."""
        out: Tensor = self.acoustic_connector(latents.to(self.dtype))
        return out + self.input_types[SPEECH]

    def stop(self, hidden: Tensor) -> Tensor:
        """(B, H) → (B,), the stop classifier's logit; positive: stop."""
        out: Tensor = self.tts_eos_classifier(hidden)
        return out
