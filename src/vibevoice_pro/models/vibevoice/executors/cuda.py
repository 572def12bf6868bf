"""The network on a CUDA GPU: streams, events, graphs and pinned memory.

Written against PyTorch's documentation and **not run on a GPU yet**. What runs without one is
tested: the loop passes the same stages on a CPU, and `Bucketed` with a substitute for a graph.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.executors.base import Parts, Place, Stage
from vibevoice_pro.models.vibevoice.network.network import Network

_AFTER: dict[Stage, Stage | None] = {"text": None, "acoustic": "text", "vocoder": "acoustic"}
"""The stage that each stage waits for. The acoustic model does not wait for the vocoder, so that a
latent is decoded while the language model reads it."""

_WARM_UP_CALLS = 3  # before a capture, for libraries that initialize on first use

Call = Callable[..., Sequence[Tensor]]
Capture = Callable[[Call, Sequence[Tensor]], tuple[Callable[[], None], Sequence[Tensor]]]
"""(call, inputs) → a function that runs the call on the same tensors again, and its outputs."""


def capture_graph(
    call: Call, inputs: Sequence[Tensor]
) -> tuple[Callable[[], None], Sequence[Tensor]]:
    """Capture a call as a CUDA graph."""
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(_WARM_UP_CALLS):
            call(*inputs)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = call(*inputs)
    return graph.replay, outputs


class Bucketed:
    """A call with fixed shapes for each bucket of rows, 1, 2, 4, 8, …; inputs are padded.

    Results are valid until the next call: they are in the bucket's own memory.
    """

    def __init__(self, call: Call, capture: Capture = capture_graph) -> None:
        self._call = call
        self._capture = capture
        self._buckets: dict[
            tuple[torch.Size, ...], tuple[list[Tensor], Callable[[], None], Sequence[Tensor]]
        ] = {}

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """Run it; all inputs and outputs have the same number of rows."""
        rows = len(inputs[0])
        padded = 1 << (rows - 1).bit_length()
        shapes = tuple(torch.Size((padded, *x.shape[1:])) for x in inputs)
        if shapes not in self._buckets:
            held = [x.new_zeros(shape) for x, shape in zip(inputs, shapes, strict=True)]
            self._buckets[shapes] = (held, *self._capture(self._call, held))
        held, run, outputs = self._buckets[shapes]
        for mine, given in zip(held, inputs, strict=True):
            mine[:rows].copy_(given, non_blocking=True)
        run()
        return [y[:rows] for y in outputs]


class CudaExecutor(Parts):
    """An `Executor` on one GPU: PyTorch, parts captured as graphs, a CUDA stream for each stage."""

    reads_ahead = True
    together = 1

    def __init__(self, network: Network) -> None:
        """Move the parts of a network that have their weights to the GPU."""
        self._device = torch.device("cuda")
        self.config = network.config
        self.dtype = network.dtype
        for part in network.children():
            if not any(tensor.is_meta for tensor in part.state_dict().values()):
                part.to(self._device)
        self._network = network
        self._streams = {s: torch.cuda.Stream() for s in _AFTER}  # type: ignore[no-untyped-call]
        self._done = {s: torch.cuda.Event() for s in _AFTER}  # type: ignore[no-untyped-call]
        self._blocks: dict[tuple[str, int], Bucketed] = {}
        self._shifts = Bucketed(lambda x: [network.shifts(x)])
        self._velocity = Bucketed(lambda *x: [network.velocity(*x)])
        self._decode = Bucketed(network.vocode)
        self._connect = Bucketed(lambda x: [network.connect(x)])

    @property
    def places(self) -> Mapping[Stage, Place]:
        """See `Executor`."""
        return dict.fromkeys(_AFTER, Place(self._device, self.dtype))

    @property
    def input_types(self) -> Tensor:
        """What is added at a speech position and at a text position, (2, H)."""
        return self._network.input_types

    @contextlib.contextmanager
    def stage(self, name: Stage, *used: Tensor) -> Iterator[None]:
        """Inside, work is queued for this stage, after all work queued for the one before it."""
        stream, before = self._streams[name], _AFTER[name]
        if before is not None:
            stream.wait_event(self._done[before])
        for tensor in used:
            tensor.record_stream(stream)
        with torch.cuda.stream(stream):
            yield
            self._done[name].record(stream)

    def wait(self, name: Stage) -> None:
        """Wait until everything queued for a stage is done."""
        self._done[name].synchronize()

    def put(self, tensor: Tensor) -> Tensor:
        """Copy a tensor from the host to the device; may return before it is done."""
        return tensor.pin_memory().to(self._device, non_blocking=True)

    def fetch(self, tensor: Tensor) -> Tensor:
        """Copy a tensor to the host; done when `wait` for the stage returns."""
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        return host.copy_(tensor, non_blocking=True)

    def embed(self, ids: Tensor) -> Tensor:
        """Token ids (N,) on the host → (N, H)."""
        return self._network.embed(self.put(ids))

    def text_block(
        self, index: int, x: Tensor, mixed: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """One layer of the text language model."""
        return self._block("text", self._network.text_block, index, x, mixed)

    def speech_block(
        self, index: int, x: Tensor, mixed: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """One layer of the speech language model."""
        return self._block("speech", self._network.speech_block, index, x, mixed)

    def _block(
        self, stack: str, block: Callable[..., tuple[Tensor, Tensor | None]], index: int,
        x: Tensor, mixed: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        def call(*given: Tensor) -> Sequence[Tensor]:
            first, second = block(index, given[0], given[1] if len(given) > 1 else None)
            return [first] if second is None else [first, second]

        captured = self._blocks.setdefault((stack, index), Bucketed(call))
        first, *second = captured(x) if mixed is None else captured(x, mixed)
        return first, second[0] if second else None

    def condition(self, hidden: Tensor) -> Tensor:
        """Hidden states of the TTS LM (B, hidden) → their part of the condition, fp32."""
        return self._network.condition(hidden)

    def timestep(self, time: int) -> Tensor:
        """The timestep's part of the condition, (hidden,), fp32."""
        return self._network.timestep(time)

    def shifts(self, condition: Tensor) -> Tensor:
        """Conditions (B, hidden) → shifts (B, S), the input of `velocity`."""
        return self._shifts(condition)[0]

    def velocity(self, latent: Tensor, shifts: Tensor) -> Tensor:
        """(B, latent), (B, S) → (B, latent), fp32."""
        return self._velocity(latent, shifts)[0]

    def vocode(self, latents: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Latents to waveform, with the state of the decoder."""
        audio, state = self._decode(latents, state)
        return audio, state

    def connect(self, latents: Tensor) -> Tensor:
        """Latents (B, latent) as sampled → (B, H), what the TTS LM reads at a speech position."""
        return self._connect(latents)[0]

    def stop(self, hidden: Tensor) -> Tensor:
        """(B, H) → (B,), the stop classifier's logit; positive: stop."""
        return self._network.stop(hidden)
