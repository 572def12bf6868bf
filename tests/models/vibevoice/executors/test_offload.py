"""Embedding, text LM and decoder on the CPU; the card is played by PyTorch on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.vibevoice import DATA, copy_checkpoint, letter_tokenizer, speak
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import Loading
from vibevoice_pro.models.registry import load_model, plan_model
from vibevoice_pro.models.vibevoice.executors import cuda
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel

RANDOM = "random:vibevoice-0.5b"


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    copy_checkpoint(tmp_path)
    (tmp_path / "tokenizer.json").write_text(letter_tokenizer())
    voices = tmp_path / "voices"
    voices.mkdir()
    (voices / "en-Tiny_woman.safetensors").write_bytes((DATA / "voice.safetensors").read_bytes())
    return str(tmp_path)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A substitute for a card."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr(cuda, "CudaExecutor", lambda network: network)


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(("precision", "most"), [("fp32", 1e-3), ("bf16", 0.3)])
def test_it_says_the_same(checkpoint: str, precision: str, most: float) -> None:
    """In bf16, the host computes in int8."""

    def said(precision: str, device: str, **more: bool) -> np.ndarray:
        model = load_model(checkpoint, Loading(precision, device, streams=2, **more))
        assert isinstance(model, VibeVoiceModel)
        assert bool(model.plan.offloaded) == (device == "cuda")
        return speak(model, "the quick brown fox.")

    ours = said(precision, "cuda", cpu_offload=True)
    exact = said("fp32", "cpu")
    begin = slice(0, 3200)  # a difference grows from frame to frame
    assert np.std(ours[begin] - exact[begin]) < most * np.std(exact[begin])


def test_what_it_saves() -> None:
    """More than a gigabyte of the card; and the host needs less than that, in int8."""
    offloaded = plan_model(RANDOM, Loading(device="cuda", streams=2, cpu_offload=True))
    whole = plan_model(RANDOM, Loading(device="cuda", streams=2))
    assert whole.total - offloaded.total > 1_000_000_000
    assert sum(offloaded.offloaded.values()) < whole.total - offloaded.total
    names = {"token embedding", "text LM", "acoustic decoder"}
    assert not names & offloaded.parts.keys()
    assert names <= offloaded.offloaded.keys()
    assert offloaded.stream_bytes < whole.stream_bytes


def test_it_is_a_way_out_on_a_card_that_is_too_small() -> None:
    with pytest.raises(BadParameter, match=r"Ways out: .*cpu_offload"):
        plan_model(RANDOM, Loading(device="cuda", streams=1, memory=1_100_000_000))


def test_without_a_card_there_is_nothing_to_offload() -> None:
    offloaded = plan_model(RANDOM, Loading(device="cpu", streams=2, cpu_offload=True))
    assert offloaded == plan_model(RANDOM, Loading(device="cpu", streams=2))
    assert not offloaded.offloaded
