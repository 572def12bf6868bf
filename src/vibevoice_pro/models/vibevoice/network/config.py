"""Sizes of a checkpoint, read from its `config.json`; none is assumed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vibevoice_pro.errors import BadCheckpoint

SAMPLE_RATE = 24000

KERNEL = 7
"""Width of the acoustic decoder's convolutions, in frames."""


@dataclass(frozen=True)
class TransformerConfig:
    """A stack of Qwen2 decoder layers."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    mlp: int
    rope_theta: float
    norm_eps: float

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.hidden // self.heads


@dataclass(frozen=True)
class HeadConfig:
    """The diffusion head."""

    hidden: int
    latent: int
    layers: int
    ffn: int
    norm_eps: float
    train_steps: int


@dataclass(frozen=True)
class DecoderConfig:
    """The acoustic decoder: latent → waveform."""

    latent: int
    channels: tuple[int, ...]  # of each stage, widest first
    depths: tuple[int, ...]  # blocks of each stage
    ratios: tuple[int, ...]  # upsampling before stage 1, 2, …
    norm_eps: float

    @property
    def hop(self) -> int:
        """Samples one latent becomes."""
        return math.prod(self.ratios)

    @property
    def pasts(self) -> list[tuple[int, int]]:
        """For each convolution, in the order they are passed, how many past inputs of which width.

        A stream's state is all of them in a row; one that has not begun has zeros.
        """
        shapes = [(KERNEL - 1, self.latent)]
        for i, (width, depth) in enumerate(zip(self.channels, self.depths, strict=True)):
            if i:
                shapes.append((1, self.channels[i - 1]))
            shapes += [(KERNEL - 1, width)] * depth
        return [*shapes, (KERNEL - 1, self.channels[-1])]

    @property
    def state_width(self) -> int:
        """Numbers in the state of one stream."""
        return sum(length * width for length, width in self.pasts)


@dataclass(frozen=True)
class VibeVoiceConfig:
    """All sizes of a checkpoint."""

    text_lm: TransformerConfig
    tts_lm: TransformerConfig
    head: HeadConfig
    decoder: DecoderConfig
    vocab: int
    context: int

    @classmethod
    def read(cls, path: Path) -> VibeVoiceConfig:
        """Read `config.json`.

        Raises:
            BadCheckpoint: it is not there, not JSON, of another model, or a field is missing.
        """
        try:
            data = json.loads(path.read_text())
        except OSError as error:
            raise BadCheckpoint(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise BadCheckpoint(f"{path} is not JSON: {error}") from error
        kind = data.get("model_type") if isinstance(data, dict) else None
        if kind != "vibevoice_streaming":
            raise BadCheckpoint(
                f"{path}: model_type must be 'vibevoice_streaming'; got {str(kind)[:80]!r}"
            )
        try:
            return cls._from(data)
        except KeyError as error:
            raise BadCheckpoint(f"{path}: the field {error.args[0]!r} is missing") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise BadCheckpoint(f"{path}: a field has a wrong value ({error})") from error

    @classmethod
    def _from(cls, data: Mapping[str, Any]) -> VibeVoiceConfig:
        lm, head = data["decoder_config"], data["diffusion_head_config"]
        codec = data["acoustic_tokenizer_config"]
        tts_layers = int(data["tts_backbone_num_hidden_layers"])

        def stack(layers: int) -> TransformerConfig:
            return TransformerConfig(
                hidden=int(lm["hidden_size"]),
                layers=layers,
                heads=int(lm["num_attention_heads"]),
                kv_heads=int(lm["num_key_value_heads"]),
                mlp=int(lm["intermediate_size"]),
                rope_theta=float(lm["rope_theta"]),
                norm_eps=float(lm["rms_norm_eps"]),
            )

        ratios = tuple(map(int, codec["decoder_ratios"]))
        depths = codec.get("decoder_depths")
        if depths is None:  # then the encoder's, the other way round
            depths = "-".join(reversed(str(codec["encoder_depths"]).split("-")))
        widest = int(codec["decoder_n_filters"]) << len(ratios)
        return cls(
            text_lm=stack(int(lm["num_hidden_layers"]) - tts_layers),
            tts_lm=stack(tts_layers),
            head=HeadConfig(
                hidden=int(head["hidden_size"]),
                latent=int(head["latent_size"]),
                layers=int(head["head_layers"]),
                ffn=int(head["hidden_size"] * head["head_ffn_ratio"]),
                norm_eps=float(head["rms_norm_eps"]),
                train_steps=int(head["ddpm_num_steps"]),
            ),
            decoder=DecoderConfig(
                latent=int(codec["vae_dim"]),
                channels=tuple(widest >> i for i in range(len(ratios) + 1)),
                depths=tuple(map(int, str(depths).split("-"))),
                ratios=ratios,
                norm_eps=float(codec["layernorm_eps"]),
            ),
            vocab=int(lm["vocab_size"]),
            context=int(lm["max_position_embeddings"]),
        )
