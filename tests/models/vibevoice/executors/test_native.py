"""The native kernels against PyTorch, part by part, and where they cannot run."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

from tests.support.vibevoice import (
    CHECKPOINT,
    Filled,
    empty_network,
    native_executor,
)
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import Loading
from vibevoice_pro.models.registry import plan_model
from vibevoice_pro.models.vibevoice.assets.random_weights import PUBLISHED
from vibevoice_pro.models.vibevoice.assets.voices import Branch, VoicePrompt
from vibevoice_pro.models.vibevoice.assets.weights import Checkpoint
from vibevoice_pro.models.vibevoice.executors import native
from vibevoice_pro.models.vibevoice.executors.base import on_host
from vibevoice_pro.models.vibevoice.executors.native_executor import NativeExecutor
from vibevoice_pro.models.vibevoice.executors.native_layout import weight_bytes
from vibevoice_pro.models.vibevoice.network.attention import Prompt
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.network import Network
from vibevoice_pro.models.vibevoice.network.transformer import Layer
from vibevoice_pro.models.vibevoice.state import Caches

LARGEST = 0.08
"""Relative error of int8, by root mean square; a wrong place or a wrong mask gives far more."""

CLOSE = 1e-3
"""The same of one instruction set against another."""


def build(config: VibeVoiceConfig, isa: native.Isa) -> NativeExecutor:
    network = empty_network(config)
    return native_executor(network, Checkpoint(network, CHECKPOINT), isa)


@pytest.fixture(scope="module", params=["portable", "vnni"])
def isa(request: pytest.FixtureRequest) -> native.Isa:
    isa: native.Isa = request.param
    return isa


@pytest.fixture(scope="module")
def executor(config: VibeVoiceConfig, isa: native.Isa) -> NativeExecutor:
    return build(config, isa)


def error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).square().mean().sqrt() / theirs.square().mean().sqrt())


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("window", [256, 16])
@torch.inference_mode()
def test_language_model(
    executor: NativeExecutor, network: Network, config: VibeVoiceConfig, voice: VoicePrompt,
    window: int,
) -> None:  # fmt: skip
    """Rows of different lengths over 40 passes; the short window is outlived several times."""
    ours = Caches(config, 3, window, places=executor.places)
    theirs = Caches(config, 3, window)
    held = executor.hold(voice)
    for _ in range(3):
        ours.take(held)
        theirs.take(voice)
    for i in range(40):
        slots, counts = ([1, 4], [6, 1]) if i % 3 == 0 else ([0, 2, 3], [1, 1, 1])
        x = drawn(sum(counts), config.tts_lm.hidden, seed=i)
        one = executor.read_speech(x, ours.speech, slots, counts)
        other = network.read_speech(x, theirs.speech, slots, counts)
        assert ours.speech.written == theirs.speech.written
        assert error(one, other) < LARGEST, f"pass {i}"
    x = drawn(7, config.text_lm.hidden)
    one = executor.read_text(x, ours.text, [2, 0], [5, 2])
    assert error(one, network.read_text(x, theirs.text, [2, 0], [5, 2])) < LARGEST


@torch.inference_mode()
def test_keys_and_values_too_large_for_fp16(
    network: Network, voice: VoicePrompt, isa: native.Isa
) -> None:
    """They become the largest there are; nothing becomes infinite."""
    network = copy.deepcopy(network)
    layer = network.tts_language_model.layers[0]
    assert isinstance(layer, Layer)
    layer.self_attn.k_proj.bias.fill_(1e6)
    layer.self_attn.v_proj.bias.fill_(-1e6)
    executor = native_executor(network, Filled(), isa)
    held = executor.hold(voice)
    prompt = voice["tts_lm"].prompt
    large = Branch(voice["tts_lm"].hidden, Prompt(prompt.keys * 1e6, prompt.values * 1e6))
    held |= executor.hold({"tts_lm": large})
    caches = Caches(network.config, 1, 16, places=executor.places)
    caches.take(held)
    for i in range(3):
        x = drawn(2, network.config.tts_lm.hidden, seed=i)
        assert executor.read_speech(x, caches.speech, [0, 1], [1, 1]).isfinite().all()
    assert caches.speech.layers.isfinite().all()
    assert float(caches.speech.layers.abs().max()) == torch.finfo(torch.float16).max


@pytest.mark.parametrize("slots", [[0], [2, 0, 3], [*range(13)]])
@torch.inference_mode()
def test_decoder(executor: NativeExecutor, network: Network, slots: Sequence[int]) -> None:
    """Its state goes on from latent to latent, in place; other streams are not touched."""
    width = executor.config.decoder.state_width
    ours, theirs = (torch.zeros(14, width) for _ in range(2))
    for i in range(4):
        latents = drawn(len(slots), 1 + i % 2, executor.config.decoder.latent, seed=i)
        one = executor.decode(latents, ours, slots)
        assert error(one, network.decode(latents, theirs, slots)) < LARGEST
        assert error(ours, theirs) < LARGEST
    assert not ours[13].any()


@torch.inference_mode()
def test_a_listener_hears_the_same_whoever_else_is_there(executor: NativeExecutor) -> None:
    """To the bit: sums are exact, and a row's rounding depends on that row alone."""
    config = executor.config.decoder
    latents = drawn(5, 1, config.latent)
    alone, together = (torch.zeros(5, config.state_width) for _ in range(2))
    one = torch.cat([executor.decode(latents[i : i + 1], alone, [i]) for i in range(5)])
    assert torch.equal(one, executor.decode(latents, together, [*range(5)]))
    assert torch.equal(alone, together)
    latents = drawn(1, 3, config.latent)
    one = torch.cat([executor.decode(latents[:, i : i + 1], alone, [0]) for i in range(3)], dim=1)
    assert torch.equal(one, executor.decode(latents, together, [0])), "several at once"
    assert torch.equal(alone, together)


@torch.inference_mode()
def test_diffusion_head(executor: NativeExecutor, network: Network) -> None:
    for rows in (2, 6, 16):
        hidden = drawn(rows, executor.config.head.hidden)
        latent = drawn(rows, executor.config.head.latent, seed=1)
        condition = network.condition(hidden) + network.timestep(750)
        assert torch.allclose(executor.condition(hidden), network.condition(hidden), atol=1e-5)
        shifts = network.shifts(condition)
        assert error(executor.shifts(condition), shifts) < LARGEST
        assert error(executor.velocity(latent, shifts), network.velocity(latent, shifts)) < LARGEST


@torch.inference_mode()
def test_instruction_sets_agree(
    config: VibeVoiceConfig, network: Network, voice: VoicePrompt
) -> None:
    """The decoder to the bit; sigmoids differ in the last bits, which may move a rounded byte."""
    one, other = build(config, "portable"), build(config, "vnni")
    states = [torch.zeros(5, config.decoder.state_width) for _ in range(2)]
    for i in range(3):
        latents = drawn(5, 1 + i % 2, config.decoder.latent, seed=i)
        audio = [
            e.decode(latents, s, [*range(5)]) for e, s in zip((one, other), states, strict=True)
        ]
        assert torch.equal(*audio)
        assert torch.equal(*states)
    hidden = drawn(6, config.head.hidden)
    assert torch.equal(one.condition(hidden), other.condition(hidden))
    condition = network.condition(hidden) + network.timestep(750)
    assert error(one.shifts(condition), other.shifts(condition)) < CLOSE
    shifts, latent = network.shifts(condition), drawn(6, config.head.latent, seed=1)
    assert error(one.velocity(latent, shifts), other.velocity(latent, shifts)) < CLOSE
    caches = [Caches(config, 2, 16, places=on_host(torch.float16, torch.float32)) for _ in range(2)]
    for held, executor in zip(caches, (one, other), strict=True):
        for _ in range(2):
            held.take(executor.hold(voice))
    for i in range(12):
        x = drawn(6, config.tts_lm.hidden, seed=i)
        ours, theirs = (
            e.read_speech(x, c.speech, [0, 3], [5, 1])
            for e, c in zip((one, other), caches, strict=True)
        )
        assert error(ours, theirs) < CLOSE, f"pass {i}"


def test_weights_are_counted_as_they_are_kept(
    executor: NativeExecutor, config: VibeVoiceConfig
) -> None:
    # The recorded checkpoint is fp32; a published one keeps its embedding in bf16.
    published = executor.weight_bytes - 2 * config.vocab * config.tts_lm.hidden
    assert sum(weight_bytes(config).values()) == published
    assert 0.9e9 < sum(weight_bytes(PUBLISHED).values()) < 1.1e9


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """As if nothing had been compiled or loaded on this machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    native.load.cache_clear()
    yield monkeypatch
    native.load.cache_clear()


def compiler(path: Path, script: str) -> str:
    """A command that does as `script` says, with the output file as $out."""
    path.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done; out=$2\n' + script)
    path.chmod(0o755)
    return str(path)


def test_a_processor_without_the_instructions(fresh: pytest.MonkeyPatch) -> None:
    """ONNX Runtime does the work; the portable kernels are too slow for that."""
    fresh.setattr(native, "processor_flags", lambda: frozenset({"avx2"}))
    with pytest.raises(native.NotHere, match="this processor has no avx512f, "):
        native.load("vnni")
    loading = Loading(precision="int8", device="cpu")
    assert plan_model("random:vibevoice-0.5b", loading).kernels == "onnx"
    wanted = Loading(precision="int8", device="cpu", kernels="native")
    with pytest.raises(BadParameter, match=r"kernels native: this processor has no avx512f, "):
        plan_model("random:vibevoice-0.5b", wanted)


def test_no_compiler(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(native, "processor_flags", lambda: frozenset(native.VNNI))
    fresh.delenv("CXX", raising=False)
    fresh.setenv("PATH", "")
    with pytest.raises(native.NotHere, match=r"there is no C\+\+ compiler"):
        native.load()
    loading = Loading(precision="int8", device="cpu", kernels="native")
    with pytest.raises(BadParameter, match=r"kernels native: there is no C\+\+ compiler"):
        plan_model("random:vibevoice-0.5b", loading)


def test_a_compiler_that_fails_leaves_nothing_behind(
    fresh: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fresh.setenv("CXX", "false")
    with pytest.raises(native.NotHere, match="false could not compile the native kernels"):
        native.load("portable")
    assert [*(tmp_path / "vibevoice-pro").iterdir()] == []


def test_compiled_once(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A compiled library is kept on disk, and taken from there by the next process."""
    real = shutil.which("c++")
    if real is None:
        pytest.skip("there is no C++ compiler")
    calls = tmp_path / "calls"
    script = tmp_path / "cxx"
    script.write_text(f'#!/bin/sh\necho called >> {calls}\nexec {real} "$@"\n')
    script.chmod(0o755)
    fresh.setenv("CXX", str(script))
    for _ in range(2):
        native.load("portable")
        native.load.cache_clear()
    assert calls.read_text() == "called\n"


def test_a_library_that_cannot_be_loaded(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fresh.setenv("CXX", compiler(tmp_path / "cxx", 'echo "cut short" > "$out"'))
    with pytest.raises(native.NotHere, match="cannot be loaded, remove it"):
        native.load("portable")
