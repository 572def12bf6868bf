"""The parts against public implementations of the same."""

from __future__ import annotations

import re

import pytest
import torch

from vibevoice_pro.models.vibevoice.network.attention import KVCache, Prompt
from vibevoice_pro.models.vibevoice.network.codec import Decoder
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.network.diffusion import sampler_plan
from vibevoice_pro.models.vibevoice.network.network import Network
from vibevoice_pro.models.vibevoice.network.transformer import run_layers


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 10, 20, 50])
def test_sampler_is_diffusers_solver(steps: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    solver = diffusers.DPMSolverMultistepScheduler(
        num_train_timesteps=1000, algorithm_type="sde-dpmsolver++", solver_order=2,
        beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction",
    )  # fmt: skip
    solver.set_timesteps(steps)
    plan = sampler_plan(steps)
    assert solver.timesteps.tolist() == [s.timestep for s in plan]
    generator = torch.Generator().manual_seed(steps)
    theirs = ours = torch.randn(4, 16, generator=generator)
    before = torch.zeros_like(ours)
    for step, time in zip(plan, solver.timesteps, strict=True):
        velocity = torch.randn(4, 16, generator=generator)
        noise = torch.randn(4, 16, generator=generator)
        theirs = solver.step(velocity, time, theirs, variance_noise=noise).prev_sample
        clean = step.alpha * ours - step.sigma * velocity
        ours = (
            step.keep * ours
            + step.now * clean
            + step.before * (clean - before)
            + step.noise * noise
        )
        before = clean
    torch.testing.assert_close(ours, theirs, rtol=2e-4, atol=2e-4)


def test_transformer_is_qwen2(network: Network, config: VibeVoiceConfig) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = config.tts_lm
    theirs = transformers.Qwen2Model(
        transformers.Qwen2Config(
            hidden_size=sizes.hidden, intermediate_size=sizes.mlp, num_hidden_layers=sizes.layers,
            num_attention_heads=sizes.heads, num_key_value_heads=sizes.kv_heads,
            rms_norm_eps=sizes.norm_eps, rope_theta=sizes.rope_theta, vocab_size=8,
            rope_parameters={"rope_type": "default", "rope_theta": sizes.rope_theta},
            max_position_embeddings=8192,
        )
    ).eval()  # fmt: skip
    ours = network.tts_language_model
    missing, surplus = theirs.load_state_dict(ours.state_dict(), strict=False)
    assert (missing, surplus) == (["embed_tokens.weight"], [])
    x = torch.randn(2, 11, sizes.hidden, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = theirs(inputs_embeds=x).last_hidden_state
        # Begin with one prompt position each, taken from their first position's keys and values.
        cache = KVCache(sizes, 2, 64, torch.float32)
        past = theirs(inputs_embeds=x[:, :1], use_cache=True).past_key_values
        layers = [(layer.keys, layer.values) for layer in past.layers]
        for row in range(2):
            keys, values = (torch.stack([pair[i][row] for pair in layers]) for i in (0, 1))
            cache.begin(row, Prompt(keys, values))
        spans = [slice(1, 6), *(slice(i, i + 1) for i in range(6, 11))]
        parts = [
            run_layers(
                sizes,
                ours.block,
                x[:, span].flatten(0, 1),
                cache,
                [0, 1],
                [x[:, span].shape[1]] * 2,
            )
            for span in spans
        ]
        out = torch.cat([part.view(2, -1, sizes.hidden) for part in parts], dim=1)
    torch.testing.assert_close(out, expected[:, 1:], rtol=1e-4, atol=1e-5)


def test_decoder_is_transformers_acoustic_tokenizer(network: Network) -> None:
    transformers = pytest.importorskip("transformers")
    name = "VibeVoiceAcousticTokenizerDecoderModel"
    if not hasattr(transformers, name):
        pytest.skip("this version of transformers does not have it")
    decoder: Decoder = network.decoder
    config = decoder.config
    theirs = getattr(transformers, name)(
        transformers.VibeVoiceAcousticTokenizerDecoderConfig(
            hidden_size=config.latent, num_filters=config.channels[-1],
            downsampling_ratios=[*reversed(config.ratios)], depths=[*config.depths],
            rms_norm_eps=config.norm_eps,
        )
    ).eval()  # fmt: skip
    renamed = {}
    for ours, tensor in decoder.state_dict().items():
        named = re.sub(r"^(stem|head)\.", r"\1.conv.", ours)
        named = named.replace("stem.conv.", "stem.conv.conv.")
        named = re.sub(r"^stages\.0\.", "stem.stage.", named)
        named = re.sub(r"^stages\.(\d+)\.", lambda m: f"conv_layers.{int(m[1]) - 1}.stage.", named)
        named = re.sub(r"^upsamples\.(\d+)\.", r"conv_layers.\1.convtr.convtr.", named)
        named = re.sub(r"\.(linear[12])\.", r".ffn.\1.", named)
        renamed[named.replace(".mixer.", ".mixer.conv.")] = tensor
    theirs.load_state_dict(renamed)
    latents = torch.randn(2, 7, config.latent, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        ours, _ = decoder(latents, torch.zeros(2, config.state_width))
        expected = theirs(latents.transpose(1, 2)).audio.squeeze(1)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


def test_decoder_streams_as_it_decodes_whole(network: Network) -> None:
    decoder: Decoder = network.decoder
    latents = torch.randn(2, 9, 16, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        whole, _ = decoder(latents, torch.zeros(2, decoder.config.state_width))
        state, parts = torch.zeros(2, decoder.config.state_width), []
        at = 0
        for size in (1, 1, 2, 5):
            part, state = decoder(latents[:, at : at + size], state)
            parts.append(part)
            at += size
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=1e-4, atol=1e-5)
    assert whole.shape == (2, 9 * 3200)


def test_upsampling_is_a_transposed_convolution(network: Network) -> None:
    layer = network.decoder.upsamples[0]
    x = torch.randn(1, 6, layer.weight.shape[0], generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        ours, _ = layer(x, torch.zeros(1, 1, x.shape[2]))
        theirs = torch.nn.functional.conv_transpose1d(
            x.transpose(1, 2), layer.weight, layer.bias, stride=layer.stride
        )[..., : -layer.stride].transpose(1, 2)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
