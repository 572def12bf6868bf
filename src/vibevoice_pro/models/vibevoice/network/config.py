"""Sizes of a checkpoint, read from its `config.json`; none is assumed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vibevoice_pro.errors import BadCheckpoint
from vibevoice_pro.models.vibevoice.files import read_json

SAMPLE_RATE = 24000

KERNEL = 7
"""Width of the acoustic decoder's convolutions, in frames."""

_MAX_STAGES = 16  # of the acoustic decoder


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
            BadCheckpoint: it is not there, not JSON, of another model, or a field is missing or
                out of range.
        """
        try:
            data = read_json(path)
        except OSError as error:
            raise BadCheckpoint(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise BadCheckpoint(f"{path} is not JSON: {error}") from error
        kind = data.get("model_type") if isinstance(data, dict) else None
        if kind != "vibevoice_streaming":
            raise BadCheckpoint(
                f"{path}: model_type must be 'vibevoice_streaming'; got {str(kind)[:80]!r}"
            )
        return cls._from(_Section(data, path))

    @classmethod
    def _from(cls, data: _Section) -> VibeVoiceConfig:
        lm, head = data.section("decoder_config"), data.section("diffusion_head_config")
        codec = data.section("acoustic_tokenizer_config")
        layers = lm.whole("num_hidden_layers", 2, 256)
        tts_layers = data.whole("tts_backbone_num_hidden_layers", 1, layers - 1)
        hidden = lm.whole("hidden_size", 1, 16_384)
        heads = lm.whole("num_attention_heads", 1, hidden, divides=hidden)

        def stack(layers: int) -> TransformerConfig:
            return TransformerConfig(
                hidden=hidden,
                layers=layers,
                heads=heads,
                kv_heads=lm.whole("num_key_value_heads", 1, heads, divides=heads),
                mlp=lm.whole("intermediate_size", 1, 2**18),
                rope_theta=lm.number("rope_theta", 1.0, 1e12),
                norm_eps=lm.number("rms_norm_eps", 0.0, 1.0),
            )

        ratios = codec.wholes("decoder_ratios", 1, 64)
        reverse = codec.get("decoder_depths") is None  # then the encoder's, the other way round
        depths = codec.wholes("encoder_depths" if reverse else "decoder_depths", 0, 256)
        if len(depths) != len(ratios) + 1:
            raise codec.bad("decoder_depths", f"{len(ratios) + 1} numbers, one more than ratios")
        widest = codec.whole("decoder_n_filters", 1, 4096) << len(ratios)
        width = head.whole("hidden_size", 1, 16_384)
        return cls(
            text_lm=stack(layers - tts_layers),
            tts_lm=stack(tts_layers),
            head=HeadConfig(
                hidden=width,
                latent=head.whole("latent_size", 1, 4096),
                layers=head.whole("head_layers", 1, 256),
                ffn=int(width * head.number("head_ffn_ratio", 1 / width, 64.0)),
                norm_eps=head.number("rms_norm_eps", 0.0, 1.0),
                train_steps=head.whole("ddpm_num_steps", 1, 100_000),
            ),
            decoder=DecoderConfig(
                latent=codec.whole("vae_dim", 1, 4096),
                channels=tuple(widest >> i for i in range(len(ratios) + 1)),
                depths=depths[::-1] if reverse else depths,
                ratios=ratios,
                norm_eps=codec.number("layernorm_eps", 0.0, 1.0),
            ),
            vocab=lm.whole("vocab_size", 1, 2**22),
            context=lm.whole("max_position_embeddings", 1, 2**24),
        )


class _Section:
    """A part of `config.json` whose fields are checked as they are read.

    Every check raises `BadCheckpoint`, which names the file, the field and what is allowed.
    """

    def __init__(self, fields: Mapping[str, Any], path: Path, name: str = "") -> None:
        self._fields = fields
        self._path = path
        self._name = name

    def bad(self, field: str, allowed: str) -> BadCheckpoint:
        """The error for a field that is not what it must be."""
        return BadCheckpoint(
            f"{self._path}: {self._name}{field} must be {allowed}; "
            f"got {str(self._fields.get(field))[:60]}"
        )

    def get(self, field: str) -> Any:
        """A field as it is; None: it is missing."""
        return self._fields.get(field)

    def section(self, field: str) -> _Section:
        """A field that holds fields."""
        if not isinstance(self._present(field), dict):
            raise self.bad(field, "an object")
        return _Section(self._fields[field], self._path, f"{field}.")

    def whole(self, field: str, low: int, high: int, divides: int | None = None) -> int:
        """A whole number from `low` to `high`, which must divide `divides`."""
        value = self._present(field)
        if not _is_whole(value, low, high):
            raise self.bad(field, f"a whole number from {low} to {high}")
        if divides is not None and divides % value:
            raise self.bad(field, f"a divisor of {divides}")
        return int(value)

    def number(self, field: str, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        value = self._present(field)
        if not isinstance(value, (int, float)) or not low <= value <= high:
            raise self.bad(field, f"a number from {low:g} to {high:g}")
        return float(value)

    def wholes(self, field: str, low: int, high: int) -> tuple[int, ...]:
        """One to sixteen whole numbers, as a list or joined by dashes."""
        value = self._present(field)
        if isinstance(value, str):
            value = [int(n) if n.isascii() and n.isdigit() else n for n in value.split("-")]
        if not isinstance(value, list) or not all(_is_whole(n, low, high) for n in value):
            raise self.bad(field, f"whole numbers from {low} to {high}")
        if not 1 <= len(value) <= _MAX_STAGES:
            raise self.bad(field, f"1 to {_MAX_STAGES} numbers")
        return tuple(value)

    def _present(self, field: str) -> Any:
        if field not in self._fields:
            raise BadCheckpoint(f"{self._path}: the field {self._name}{field} is missing")
        return self._fields[field]


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
