"""Every recorded run of the reference, number for number."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import torch
from safetensors import safe_open

from tests.support.vibevoice import CHECKPOINT, DATA, empty_network
from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt
from vibevoice_pro.models.vibevoice.assets.weights import Checkpoint
from vibevoice_pro.models.vibevoice.executors.base import Executor
from vibevoice_pro.models.vibevoice.executors.offload import OffloadingExecutor
from vibevoice_pro.models.vibevoice.executors.onnx_executor import OnnxExecutor
from vibevoice_pro.models.vibevoice.generation import Frame, step
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.network import Network, StopClassifier
from vibevoice_pro.models.vibevoice.state import Caches, Speaker, open_speaker

CASES = ("basic", "after_text", "eos", "one_token", "steps8")
TOLERANCE = 1e-4


@dataclass
class Case:
    """A recorded run, and what we make of it."""

    name: str
    tensors: dict[str, torch.Tensor]
    metadata: dict[str, str]
    frames: list[Frame] = field(default_factory=list)

    @property
    def length(self) -> int:
        return int(self.metadata["frames"])

    @property
    def ids(self) -> list[int]:
        return [int(i) for i in self.tensors["text_ids"]]

    def noise(self, frame: int, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The recorded draws; past the end of the recording, zeros."""
        if frame >= self.length:
            return torch.zeros(16), torch.zeros(steps, 16)
        return self.tensors["noise_init"][frame], self.tensors["noise_steps"][frame]

    def check(self) -> None:
        """Compare all frames with the recording."""
        ours = {
            "positive_condition": torch.stack([f.positive for f in self.frames]),
            "negative_condition": torch.stack([f.negative for f in self.frames]),
            "latents": torch.stack([f.latent for f in self.frames]),
            "audio": torch.stack([f.audio for f in self.frames]),
        }
        for name, tensor in ours.items():
            recorded = self.tensors[name]
            assert tensor.shape == recorded.shape, (self.name, name)
            error = (tensor - recorded).abs().max() / recorded.abs().max()
            assert error < TOLERANCE, f"{self.name}: {name} differs by {error:.2e}"


def load(name: str) -> Case:
    with safe_open(DATA / f"case_{name}.safetensors", framework="pt") as file:
        names = file.keys()
        return Case(name, {n: file.get_tensor(n) for n in names}, file.metadata())


class WithBias:
    """The tiny checkpoint, with the stop classifier's bias that a case was recorded with."""

    def __init__(self, network: Network, case: Case) -> None:
        self._weights = Checkpoint(network, CHECKPOINT)
        self._bias = float(case.metadata["eos_bias"])

    def fill(self, part: torch.nn.Module, name: str) -> None:
        self._weights.fill(part, name)
        if isinstance(part, StopClassifier):
            part.fc2.bias.data.fill_(self._bias)


def compiled(config: VibeVoiceConfig, case: Case, int8: bool = False) -> OnnxExecutor:
    network = empty_network(config)
    return OnnxExecutor(network, WithBias(network, case), int8, threads=2)


@contextmanager
def stop_bias(network: Network, case: Case) -> Iterator[None]:
    """The recording was made with its own bias of the stop classifier."""
    bias = network.tts_eos_classifier.fc2.bias
    before = bias.clone()
    bias.fill_(float(case.metadata["eos_bias"]))
    yield
    bias.copy_(before)


def begin(caches: Caches, voice: VoicePrompt, case: Case) -> Speaker:
    cfg, steps = float(case.metadata["cfg_scale"]), int(case.metadata["steps"])
    return open_speaker(caches, voice, cfg, steps, case.noise)


Feed = Callable[[Speaker, Sequence[int]], None]


def whole(speaker: Speaker, ids: Sequence[int]) -> None:
    speaker.tokens += ids
    speaker.complete = True


def run(
    network: Executor, voice: VoicePrompt, cases: Sequence[Case], singly: bool = False,
    positions: int = 256,
) -> None:  # fmt: skip
    """Speak all cases in one batch, until each is as long as its recording or has stopped.

    `singly`: text comes token by token, each only when the speaker waits for it.
    """
    caches = Caches(network.config, len(cases), positions, network.places)
    voice = network.hold(voice)
    speakers = [begin(caches, voice, case) for case in cases]
    left = [case.ids for case in cases]
    if not singly:
        for speaker, case in zip(speakers, cases, strict=True):
            whole(speaker, case.ids)
    for _ in range(10_000):
        turn = []
        for i, (speaker, case) in enumerate(zip(speakers, cases, strict=True)):
            caller_stops = case.metadata["stopped_by"] == "caller"
            if speaker.stopped or (caller_stops and len(case.frames) == case.length):
                continue
            while singly and not speaker.ready:
                if left[i]:
                    speaker.tokens.append(left[i].pop(0))
                else:
                    speaker.complete = True
            turn.append((speaker, case))
        if not turn:
            break
        for (_, case), frame in zip(turn, step(network, caches, [s for s, _ in turn]), strict=True):
            if frame is not None:
                case.frames.append(frame)
    for speaker in speakers:
        caches.give_back(speaker.slot)
    assert caches.free == len(cases)


@pytest.mark.parametrize("singly", [False, True], ids=["whole", "token by token"])
@pytest.mark.parametrize("name", CASES)
def test_recorded_run(network: Network, voice: VoicePrompt, name: str, singly: bool) -> None:
    case = load(name)
    with stop_bias(network, case):
        run(network, voice, [case], singly)
    case.check()


@pytest.mark.parametrize("name", CASES)
def test_recorded_run_in_compiled_graphs(
    config: VibeVoiceConfig, voice: VoicePrompt, name: str
) -> None:
    case = load(name)
    run(compiled(config, case), voice, [case])
    case.check()


def test_different_runs_in_one_batch_of_compiled_graphs(
    config: VibeVoiceConfig, voice: VoicePrompt
) -> None:
    cases = [load(name) for name in CASES if name != "eos"]
    run(compiled(config, cases[0]), voice, cases)
    for case in cases:
        case.check()


def test_recorded_run_on_two_executors(network: Network, voice: VoicePrompt) -> None:
    """Embedding, text LM and decoder on the host, all else on a card that computes in fp64.

    A tensor that passes between them in any other way than it should has the wrong type.
    """
    case, short = load("basic"), load("eos")
    with stop_bias(network, case):
        run(OffloadingExecutor(copy.deepcopy(network).double(), network), voice, [case])
    with stop_bias(network, short):
        card = copy.deepcopy(network).double()
        run(OffloadingExecutor(card, network), voice, [short, load("eos")])
    case.check()
    short.check()


def test_reading_latents_ahead_changes_nothing(
    network: Network, voice: VoicePrompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a card, where the TTS LM reads a latent while the vocoder decodes it."""
    monkeypatch.setattr(network, "reads_ahead", True, raising=False)
    case, short = load("basic"), load("eos")
    with stop_bias(network, case):
        run(network, voice, [case])
    with stop_bias(network, short):
        run(network, voice, [short])
    case.check()
    short.check()


def test_different_runs_in_one_batch(network: Network, voice: VoicePrompt) -> None:
    """Different lengths, cfg, numbers of steps; one stops while the others go on."""
    cases = [load(name) for name in CASES if name != "eos"]
    with stop_bias(network, cases[0]):
        run(network, voice, cases)
    for case in cases:
        case.check()


def test_stopping_in_a_batch(network: Network, voice: VoicePrompt) -> None:
    first, second = load("eos"), load("eos")
    with stop_bias(network, first):
        run(network, voice, [first, second])
    for case in (first, second):
        case.check()
        assert len(case.frames) == 31


def test_a_window_is_exact_until_something_is_dropped(network: Network, voice: VoicePrompt) -> None:
    full, windowed = load("basic"), load("basic")
    with stop_bias(network, full):
        run(network, voice, [full])
        run(network, voice, [windowed], positions=32)
    pairs = list(zip(full.frames, windowed.frames, strict=True))
    # A window of text takes 5 positions and its speech 6: after 17 frames 32 positions are in use.
    assert all(torch.allclose(a.latent, b.latent, atol=1e-5) for a, b in pairs[:18])
    assert not torch.allclose(pairs[-1][0].latent, pairs[-1][1].latent, atol=1e-5)
    assert all(torch.isfinite(b.audio).all() for _, b in pairs)


def test_a_stream_goes_on_far_beyond_the_context(network: Network, voice: VoicePrompt) -> None:
    """Positions grow without end; what the model sees of them stays within prompt and window."""
    caches = Caches(network.config, 2, 16)

    def noise(frame: int, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(frame)
        return torch.randn(16, generator=generator), torch.randn(steps, 16, generator=generator)

    young, old = (open_speaker(caches, voice, 1.5, 2, noise) for _ in range(2))
    young.complete = old.complete = True
    with stop_bias(network, load("basic")):
        for _ in range(40):
            step(network, caches, [young, old])
        for slot in (old.slot, old.slot + 2):
            shift(network, caches, slot, 7_000_000 * 16)  # as if half a year had passed
        for _ in range(40):
            frames = step(network, caches, [young, old])
    first, second = frames
    assert first is not None
    assert second is not None
    torch.testing.assert_close(first.latent, second.latent, rtol=1e-3, atol=1e-4)


def shift(network: Network, caches: Caches, slot: int, by: int) -> None:
    """Move a slot's keys `by` positions on, as if they had been written there."""
    from vibevoice_pro.models.vibevoice.network.attention import rotary, rotate

    config = network.config.tts_lm
    turn = rotary(torch.tensor([[by]]), config.head_dim, config.rope_theta)
    for layer in caches.speech.layers:
        keys = layer[slot, : config.kv_heads]
        keys.copy_(rotate(keys[None], *turn)[0])
    caches.speech.written[slot] += by
