"""Cut a network into stages, so that one run of it can be spread over several steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnxruntime import InferenceSession, OrtValue

from vibevoice_pro.models.ort import session


@dataclass(frozen=True)
class Stage:
    """A part of a network.

    Attributes:
        network: what computes it.
        inputs, outputs: names of the tensors it takes and gives.
    """

    network: InferenceSession
    inputs: Sequence[str]
    outputs: Sequence[str]

    def run(self, tensors: Mapping[str, OrtValue]) -> dict[str, OrtValue]:
        """Compute the outputs from tensors, among which the inputs are."""
        inputs = {name: tensors[name] for name in self.inputs}
        outputs = self.network.run_with_ort_values(list(self.outputs), inputs)
        return dict(zip(self.outputs, outputs, strict=True))


def cut(
    model: onnx.ModelProto, inputs: Sequence[str], stages: Sequence[Mapping[str, int]]
) -> list[Stage]:
    """Cut a network at the tensors that are named.

    Args:
        model: the network.
        inputs: names of its inputs.
        stages: of each stage, the names of the tensors that it gives, and their types
            (`onnx.TensorProto.FLOAT`, …). It takes what earlier ones give, and the inputs.

    Raises:
        KeyError: the network has no such tensor.
    """
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    weights = {weight.name: weight for weight in graph.initializer}
    types = {i.name: i.type.tensor_type.elem_type for i in graph.input if i.name in inputs}
    found = []
    for outputs in stages:
        taken: list[str] = []
        nodes: dict[str, Any] = {}  # by their first output
        constants: dict[str, Any] = {}
        open_ = list(outputs)
        while open_:
            name = open_.pop()
            if not name or name in constants:
                continue
            if name in types:
                if name not in taken:
                    taken.append(name)
            elif name in weights:
                constants[name] = weights[name]
            elif (node := makers[name]).output[0] not in nodes:
                nodes[node.output[0]] = node
                open_ += node.input
        part = onnx.helper.make_graph(
            [node for node in graph.node if node.output[0] in nodes],
            "stage",
            [onnx.helper.make_tensor_value_info(name, types[name], None) for name in taken],
            [onnx.helper.make_tensor_value_info(name, of, None) for name, of in outputs.items()],
            list(constants.values()),
        )
        whole = onnx.helper.make_model(
            part, opset_imports=model.opset_import, ir_version=model.ir_version
        )
        found.append(Stage(session(whole.SerializeToString()), taken, list(outputs)))
        types |= outputs
    return found
