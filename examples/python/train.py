"""Trains a linear network with plain Python and has every second epoch checked on a board.

    npx tvm-node serve            # shows URL and token
    TVM_NODE_TOKEN=... python3 examples/python/train.py http://127.0.0.1:9290
"""
import array
import random
import sys

from tvm_node import Backend, tensor

INPUTS, OUTPUTS, BATCH = 16, 4, 32


def field(number, value):
    """A field of a Protocol Buffers message: a varint, bytes, or text."""
    def varint(n):
        return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def export_onnx(weights):
    """`y = x W` as an ONNX model; a framework has its own export."""
    def info(name, *shape):
        dims = b"".join(field(1, field(1, n)) for n in shape)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))
    data = array.array("f", weights).tobytes()
    weight = field(1, INPUTS) + field(1, OUTPUTS) + field(2, 1) + field(8, "w") + field(9, data)
    node = field(1, "x") + field(1, "w") + field(2, "y") + field(4, "MatMul")
    graph = field(1, node) + field(2, "linear") + field(5, weight)
    graph += field(11, info("x", 1, INPUTS)) + field(12, info("y", 1, OUTPUTS))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


def forward(weights, x):
    return [sum(x[i] * weights[i * OUTPUTS + o] for i in range(INPUTS)) for o in range(OUTPUTS)]


def samples():
    return [[random.uniform(-1, 1) for _ in range(INPUTS)] for _ in range(BATCH)]


def validation(weights):
    """Batches of named inputs, and what the network in training makes of them."""
    xs = samples()
    ys = [y for x in xs for y in forward(weights, x)]
    flat = [value for x in xs for value in x]
    yield ({"x": tensor(array.array("f", flat), [BATCH, INPUTS])}, {"y": tensor(array.array("f", ys), [BATCH, OUTPUTS])})


random.seed(1)
wanted = [random.uniform(-1, 1) for _ in range(INPUTS * OUTPUTS)]
weights = [0.0] * (INPUTS * OUTPUTS)
backend = Backend(sys.argv[1], name="linear, from Python", board="local_cpu", val_frequency=2, threads=1)
for epoch in range(5):
    for x in (x for _ in range(10) for x in samples()):
        errors = [y - t for y, t in zip(forward(weights, x), forward(wanted, x))]
        for i in range(INPUTS):
            for o in range(OUTPUTS):
                weights[i * OUTPUTS + o] -= 0.05 * x[i] * errors[o]
    result = backend.epoch(lambda: export_onnx(weights), validation(weights))
    mse = result.get("metrics", {}).get("val_backend_mse")
    print(f"epoch {epoch}: {result['status']}", result.get("reason", "") if mse is None else f"MSE {float(mse):.1e}")
with open(sys.argv[2] if len(sys.argv) > 2 else "linear.tvm", "wb") as file:
    file.write(backend.artifact())
backend.close()
