"""Build ONNX graphs directly from PyTorch weights, in floating point or int8, and run them.

int8: weights are quantized per output channel, inputs per row at run time, products are summed as
integers. A row's result depends on that row alone. Source: Jacob et al., Quantization and
Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference (2017), arXiv
1712.05877; inputs per row: Yao et al., ZeroQuant (2022), arXiv 2206.01861.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from vibevoice_pro.models.vibevoice.network.transformer import RMSNorm

_LEVELS = 127
_ZERO = 128  # of inputs, which are unsigned
_FUSED = "com.microsoft"
_OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid(_FUSED, 1)]
_FORMAT = 9  # ONNX IR version
_TINY = 1e-12  # lower bound of a scale, for rows of zeros
_FAR = 2**31
_LARGE = 1024  # bytes; larger weights are passed outside the serialized graph
_THREADS = 8  # at most for one graph; more would only wait for each other


@functools.lru_cache(maxsize=1)
def _share_arena() -> None:
    """Let all sessions share one arena that grows by what is needed, not in powers of two."""
    on_cpu = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    settings = onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1})
    onnxruntime.create_and_register_allocator(on_cpu, settings)


class Graph:
    """A graph under construction; methods add nodes and return the name of their output.

    Args:
        int8: whether linear maps that ask for it are quantized.
        signed: whether quantized weights are signed, see `exact_signed`.
        threads: number of threads it will run on.
    """

    def __init__(self, int8: bool, signed: bool, threads: int) -> None:
        self._int8 = int8
        self._signed = signed
        self._threads = threads
        self._nodes: list[Any] = []
        self._inputs: list[Any] = []
        self._weights: list[Any] = []
        self._large: dict[str, onnxruntime.OrtValue] = {}
        self._quantized: dict[str, tuple[str, str]] = {}
        self._count = 0

    def input(self, *shape: int | str) -> str:
        """An fp32 input; variable sizes are given by name."""
        name = f"input{len(self._inputs)}"
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def constant(self, value: Tensor) -> str:
        """A weight; floating-point ones become fp32."""
        value = value.detach()
        array = (value.float() if value.is_floating_point() else value).contiguous().numpy()
        name = f"weight{len(self._weights)}"
        if array.nbytes > _LARGE:  # handed over as it is, not through the serialized graph
            self._large[name] = onnxruntime.OrtValue.ortvalue_from_numpy(array)
            tensor = TensorProto(
                name=name, dims=array.shape, data_location=TensorProto.EXTERNAL,
                data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
            )  # fmt: skip
            tensor.external_data.add(key="location", value="memory")
            self._weights.append(tensor)
        else:
            self._weights.append(numpy_helper.from_array(array, name))
        return name

    def integers(self, *values: int) -> str:
        """Constant integers, such as a shape."""
        return self.constant(torch.tensor(values, dtype=torch.int64))

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """A node with one output."""
        return self.split(kind, 1, *inputs, domain=domain, **attributes)[0]

    def split(
        self, kind: str, outputs: int, *inputs: str, domain: str = "", **attributes: Any
    ) -> list[str]:
        """A node with several outputs."""
        names = [f"{kind}{self._count}_{i}" for i in range(outputs)]
        self._count += 1
        self._nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names

    def reshape(self, x: str, *shape: int) -> str:
        """Change the shape; 0 keeps a size, −1 is inferred."""
        return self.op("Reshape", x, self.integers(*shape))

    def slice(self, x: str, start: int, end: int | None, axis: int) -> str:
        """A slice along an axis, as in Python."""
        end = _FAR if end is None else end
        return self.op("Slice", x, *(self.integers(n) for n in (start, end, axis)))

    def norm(self, x: str, norm: RMSNorm) -> str:
        """Root mean square norm, fp32."""
        width = torch.ones(norm.width) if norm.weight is None else norm.weight
        return self.op(
            "SimplifiedLayerNormalization", x, self.constant(width), axis=-1, epsilon=norm.eps
        )

    def silu(self, x: str) -> str:
        """x·sigmoid(x)."""
        return self.op("QuickGelu", x, domain=_FUSED, alpha=1.0)

    def gelu(self, x: str) -> str:
        """x·Φ(x), with erf."""
        return self.op("Gelu", x, domain=_FUSED)

    def linear(self, x: str, weight: Tensor, bias: Tensor | None = None, int8: bool = True) -> str:
        """x·weightᵀ + bias, with weight (out, in); `int8`: quantized where the graph is."""
        y = self._int8_product(x, weight) if int8 and self._int8 else self.op(
            "MatMul", x, self.constant(weight.float().T)
        )  # fmt: skip
        return y if bias is None else self.op("Add", y, self.constant(bias))

    def _int8_product(self, x: str, weight: Tensor) -> str:
        level = self.constant(torch.tensor(1 / _LEVELS))
        zero = self.constant(torch.tensor(_ZERO, dtype=torch.uint8))
        if x not in self._quantized:  # once for all maps of one input
            largest = self.op("ReduceMax", self.op("Abs", x), axes=[-1], keepdims=1)
            largest = self.op("Max", largest, self.constant(torch.tensor(_TINY)))
            rounded = self.op("QuantizeLinear", self.op("Div", x, largest), level, zero)
            self._quantized[x] = rounded, largest
        rounded, largest = self._quantized[x]
        weight = weight.float()
        scale = weight.abs().amax(dim=1).clamp(min=_TINY) / _LEVELS
        kind, middle = (torch.int8, 0) if self._signed else (torch.uint8, _ZERO)
        levels = (weight / scale[:, None]).round_().add_(middle).to(kind).T
        y = self.op(
            "MatMulIntegerToFloat", rounded, self.constant(levels), level, self.constant(scale),
            zero, self.constant(torch.tensor(middle, dtype=kind)), domain=_FUSED,
        )  # fmt: skip
        return self.op("Mul", y, largest)

    def compile(self, *outputs: tuple[str, Sequence[int | str]]) -> Compiled:
        """Compile it; each output is given with its shape."""
        infos = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs
        ]
        graph = helper.make_graph(self._nodes, "graph", self._inputs, infos, self._weights)
        model = helper.make_model(graph, opset_imports=_OPSETS, ir_version=_FORMAT)
        _share_arena()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = min(self._threads, _THREADS)
        # Threads of one graph must not spin while another graph runs.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
        if self._large:
            options.add_external_initializers([*self._large], [*self._large.values()])
        return Compiled(
            onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        )


class Counter(Graph):
    """Counts the bytes of a graph's weights without building it; takes meta tensors too."""

    def __init__(self, int8: bool) -> None:
        super().__init__(int8, signed=False, threads=1)
        self.bytes = 0

    def again(self) -> Counter:
        """Begin the next graph; the count goes on."""
        self._quantized.clear()
        return self

    def constant(self, value: Tensor) -> str:
        """A weight; floating-point ones become fp32."""
        size = 4 if value.is_floating_point() else value.element_size()
        self.bytes += value.numel() * size
        return "weight"

    def compile(self, *outputs: tuple[str, Sequence[int | str]]) -> Compiled:
        """A placeholder that cannot run."""
        return Compiled(None)


class Compiled:
    """A graph that runs on the CPU: fp32 tensors in, fp32 tensors out.

    Results are valid until the next call, which reuses their memory.
    """

    def __init__(self, session: onnxruntime.InferenceSession | None) -> None:
        self._session = session
        self._inputs = [(i.name, i.shape) for i in session.get_inputs()] if session else []
        self._outputs = [(o.name, o.shape) for o in session.get_outputs()] if session else []
        self._memory = [torch.empty(0)] * len(self._outputs)

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """Run it, without copies of inputs or outputs."""
        assert self._session is not None
        binding = self._session.io_binding()
        sizes: dict[str, int] = {}
        kept = [x.contiguous() for x in inputs]  # alive until it has run
        for (name, shape), x in zip(self._inputs, kept, strict=True):
            binding.bind_input(name, "cpu", 0, np.float32, x.shape, x.data_ptr())
            sizes |= {s: n for s, n in zip(shape, x.shape, strict=True) if isinstance(s, str)}
        results = []
        for i, (name, shape) in enumerate(self._outputs):
            real = [sizes[s] if isinstance(s, str) else s for s in shape]
            count = math.prod(real)
            if self._memory[i].numel() < count:
                self._memory[i] = torch.empty(count)
            result = self._memory[i][:count].view(real)
            binding.bind_output(name, "cpu", 0, np.float32, real, result.data_ptr())
            results.append(result)
        self._session.run_with_iobinding(binding)
        return results


@functools.lru_cache(maxsize=1)
def exact_signed(threads: int) -> bool:
    """Whether ONNX Runtime sums products with signed int8 weights exactly on this processor.

    Without VNNI or the like it adds pairs of products in 16 bits, which saturates. With unsigned
    weights it takes another path that is exact and some 20 % slower. Determined by a trial.
    """
    graph = Graph(int8=True, signed=True, threads=threads)
    x, weight = torch.ones(2, 64), torch.ones(8, 64)
    y = graph.linear(graph.input("rows", 64), weight)
    return torch.allclose(graph.compile((y, ("rows", 8)))(x)[0], x @ weight.T, rtol=1e-4)
