"""Loading: what is missing, surplus or wrongly shaped is named with what was expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.vibevoice import CHECKPOINT, DATA, empty_network
from vibevoice_pro.errors import BadCheckpoint
from vibevoice_pro.models.vibevoice.assets.weights import Checkpoint, checkpoint_name
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.network import Network


def build(config: VibeVoiceConfig, folder: Path, dtype: torch.dtype | None = None) -> Network:
    network = empty_network(config)
    Checkpoint(network, folder, dtype).fill(network, "")
    return network


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    return load_file(CHECKPOINT / "model.safetensors")


def test_several_files_are_one_checkpoint(
    config: VibeVoiceConfig, network: Network, tensors: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    names = sorted(tensors)
    for i in range(3):
        save_file({n: tensors[n] for n in names[i::3]}, tmp_path / f"model-{i}-of-3.safetensors")
    split = build(config, tmp_path)
    assert all(map(torch.equal, split.state_dict().values(), network.state_dict().values()))


def test_missing_surplus_and_wrong(
    config: VibeVoiceConfig, tensors: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    name = "model.acoustic_connector.fc1.weight"
    save_file({n: t for n, t in tensors.items() if n != name}, tmp_path / "a.safetensors")
    with pytest.raises(BadCheckpoint, match=r"1 tensors are missing: .*fc1.weight \[64, 16\]"):
        build(config, tmp_path)
    save_file({**tensors, name: torch.zeros(64, 17)}, tmp_path / "a.safetensors")
    with pytest.raises(BadCheckpoint, match=r"fc1.weight is \[64, 17\], expected \[64, 16\]"):
        build(config, tmp_path)
    save_file({**tensors, "model.extra": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(BadCheckpoint, match=r"unknown: model.extra"):
        build(config, tmp_path)
    encoder = {"model.acoustic_tokenizer.encoder.head.weight": torch.zeros(1)}
    save_file({**tensors, **encoder}, tmp_path / "a.safetensors")
    build(config, tmp_path)  # an encoder is there in some copies, and not needed


def test_damaged_and_empty(config: VibeVoiceConfig, tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="holds no"):
        build(config, tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(BadCheckpoint, match="damaged"):
        build(config, tmp_path)


def test_type_is_converted_and_progress_told(config: VibeVoiceConfig) -> None:
    told: list[tuple[int, int]] = []
    network = empty_network(config)
    tell = lambda done, total: told.append((done, total))  # noqa: E731
    Checkpoint(network, CHECKPOINT, torch.bfloat16, tell).fill(network, "")
    assert {p.dtype for p in network.parameters()} == {torch.bfloat16}
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


def test_names_are_those_of_the_true_checkpoint(config: VibeVoiceConfig) -> None:
    """Every parameter of a network of the true size has the published name and shape."""
    true = VibeVoiceConfig.read(CHECKPOINT / "config.json")
    published = json.loads((DATA / "true_tensors.json").read_text())
    network = empty_network(true_size(true))
    ours = {checkpoint_name(n): list(t.shape) for n, t in network.state_dict().items()}
    skipped = {"model.tts_language_model.embed_tokens.weight"}
    assert ours == {n: shape for n, shape in published.items() if n not in skipped}


def true_size(config: VibeVoiceConfig) -> VibeVoiceConfig:
    from vibevoice_pro.models.vibevoice.network.config import (
        DecoderConfig,
        HeadConfig,
        TransformerConfig,
    )

    lm = TransformerConfig(896, 4, 14, 2, 4864, 1e6, 1e-6)
    tts = TransformerConfig(896, 20, 14, 2, 4864, 1e6, 1e-6)
    head = HeadConfig(896, 64, 4, 2688, 1e-5, 1000)
    decoder = DecoderConfig(
        64, (2048, 1024, 512, 256, 128, 64, 32), (8, 3, 3, 3, 3, 3, 3), (8, 5, 5, 4, 2, 2), 1e-5
    )
    return VibeVoiceConfig(lm, tts, head, decoder, 151936, 8192)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "llama"}, "model_type must be 'vibevoice_streaming'"),
        ({"decoder_config": None}, "wrong value|missing"),
        ({"tts_backbone_num_hidden_layers": "many"}, "wrong value"),
    ],
)
def test_bad_configs(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    data = json.loads((CHECKPOINT / "config.json").read_text())
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**data, **change}))
    with pytest.raises(BadCheckpoint, match=message):
        VibeVoiceConfig.read(path)
    del data["decoder_config"]
    path.write_text(json.dumps(data))
    with pytest.raises(BadCheckpoint, match="'decoder_config' is missing"):
        VibeVoiceConfig.read(path)
    path.write_text("{")
    with pytest.raises(BadCheckpoint, match="is not JSON"):
        VibeVoiceConfig.read(path)
    with pytest.raises(BadCheckpoint, match="No such file"):
        VibeVoiceConfig.read(tmp_path / "none.json")
