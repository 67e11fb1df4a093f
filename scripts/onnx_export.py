"""Export a network to ONNX, for programs that know neither Keras nor Python.

Reads model.keras. Writes model.onnx, which takes and gives what model.keras does and holds
pleura.json in its metadata. The same model gives the same bits.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from cxr.files import megabytes
from cxr.log import job_log, say
from cxr.model_file import MEMBER, read_facts
from cxr.weights import Network, read_network

OPSET = 20  # the first with Gelu
INPUT, OUTPUT = "image", "probability"
ABOUT = (
    "Takes X-rays prepared as the metadata say, float32 (n, side, side, 1), and gives the "
    "probability of a pleural effusion, float32 (n, 1). Research and teaching only: not a medical "
    "device."
)
OPERATORS = {
    "relu": "Relu",
    "elu": "Elu",
    "selu": "Selu",
    "gelu": "Gelu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "max": "MaxPool",
    "average": "AveragePool",
}


def graph_of(network: Network) -> onnx.GraphProto:
    """A network as operators of ONNX, each named after its output."""
    nodes, arrays = [], []

    def add(operator: str, *inputs: str, **attributes: object) -> str:
        name = f"{operator.lower()}_{len(nodes) + 1}"
        nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def weights(array: np.ndarray) -> str:
        name = f"weights_{len(arrays) + 1}"
        arrays.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def activate(activation: str, x: str) -> str:
        if activation == "leaky_relu":
            return add("LeakyRelu", x, alpha=0.2)
        if activation == "silu":
            return add("Mul", x, add("Sigmoid", x))
        return add(OPERATORS[activation], x)

    x = add("Transpose", INPUT, perm=[0, 3, 1, 2])
    for layer in network.convolutions:
        kernel, bias = weights(layer.kernel.transpose(3, 2, 0, 1)), weights(layer.bias)
        x = add("Conv", x, kernel, bias, strides=[layer.stride] * 2, auto_pad="SAME_UPPER")
        x = activate(layer.activation, x)
        if layer.pooling != "none":
            x = add(OPERATORS[layer.pooling], x, kernel_shape=[2, 2], strides=[2, 2])
    head = add("GlobalAveragePool", x)
    if network.head == "average_max":
        head = add("Concat", head, add("GlobalMaxPool", x), axis=1)
    x = add("Flatten", head)
    for layer in network.dense:
        x = activate(layer.activation, add("Gemm", x, weights(layer.kernel), weights(layer.bias)))
    add("Identity", x)
    nodes[-1].output[0] = OUTPUT
    side = network.side
    inputs = helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, ["n", side, side, 1])
    outputs = helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, ["n", 1])
    return helper.make_graph(nodes, "pleura", [inputs], [outputs], arrays)


def onnx_export(model: Path, output: Path) -> None:
    """Write model.onnx.

    Args:
        model: model.keras.
        output: model.onnx to write.

    Raises:
        UserError: The model is none of pleura's.
    """
    facts = read_facts(model)
    exported = helper.make_model(
        graph_of(read_network(model)),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=9,  # that of this opset; programs refuse later ones than they know
        producer_name="pleura",
        doc_string=ABOUT,
    )
    helper.set_model_props(exported, {MEMBER: json.dumps(facts)})
    onnx.checker.check_model(exported, full_check=True)
    onnx.save(exported, output)
    say(f"{output}: {megabytes(Path(output).stat().st_size)}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        onnx_export(model=snakemake.input.model, output=snakemake.output[0])
