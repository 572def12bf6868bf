"""Loading: what is missing, surplus or wrongly shaped is named with what was expected."""

from __future__ import annotations

import json
from pathlib import Path

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
    with pytest.raises(BadCheckpoint, match=r"has no \*.safetensors file"):
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


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_numbers_that_are_not_finite(
    config: VibeVoiceConfig, tensors: dict[str, torch.Tensor], tmp_path: Path, value: float,
    dtype: torch.dtype,
) -> None:  # fmt: skip
    name = "model.language_model.layers.0.mlp.down_proj.weight"
    tensors[name] = tensors[name].to(dtype)
    tensors[name][-1, -1] = value
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(BadCheckpoint, match=f"{name} holds numbers that are not finite"):
        build(config, tmp_path)


def test_numbers_of_another_type(
    config: VibeVoiceConfig, tensors: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    name = "model.acoustic_connector.fc1.weight"
    save_file({**tensors, name: tensors[name].to(torch.int8)}, tmp_path / "a.safetensors")
    with pytest.raises(BadCheckpoint, match=r"fc1.weight is I8, expected BF16, F16, F32"):
        build(config, tmp_path)


HUGE = 10**9
WHOLE = "must be a whole number from 1 to"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("model_type", "llama", "must be 'vibevoice_streaming'; got 'llama'"),
        ("decoder_config", None, "must be an object; got None"),
        ("tts_backbone_num_hidden_layers", "many", "from 1 to 4; got 'many'"),
        ("tts_backbone_num_hidden_layers", 5, f"{WHOLE} 4; got 5"),
        ("decoder_config.hidden_size", HUGE, "from 2 to 16384; got 1000000000"),
        ("decoder_config.num_hidden_layers", -1, "from 2 to 256; got -1"),
        ("decoder_config.num_attention_heads", 0, f"{WHOLE} 256; got 0"),
        ("decoder_config.num_attention_heads", 3, "must be such that"),
        ("decoder_config.num_key_value_heads", 0, f"{WHOLE} 4; got 0"),
        ("decoder_config.num_key_value_heads", 3, "must be a divisor of 4; got 3"),
        ("decoder_config.intermediate_size", HUGE, f"{WHOLE} 131072"),
        ("decoder_config.rope_theta", float("inf"), "must be a number from 1 to 1e+12; got inf"),
        ("decoder_config.rms_norm_eps", float("nan"), "from 1e-12 to 1; got nan"),
        ("decoder_config.vocab_size", True, f"{WHOLE} 4194304; got True"),
        ("decoder_config.max_position_embeddings", HUGE, "from 16 to 1048576"),
        ("diffusion_head_config.head_layers", HUGE, f"{WHOLE} 64; got 1000000000"),
        ("diffusion_head_config.head_ffn_ratio", float("inf"), "from 0.01 to 64; got inf"),
        ("diffusion_head_config.hidden_size", 65, "must be 64, as in the rest of the file; got 65"),
        ("diffusion_head_config.latent_size", HUGE**9, "must be 16"),
        ("diffusion_head_config.ddpm_num_steps", HUGE, "from 101 to 10000"),
        ("acoustic_tokenizer_config.decoder_depths", str(HUGE), "must be 7 whole numbers"),
        ("acoustic_tokenizer_config.decoder_depths", "1-1-1-1-1-1-1000000000", "from 1 to 99"),
        ("acoustic_tokenizer_config.decoder_depths", "1-" * 10**6, "must be 7 whole numbers"),
        ("acoustic_tokenizer_config.encoder_depths", 3, "must be 7 whole numbers"),
        ("acoustic_tokenizer_config.decoder_ratios", [2, 0], "1 to 8 whole numbers from 1 to 64"),
        ("acoustic_tokenizer_config.decoder_ratios", [2] * 99, "1 to 8 whole numbers from 1 to 64"),
        ("acoustic_tokenizer_config.decoder_ratios", "8", "1 to 8 whole numbers"),
        ("acoustic_tokenizer_config.decoder_ratios", [64] * 8, "a product up to 24000"),
        ("acoustic_tokenizer_config.decoder_n_filters", HUGE, f"{WHOLE} 512"),
        ("acoustic_tokenizer_config.vae_dim", 1.5, f"{WHOLE} 4096; got 1.5"),
    ],
)  # fmt: skip
def test_fields_outside_their_range(
    tmp_path: Path, field: str, value: object, message: str
) -> None:
    data = json.loads((CHECKPOINT / "config.json").read_text())
    *sections, name = field.split(".")
    inner = data
    for section in sections:
        inner = inner[section]
    inner[name] = value
    path = tmp_path / "config.json"
    path.write_text(json.dumps(data))
    with pytest.raises(BadCheckpoint) as caught:
        VibeVoiceConfig.read(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: {field} must be ")
    assert message in said
    assert len(said) < len(str(path)) + 200


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    data = json.loads((CHECKPOINT / "config.json").read_text())
    path = tmp_path / "config.json"
    for name in ("decoder_config", "diffusion_head_config", "tts_backbone_num_hidden_layers"):
        path.write_text(json.dumps({k: v for k, v in data.items() if k != name}))
        with pytest.raises(BadCheckpoint, match=f"config.json: the field '{name}' is missing"):
            VibeVoiceConfig.read(path)
    del data["diffusion_head_config"]["head_layers"]
    path.write_text(json.dumps(data))
    with pytest.raises(BadCheckpoint, match=r"'diffusion_head_config.head_layers' is missing"):
        VibeVoiceConfig.read(path)
    for content in ("{", "", "\xff", "[" * 100_000, '{"a":' * 100_000, "1" * 10_000):
        path.write_text(content, encoding="latin-1")
        with pytest.raises(BadCheckpoint, match=r"config.json is not JSON"):
            VibeVoiceConfig.read(path)
    path.write_text("[]")
    with pytest.raises(BadCheckpoint, match="model_type must be"):
        VibeVoiceConfig.read(path)
    with pytest.raises(BadCheckpoint, match="No such file"):
        VibeVoiceConfig.read(tmp_path / "none.json")
