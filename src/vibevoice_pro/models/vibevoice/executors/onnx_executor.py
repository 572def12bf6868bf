"""The network as ONNX graphs: an executor for the CPU, in fp32 or int8.

A graph is what lies between two attentions, or a whole part without attention. Small operations are
folded into their neighbours: the decoder's scales into the linear maps before them, the
conditioning of the diffusion head into one map for all layers.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vibevoice_pro.memory import give_back_memory
from vibevoice_pro.models.vibevoice.assets.weights import Weights
from vibevoice_pro.models.vibevoice.executors.base import ALL, Host, Parts, on_host
from vibevoice_pro.models.vibevoice.executors.onnx_graph import (
    Compiled,
    Counter,
    Graph,
    exact_signed,
)
from vibevoice_pro.models.vibevoice.network.codec import Block, CausalConv, Decoder, Upsample
from vibevoice_pro.models.vibevoice.network.config import KERNEL, VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.diffusion import (
    DiffusionHead,
    HeadLayer,
    TimestepEmbedder,
)
from vibevoice_pro.models.vibevoice.network.network import (
    SPEECH,
    Connector,
    Network,
    StopClassifier,
)
from vibevoice_pro.models.vibevoice.network.transformer import Layer, Mlp, Transformer

_WIDE = 256
"""Channels from which a stage of the decoder is quantized: below, rounding the inputs costs more
than int8 saves (measured)."""

Start = Callable[[], Graph]


class _Head(NamedTuple):
    """The diffusion head, its shifts, and its conditions: of hidden states and of timesteps."""

    velocity: Compiled
    shifts: Compiled
    condition: Compiled
    times: TimestepEmbedder


class OnnxExecutor(Parts, Host):
    """An `Executor` on ONNX Runtime; fp32 between its graphs."""

    dtype = torch.float32
    places = on_host(torch.float32, torch.float32)

    def __init__(
        self, network: Network, weights: Weights, int8: bool, threads: int,
        parts: Collection[str] = ALL,
    ) -> None:  # fmt: skip
        """Compile `parts` of `network`, which is on the meta device, one at a time.

        Each part is loaded from `weights` only while it is compiled, so that the original weights
        are never in memory all together.
        """
        self.config = network.config
        signed = int8 and exact_signed(threads)
        built: dict[str, Any] = dict.fromkeys(_BUILDERS)
        for name, build in _BUILDERS.items():
            if name not in parts:
                continue
            part = network.get_submodule(name)
            weights.fill(part, name)
            built[name] = build(lambda: Graph(int8, signed, threads), part)
            part.to("meta")
            give_back_memory()
        self._decoder: Compiled = built["decoder"]
        self._speech: list[Compiled] = built["tts_language_model"]
        self._text: list[Compiled] = built["language_model"]
        self._head: _Head = built["prediction_head"]
        self._connector: Compiled = built["acoustic_connector"]
        self._stop: Compiled = built["tts_eos_classifier"]
        for name in _KEPT:
            if name not in parts:
                continue
            weights.fill(network.get_submodule(name), name)
        self._embeddings = network.embed_tokens.weight
        self._latent_scale = network.latent_scale
        self.input_types = network.input_types.float()

    def embed(self, ids: Tensor) -> Tensor:
        """Token ids (B, T) → (B, T, H)."""
        return self._embeddings[ids].float()

    def text_block(
        self, index: int, x: Tensor, mixed: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """One layer of the text language model."""
        return _pass(self._text, index, x, mixed)

    def speech_block(
        self, index: int, x: Tensor, mixed: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """One layer of the speech language model."""
        return _pass(self._speech, index, x, mixed)

    def condition(self, hidden: Tensor) -> Tensor:
        """Hidden states of the TTS LM (B, hidden) → their part of the condition, fp32."""
        return self._head.condition(hidden)[0]

    def timestep(self, time: int) -> Tensor:
        """The timestep's part of the condition, (hidden,), fp32."""
        return self._head.times.at(time)

    def shifts(self, condition: Tensor) -> Tensor:
        """Conditions (B, hidden) → shifts (B, S), the input of `velocity`."""
        return self._head.shifts(condition)[0]

    def velocity(self, latent: Tensor, shifts: Tensor) -> Tensor:
        """(B, latent), (B, S) → (B, latent), fp32."""
        return self._head.velocity(latent, shifts)[0]

    def vocode(self, latents: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Latents to waveform, with the state of the decoder."""
        audio, state = self._decoder(self._latent_scale(latents), state)
        return audio, state

    def connect(self, latents: Tensor) -> Tensor:
        """Latents (B, latent) as sampled → (B, H), what the TTS LM reads at a speech position."""
        return self._connector(latents)[0] + self.input_types[SPEECH]

    def stop(self, hidden: Tensor) -> Tensor:
        """(B, H) → (B,), the stop classifier's logit; positive: stop."""
        return self._stop(hidden)[0][:, 0]


def _pass(
    blocks: list[Compiled], index: int, x: Tensor, mixed: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    if mixed is None:
        return x, blocks[0](x)[0]
    if index < len(blocks) - 1:
        x, qkv = blocks[index](x, mixed)
        return x, qkv
    return blocks[index](x, mixed)[0], None


def _blocks(start: Start, stack: Transformer) -> list[Compiled]:
    """One graph for each place before, between and after the attentions of a stack."""
    config = stack.config
    inner = config.heads * config.head_dim
    outer = inner + 2 * config.kv_heads * config.head_dim
    compiled = []
    for index in range(config.layers + 1):
        g = start()
        outputs: list[tuple[str, tuple[int | str, ...]]] = []
        x = g.input("rows", "width", config.hidden)
        if index:
            x = _end(g, stack.layers[index - 1], x, g.input("rows", "width", inner))
        if index < config.layers:
            if index:
                outputs.append((x, ("rows", "width", config.hidden)))
            outputs.append((_begin(g, stack.layers[index], x), ("rows", "width", outer)))
        else:
            x = x if stack.norm is None else g.norm(x, stack.norm)
            outputs.append((x, ("rows", "width", config.hidden)))
        compiled.append(g.compile(*outputs))
    return compiled


def _begin(g: Graph, layer: nn.Module, x: str) -> str:
    """Norm, then queries, keys and values as one map."""
    assert isinstance(layer, Layer)
    attention = layer.self_attn
    parts = (attention.q_proj, attention.k_proj, attention.v_proj)
    weight, bias = torch.cat([p.weight for p in parts]), torch.cat([p.bias for p in parts])
    return g.linear(g.norm(x, layer.input_layernorm), weight, bias)


def _end(g: Graph, layer: nn.Module, x: str, mixed: str) -> str:
    """What follows the attention of a layer."""
    assert isinstance(layer, Layer)
    x = g.op("Add", x, g.linear(mixed, layer.self_attn.o_proj.weight))
    return g.op("Add", x, _swiglu(g, layer.mlp, g.norm(x, layer.post_attention_layernorm)))


def _swiglu(g: Graph, mlp: Mlp, x: str) -> str:
    both = torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])
    gate, up = g.split("Split", 2, g.linear(x, both), axis=-1)
    return g.linear(g.op("Mul", g.silu(gate), up), mlp.down_proj.weight)


def _head(start: Start, head: DiffusionHead) -> _Head:
    hidden, latent = head.config.hidden, head.config.latent
    maps = torch.cat(head.modulations)
    g = start()
    x = g.linear(g.input("rows", latent), head.noisy_images_proj.weight, int8=False)
    pieces = g.split("Split", 3 * len(head.layers) + 2, g.input("rows", maps.shape[0]), axis=-1)
    one = g.constant(torch.ones(1))

    def modulate(x: str, shift: str, scale: str) -> str:
        return g.op("Add", g.op("Mul", x, g.op("Add", scale, one)), shift)

    for i, layer in enumerate(head.layers):
        assert isinstance(layer, HeadLayer)
        shift, scale, gate = pieces[3 * i : 3 * i + 3]
        y = _swiglu(g, layer.ffn, modulate(g.norm(x, layer.norm), shift, scale))
        x = g.op("Add", x, g.op("Mul", gate, y))
    final = head.final_layer
    y = modulate(g.norm(x, final.norm), pieces[-2], pieces[-1])
    y = g.linear(y, final.linear.weight, int8=False)
    velocity = g.compile((y, ("rows", latent)))
    g = start()
    y = g.linear(g.silu(g.input("rows", hidden)), maps)
    shifts = g.compile((y, ("rows", maps.shape[0])))
    g = start()
    y = g.linear(g.input("rows", hidden), head.cond_proj.weight)
    condition = g.compile((y, ("rows", hidden)))
    return _Head(velocity, shifts, condition, copy.deepcopy(head.t_embedder))


def _connector(start: Start, part: Connector) -> Compiled:
    g = start()
    x = g.linear(g.input("rows", part.fc1.in_features), part.fc1.weight, part.fc1.bias, int8=False)
    y = g.linear(g.norm(x, part.norm), part.fc2.weight, part.fc2.bias)
    return g.compile((y, ("rows", part.fc2.out_features)))


def _stop(start: Start, part: StopClassifier) -> Compiled:
    g = start()
    x = g.input("rows", part.fc1.in_features)
    x = g.op("Relu", g.linear(x, part.fc1.weight, part.fc1.bias))
    return g.compile((g.linear(x, part.fc2.weight, part.fc2.bias, int8=False), ("rows", 1)))


def _decoder(start: Start, decoder: Decoder) -> Compiled:
    """Latents (B, 1, latent) and state → samples and state; see `codec.Decoder`."""
    g = start()
    config = decoder.config
    x = g.input("rows", 1, config.latent)
    before = g.input("rows", config.state_width)
    sizes = [length * width for length, width in config.pasts]
    pasts = iter(g.split("Split", len(sizes), before, g.integers(*sizes), axis=-1))
    shapes = iter(config.pasts)
    after: list[str] = []

    def remember(x: str) -> str:
        """Put a convolution's past before its input; the last of both are its next past."""
        length, width = next(shapes)
        whole = g.op("Concat", g.reshape(next(pasts), -1, length, width), x, axis=1)
        after.append(g.op("Flatten", g.slice(whole, -length, None, axis=1), axis=1))
        return whole

    x = _conv(g, decoder.stem, remember(x))
    for i, blocks in enumerate(decoder.stages):
        if i:
            x = _upsample(g, decoder.upsamples[i - 1], x, remember(x))
        assert isinstance(blocks, nn.ModuleList)
        for block in blocks:
            assert isinstance(block, Block)
            mixed = remember(g.norm(x, block.norm))
            x = g.op("Add", x, _conv(g, block.mixer, mixed, block.gamma))
            gamma, first, second = block.ffn_gamma, block.linear1, block.linear2
            int8 = len(gamma) >= _WIDE
            y = g.gelu(g.linear(g.norm(x, block.ffn_norm), first.weight, first.bias, int8))
            y = g.linear(y, second.weight * gamma[:, None], second.bias * gamma, int8)
            x = g.op("Add", x, y)
    x = _conv(g, decoder.head, remember(x))
    return g.compile(
        (g.reshape(x, -1, config.hop), ("rows", config.hop)),
        (g.op("Concat", *after, axis=1), ("rows", config.state_width)),
    )


def _conv(g: Graph, conv: nn.Module, whole: str, scale: Tensor | None = None) -> str:
    """A causal convolution over an input that has its past before it, times `scale`."""
    assert isinstance(conv, CausalConv)
    weight, bias = (conv.weight, conv.bias) if scale is None else (
        conv.weight * scale[:, None, None], conv.bias * scale
    )  # fmt: skip
    y = g.op(
        "Conv", g.op("Transpose", whole, perm=[0, 2, 1]), g.constant(weight), g.constant(bias),
        group=conv.groups, kernel_shape=[KERNEL],
    )  # fmt: skip
    return g.op("Transpose", y, perm=[0, 2, 1])


def _upsample(g: Graph, up: nn.Module, x: str, whole: str) -> str:
    """A transposed convolution as one linear map of each input and the one before it."""
    assert isinstance(up, Upsample)
    inner, outer, _ = up.weight.shape
    both = g.op("Concat", x, g.slice(whole, 0, -1, axis=1), axis=-1)
    y = g.linear(both, torch.cat(up.maps(), dim=1), up.bias.repeat(up.stride), inner >= _WIDE)
    return g.reshape(y, 0, -1, outer)


_BUILDERS: Mapping[str, Callable[[Start, Any], Any]] = {
    "decoder": _decoder,  # the largest first: compiling needs several copies of its weights
    "tts_language_model": _blocks,
    "language_model": _blocks,
    "prediction_head": _head,
    "acoustic_connector": _connector,
    "tts_eos_classifier": _stop,
}
_KEPT = ("embed_tokens", "tts_input_types", "latent_scale")
"""Parts that are not compiled and keep the type of the checkpoint."""


@functools.lru_cache(maxsize=4)
def weight_bytes(config: VibeVoiceConfig, int8: bool) -> Mapping[str, int]:
    """Memory that the weights of each part take in an `OnnxExecutor`."""
    with torch.device("meta"):
        network = Network(config)
    sizes = {}
    for name, build in _BUILDERS.items():
        counter = Counter(int8)
        build(counter.again, network.get_submodule(name))
        sizes[name] = counter.bytes
    for name in _KEPT:
        tensors = network.get_submodule(name).state_dict().values()
        sizes[name] = sum(2 * tensor.numel() for tensor in tensors)  # published as bf16
    return sizes
