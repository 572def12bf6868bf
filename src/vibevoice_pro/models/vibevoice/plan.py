"""Count the memory of a model, part by part, and fit it into a budget."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import Loading, MemoryPlan
from vibevoice_pro.models.vibevoice.executors import native
from vibevoice_pro.models.vibevoice.network.attention import BLOCK
from vibevoice_pro.models.vibevoice.network.config import TransformerConfig, VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.network import Network

log = logging.getLogger(__name__)

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""The floating-point precisions."""

_SHORT_WINDOW = 128
"""Positions kept beside the prompt where memory is short: 9 seconds of speech with its text."""

_LONG_WINDOW = 1024
"""Positions kept where a full context does not fit and this does: 75 seconds of speech with its
text. Also what `auto` begins with on the CPU, where a full context costs time."""

_ACTIVATIONS = {"native": 1, "onnx": 18, "torch": 18}
"""How many of the decoder's widest activations each stream needs at once, and the batch once more
(measured)."""

_STREAMS = {"cpu": max(8, os.cpu_count() or 1), "cuda": 64}
"""Default number of streams: more than can be served in real time."""


@dataclass(frozen=True)
class Computes:
    """What runs parts of the network: device, precision and kernels as in `MemoryPlan`."""

    device: str
    precision: str
    kernels: str

    @property
    def wide(self) -> int:
        """Bytes of a number between the parts."""
        return PRECISIONS[self.precision].itemsize if self.precision in PRECISIONS else 4

    @property
    def kept(self) -> int:
        """Bytes of a number in the KV caches."""
        return 2 if self.kernels == "native" else self.wide


@dataclass(frozen=True)
class Prompts:
    """Keys and values in the prompts of all voices together, for the text LM and the TTS LM."""

    text: int
    speech: int


def device_and_precision(loading: Loading) -> tuple[str, str]:
    """Resolve `auto` for this machine. The device need not exist here: it may be planned for.

    Raises:
        BadParameter: the device or precision is unknown, or they do not go together.
    """
    device, precision = loading.device, loading.precision
    if device not in {"auto", "cpu", "cuda"}:
        raise BadParameter(f"device must be auto, cpu or cuda; got {device!r}")
    if precision not in {"auto", "int8", *PRECISIONS}:
        raise BadParameter(f"precision must be auto, fp32, bf16, fp16 or int8; got {precision!r}")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if precision == "auto":
        precision = "int8" if device == "cpu" else "bf16"
    if device == "cuda" and precision == "int8":
        raise BadParameter("precision int8 is for the CPU; on cuda it is bf16, fp16 or fp32")
    return device, precision


def kernels(loading: Loading, device: str, precision: str) -> str:
    """Resolve the kernels: native, onnx or torch.

    Raises:
        BadParameter: the kernels are unknown, or cannot run here.
    """
    wanted = loading.kernels
    if wanted not in {"auto", "native", "onnx"}:
        raise BadParameter(f"kernels must be auto, native or onnx; got {wanted!r}")
    if wanted == "native" and (device, precision) != ("cpu", "int8"):
        raise BadParameter(f"kernels native are for int8 on the CPU; got {precision} on {device}")
    if device != "cpu" or precision not in {"int8", "fp32"}:
        return "torch"
    if precision == "int8" and wanted != "onnx":
        try:
            native.load("vnni")  # the portable ones are too slow to serve with
            return "native"
        except native.NotHere as why:
            if wanted == "native":
                raise BadParameter(f"kernels native: {why}") from None
            log.info("int8 runs on ONNX Runtime, not on the faster native kernels: %s", why)
    return "onnx"


def host_side(loading: Loading, device: str, precision: str) -> Computes | None:
    """What runs the parts that `loading` wants on the CPU while the others are on a card."""
    if not loading.cpu_offload or device == "cpu":
        return None
    precision = "fp32" if precision == "fp32" else "int8"
    return Computes("cpu", precision, kernels(replace(loading, kernels="auto"), "cpu", precision))


def plan_memory(config: VibeVoiceConfig, loading: Loading, prompts: Prompts) -> MemoryPlan:
    """The largest plan within `loading`: as many streams as wanted first, then the longest window.

    Raises:
        BadParameter: not even one stream fits, or a value is not allowed.
    """
    device, precision = device_and_precision(loading)
    main = Computes(device, precision, kernels(loading, device, precision))
    aside = host_side(loading, device, precision)
    windows = _windows(config, device, loading.kv_window)
    decoded_on = "cpu" if aside else device
    wanted = _STREAMS[decoded_on] if loading.streams is None else loading.streams
    if wanted < 1:
        raise BadParameter(f"streams must be at least 1; got {wanted}")
    smallest = None
    for streams in range(wanted, 0, -1):
        for window in windows:
            plan = _count(config, main, aside, streams, window, prompts)
            if loading.memory is None or plan.total <= loading.memory:
                return plan
            smallest = plan
    assert smallest is not None
    assert loading.memory is not None
    raise BadParameter(
        f"one stream needs {smallest.total / 1e6:,.0f} MB in {precision}; "
        f"{loading.memory / 1e6:,.0f} MB are there for it. "
        f"Ways out: {', or '.join(_ways_out(config, loading, smallest, prompts))}",
        field="memory_limit",
    )


def _ways_out(
    config: VibeVoiceConfig, loading: Loading, smallest: MemoryPlan, prompts: Prompts
) -> list[str]:
    """What would fit, three at most: first what changes least."""
    assert loading.memory is not None
    device, offloaded = smallest.device, bool(smallest.offloaded)
    fits: dict[str, int] = {}
    precisions = [smallest.precision, *(["int8"] if device == "cpu" else ["bf16"])]
    for precision, window, offload in itertools.product(
        dict.fromkeys(precisions),
        dict.fromkeys([smallest.window, _SHORT_WINDOW]),
        dict.fromkeys([offloaded, device != "cpu"]),
    ):
        changed = replace(loading, precision=precision, kernels="auto", cpu_offload=offload)
        by = kernels(changed, device, precision)
        aside = host_side(changed, device, precision)
        main = Computes(device, precision, by)
        total = _count(config, main, aside, 1, window, prompts).total
        said = [
            f"precision {precision}" if precision != smallest.precision else "",
            f"kv_window {window}" if window != smallest.window else "",
            f"kernels {by}" if by != smallest.kernels and precision == "int8" else "",
            "cpu_offload" if offload != offloaded else "",
        ]
        if total <= loading.memory and any(said):
            fits[" with ".join(filter(None, said)) + f" ({total / 1e6:,.0f} MB)"] = total
    ways = [max(fits, key=fits.__getitem__)] if fits else []
    ways.append(f"{(smallest.total - loading.memory) / 1e6:,.0f} MB more memory")
    return [*ways, "model compact, which needs some 350 MB in all"]


def _windows(config: VibeVoiceConfig, device: str, wanted: str) -> list[int]:
    """The windows to try, in positions, best first."""
    if wanted == "auto":
        full = _windows(config, device, "full") if device == "cuda" else []
        return [*full, _LONG_WINDOW, _SHORT_WINDOW]
    if wanted == "full":
        return [config.context // BLOCK * BLOCK]
    if not wanted.isdigit() or not 16 <= int(wanted) <= config.context:
        raise BadParameter(
            f"kv_window must be auto, full or 16 to {config.context} positions; got {wanted!r}"
        )
    return [-int(wanted) % BLOCK + int(wanted)]


def _count(
    config: VibeVoiceConfig, main: Computes, aside: Computes | None, streams: int, window: int,
    prompts: Prompts,
) -> MemoryPlan:  # fmt: skip
    """The plan of what `main` runs, and of what `aside` runs if it is not the same."""
    other = aside or main
    weights, others = _weights(config, main), _weights(config, other)
    named = {"language_model", "tts_language_model", "prediction_head", "decoder", "embed_tokens"}
    small = sum(size for name, size in weights.items() if name not in named)
    speech = 2 * window * _position_bytes(config.tts_lm, main.kept)
    text = window * _position_bytes(config.text_lm, other.kept)
    decoder = config.decoder
    state = decoder.state_width * other.wide
    # The last stage is the widest: hop frames of four times its channels, in its MLP.
    widest = decoder.hop * 4 * decoder.channels[-1] * other.wide
    workspace = _ACTIVATIONS[other.kernels] * widest + 2 * state
    counted = {  # of each part, what `main` holds, and what the other does
        "token embedding": (0, others["embed_tokens"]),
        "text LM": (0, others["language_model"]),
        "TTS LM": (weights["tts_language_model"], 0),
        "diffusion head": (weights["prediction_head"], 0),
        "acoustic decoder": (0, others["decoder"]),
        "connector, stop classifier": (small, 0),
        "voice prompts": (prompts.speech * main.kept, prompts.text * other.kept),
        "KV caches": (streams * speech, streams * text),
        "decoder state": (0, streams * state),
        "workspace": (0, (streams + 1) * workspace),
    }
    each = text + state + workspace
    if aside is None:
        parts, offloaded = {name: sum(sizes) for name, sizes in counted.items()}, {}
    else:
        parts = {name: here for name, (here, _) in counted.items() if here}
        offloaded = {name: there for name, (_, there) in counted.items() if there}
    return MemoryPlan(
        parts=parts,
        precision=main.precision,
        device=main.device,
        kernels=main.kernels,
        streams=streams,
        window=window,
        stream_bytes=speech if aside else speech + each,
        offloaded=offloaded,
    )


def _position_bytes(stack: TransformerConfig, size: int) -> int:
    """Keys and values of one position in all layers."""
    return 2 * stack.layers * stack.kv_heads * stack.head_dim * size


def _weights(config: VibeVoiceConfig, computes: Computes) -> Mapping[str, int]:
    if computes.kernels == "native":
        from vibevoice_pro.models.vibevoice.executors import native_layout

        return native_layout.weight_bytes(config)
    if computes.kernels == "onnx":
        from vibevoice_pro.models.vibevoice.executors.onnx_executor import weight_bytes

        return weight_bytes(config, int8=computes.precision == "int8")
    with torch.device("meta"):
        network = Network(config)
    return {
        name: computes.wide * sum(tensor.numel() for tensor in part.state_dict().values())
        for name, part in network.named_children()
    }
