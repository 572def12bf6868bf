"""Sizes of a checkpoint, read from its `config.json` and checked; none is assumed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vibevoice_pro.errors import BadCheckpoint
from vibevoice_pro.models.base import KNOBS
from vibevoice_pro.models.vibevoice.assets.files import read_json

SAMPLE_RATE = 24000

KERNEL = 7
"""Width of the acoustic decoder's convolutions, in frames."""

_MOST_STEPS = int(KNOBS["steps"].maximum)  # the sampler's timesteps must differ
_DEPTH = re.compile(r"[1-9]\d?", re.ASCII)


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
        """Read and check a `config.json`.

        Raises:
            BadCheckpoint: it is missing, not JSON or of another model, or a field is missing or
                outside its range; names the file, the field and the range.
        """
        try:
            data = read_json(path)
        except OSError as error:
            raise BadCheckpoint(f"{path}: {error.strerror or error}") from error
        except ValueError as error:
            raise BadCheckpoint(f"{path} is not JSON: {error}") from error
        kind = data.get("model_type") if isinstance(data, dict) else None
        if kind != "vibevoice_streaming":
            raise BadCheckpoint(
                f"{path}: model_type must be 'vibevoice_streaming'; got {str(kind)[:80]!r}"
            )
        top = _Fields(path, "", data)
        text_lm, tts_lm, vocab, context = _language_models(top)
        decoder = _decoder(top.section("acoustic_tokenizer_config"))
        head = _head(top.section("diffusion_head_config"), tts_lm.hidden, decoder.latent)
        return cls(text_lm, tts_lm, head, decoder, vocab, context)


class _Fields:
    """The fields of one JSON object in a file, read with their types and ranges.

    Every method raises `BadCheckpoint` if the field is missing or not as described.
    """

    def __init__(self, path: Path, prefix: str, data: Mapping[str, Any]) -> None:
        self._path = path
        self._prefix = prefix
        self._data = data

    def get(self, name: str) -> Any:
        """The field as it is."""
        if name not in self._data:
            raise BadCheckpoint(f"{self._path}: the field '{self._prefix}{name}' is missing")
        return self._data[name]

    def optional(self, name: str) -> Any:
        """The field as it is, None if it is missing."""
        return self._data.get(name)

    def section(self, name: str) -> _Fields:
        """A field that is an object itself."""
        data = self.get(name)
        if not isinstance(data, dict):
            raise self.wrong(name, "an object", data)
        return _Fields(self._path, f"{self._prefix}{name}.", data)

    def integer(self, name: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        value = self.get(name)
        if type(value) is not int or not low <= value <= high:
            only = f"{low}, as in the rest of the file"
            several = f"a whole number from {low} to {high}"
            raise self.wrong(name, only if low == high else several, value)
        return value

    def number(self, name: str, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        value = self.get(name)
        if type(value) not in {int, float} or not low <= value <= high:
            raise self.wrong(name, f"a number from {low:g} to {high:g}", value)
        return float(value)

    def wrong(self, name: str, expected: str, value: object) -> BadCheckpoint:
        """The error for a field that is not what it must be."""
        shown = repr(value)
        shown = shown if len(shown) <= 80 else f"{shown[:77]}…"
        return BadCheckpoint(f"{self._path}: {self._prefix}{name} must be {expected}; got {shown}")


def _language_models(top: _Fields) -> tuple[TransformerConfig, TransformerConfig, int, int]:
    """Sizes of the text LM and the TTS LM, of the vocabulary and of the context."""
    lm = top.section("decoder_config")
    hidden = lm.integer("hidden_size", 2, 16384)
    layers = lm.integer("num_hidden_layers", 2, 256)
    heads = lm.integer("num_attention_heads", 1, 256)
    if hidden % (2 * heads):
        raise lm.wrong("num_attention_heads", f"such that {hidden} / (2 · it) is whole", heads)
    kv_heads = lm.integer("num_key_value_heads", 1, heads)
    if heads % kv_heads:
        raise lm.wrong("num_key_value_heads", f"a divisor of {heads}", kv_heads)
    mlp = lm.integer("intermediate_size", 1, 2**17)
    theta = lm.number("rope_theta", 1, 1e12)
    eps = lm.number("rms_norm_eps", 1e-12, 1)
    tts_layers = top.integer("tts_backbone_num_hidden_layers", 1, layers - 1)
    text, tts = (
        TransformerConfig(hidden, count, heads, kv_heads, mlp, theta, eps)
        for count in (layers - tts_layers, tts_layers)
    )
    vocab = lm.integer("vocab_size", 1, 2**22)
    return text, tts, vocab, lm.integer("max_position_embeddings", 16, 2**20)


def _head(fields: _Fields, hidden: int, latent: int) -> HeadConfig:
    ratio = fields.number("head_ffn_ratio", 0.01, 64)
    for name, size in (("hidden_size", hidden), ("latent_size", latent)):
        fields.integer(name, size, size)
    return HeadConfig(
        hidden=hidden,
        latent=latent,
        layers=fields.integer("head_layers", 1, 64),
        ffn=max(1, int(hidden * ratio)),
        norm_eps=fields.number("rms_norm_eps", 1e-12, 1),
        train_steps=fields.integer("ddpm_num_steps", _MOST_STEPS + 1, 10_000),
    )


def _decoder(fields: _Fields) -> DecoderConfig:
    ratios = fields.get("decoder_ratios")
    allowed = isinstance(ratios, list) and 1 <= len(ratios) <= 8
    if not allowed or not all(type(r) is int and 1 <= r <= 64 for r in ratios):
        raise fields.wrong("decoder_ratios", "1 to 8 whole numbers from 1 to 64", ratios)
    if math.prod(ratios) > SAMPLE_RATE:
        raise fields.wrong("decoder_ratios", f"numbers of a product up to {SAMPLE_RATE}", ratios)
    name, order = "decoder_depths", 1
    if fields.optional(name) is None:  # then the encoder's, in reverse
        name, order = "encoder_depths", -1
    depths = fields.get(name)
    parts = depths.split("-", 64)[::order] if isinstance(depths, str) else []
    if len(parts) != len(ratios) + 1 or not all(_DEPTH.fullmatch(part) for part in parts):
        stages = f"{len(ratios) + 1} whole numbers from 1 to 99 with hyphens between"
        raise fields.wrong(name, stages, depths)
    widest = fields.integer("decoder_n_filters", 1, 512) << len(ratios)
    return DecoderConfig(
        latent=fields.integer("vae_dim", 1, 4096),
        channels=tuple(widest >> i for i in range(len(ratios) + 1)),
        depths=tuple(map(int, parts)),
        ratios=tuple(ratios),
        norm_eps=fields.number("layernorm_eps", 1e-12, 1),
    )
