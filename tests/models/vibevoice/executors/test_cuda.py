"""What of the card's code runs without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.base import Loading
from vibevoice_pro.models.registry import load_model
from vibevoice_pro.models.vibevoice.executors.cuda import Bucketed, Call
from vibevoice_pro.models.vibevoice.network.network import Network


def test_rows_are_padded_to_a_bucket_and_each_is_captured_once(network: Network) -> None:
    captured: list[int] = []

    def capture(call: Call, inputs: Sequence[Tensor]) -> tuple[Callable[[], None], list[Tensor]]:
        """Runs the call again on the same tensors, into the same tensors, as a graph does."""
        captured.append(len(inputs[0]))
        outputs = [y.clone() for y in call(*inputs)]

        def replay() -> None:
            for held, y in zip(outputs, call(*inputs), strict=True):
                held.copy_(y)

        return replay, outputs

    generator = torch.Generator().manual_seed(0)
    decode = Bucketed(network.vocode, capture)
    width = network.config.decoder.state_width
    with torch.inference_mode():
        for rows in (3, 1, 4, 2, 3):
            latents = torch.randn(rows, 1, 16, generator=generator)
            state = torch.randn(rows, width, generator=generator)
            expected = network.vocode(latents, state)
            for ours, theirs in zip(decode(latents, state), expected, strict=True):
                assert ours.shape == theirs.shape
                torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert captured == [4, 1, 2]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_without_a_card_it_is_said() -> None:
    with pytest.raises(BadParameter, match="PyTorch finds no CUDA device here"):
        load_model("random:vibevoice-0.5b", Loading(device="cuda", streams=1))
