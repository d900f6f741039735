"""MiniLM-L6 as an ONNX graph, from its weights: token ids [1, t] in, token vectors [1, t, 384] out.

Written by hand, because the exporters need torch. Agrees with sentence-transformers to 1.5e-7 before quantisation.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LAYERS = 6
HEADS = 12
WIDTH = 384
EPSILON = 1e-12
OPSET = 17
IR_VERSION = 9

Weights = Mapping[str, NDArray[np.float32]]


class _Graph:
    """Nodes and constants as they are added; an output name stands for its tensor."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def linear(self, x: str, name: str) -> str:
        weight = self.constant(f"{name}.weight", self.weights[f"{name}.weight"].T)
        bias = self.constant(f"{name}.bias", self.weights[f"{name}.bias"])
        return self.op("Add", self.op("MatMul", x, weight), bias)

    def normal(self, x: str, name: str) -> str:
        weight = self.constant(f"{name}.weight", self.weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", self.weights[f"{name}.bias"])
        return self.op("LayerNormalization", x, weight, bias, axis=-1, epsilon=EPSILON)


def build(weights: Weights) -> onnx.ModelProto:
    graph = _Graph(weights)
    x = _embeddings(graph)
    shapes = (
        graph.constant("by_head", np.array([0, 0, HEADS, WIDTH // HEADS])),
        graph.constant("joined", np.array([0, 0, WIDTH])),
    )
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        x = _attention(graph, x, layer, *shapes)
        x = _feed_forward(graph, x, layer)
    graph.nodes.append(helper.make_node("Identity", [x], ["vectors"]))
    return _model(graph)


def _embeddings(graph: _Graph) -> str:
    words = graph.constant("words", graph.weights["embeddings.word_embeddings.weight"])
    places = graph.weights["embeddings.position_embeddings.weight"]
    kinds = graph.weights["embeddings.token_type_embeddings.weight"][0]
    # A slice of the table: position ids made by Shape -> Range -> Gather trip a fusion bug of ONNX Runtime.
    start, end = graph.constant("one", np.array([1])), graph.constant("two", np.array([2]))
    zero = graph.constant("zero", np.array([0]))
    count = graph.op("Slice", graph.op("Shape", "ids"), start, end, zero)
    place = graph.op("Slice", graph.constant("places", places + kinds), zero, count, zero)
    return graph.normal(graph.op("Add", graph.op("Gather", words, "ids", axis=0), place), "embeddings.LayerNorm")


def _attention(graph: _Graph, x: str, layer: str, by_head: str, joined: str) -> str:
    query, key, value = (
        graph.op("Reshape", graph.linear(x, f"{layer}.attention.self.{part}"), by_head)
        for part in ("query", "key", "value")
    )
    query = graph.op("Transpose", query, perm=[0, 2, 1, 3])
    key = graph.op("Transpose", key, perm=[0, 2, 3, 1])
    value = graph.op("Transpose", value, perm=[0, 2, 1, 3])
    scale = graph.constant(f"{layer}.scale", np.array((WIDTH // HEADS) ** -0.5, np.float32))
    shares = graph.op("Softmax", graph.op("Mul", graph.op("MatMul", query, key), scale), axis=-1)
    mixed = graph.op("Transpose", graph.op("MatMul", shares, value), perm=[0, 2, 1, 3])
    output = graph.linear(graph.op("Reshape", mixed, joined), f"{layer}.attention.output.dense")
    return graph.normal(graph.op("Add", output, x), f"{layer}.attention.output.LayerNorm")


def _feed_forward(graph: _Graph, x: str, layer: str) -> str:
    inner = graph.linear(x, f"{layer}.intermediate.dense")
    half, one, root = (
        graph.constant(f"{layer}.{name}", np.array(value, np.float32))
        for name, value in (("half", 0.5), ("one", 1.0), ("root", 2**0.5))
    )
    gate = graph.op("Add", graph.op("Erf", graph.op("Div", inner, root)), one)
    gelu = graph.op("Mul", graph.op("Mul", inner, gate), half)
    return graph.normal(graph.op("Add", graph.linear(gelu, f"{layer}.output.dense"), x), f"{layer}.output.LayerNorm")


def _model(graph: _Graph) -> onnx.ModelProto:
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])
    vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, [1, "tokens", WIDTH])
    whole = helper.make_graph(graph.nodes, "minilm", [ids], [vectors], graph.constants)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model
