# The peer of bench/peers.mjs: Python TVM 0.18. Reads one JSON object a line, answers each with one.
#   {"model": FILE, "mcpu": CPU or "native"} builds:   {"seconds", "cpu_seconds", "peak_mb"}
#   {"runs": N}                              measures: {"ms": [...]}
# TVM_NUM_THREADS says with how many threads. Imports of Python's modules are not part of a build.
import json
import logging
import resource
import sys
import time

import numpy as np
import onnx
import tvm
from onnx import numpy_helper
from tvm import relay
from tvm.contrib import graph_executor

DTYPES = {i: np.dtype(onnx.helper.tensor_dtype_to_np_dtype(i)) for i in (1, 2, 3, 6, 7, 9, 11)}


def inputs_of(model):
    given = {i.name for i in model.graph.initializer}
    random = np.random.default_rng(0)
    inputs = {}
    for value in model.graph.input:
        if value.name in given:
            continue
        tensor = value.type.tensor_type
        shape = [d.dim_value or 1 for d in tensor.shape.dim]
        dtype = DTYPES[tensor.elem_type]
        inputs[value.name] = random.random(shape).astype(dtype)
    return inputs


def build(path, mcpu):
    inputs = inputs_of(onnx.load(path))
    if mcpu == "native":
        mcpu = tvm.target.codegen.llvm_get_system_cpu()
    started, cpu = time.time(), time.process_time()
    shapes = {name: value.shape for name, value in inputs.items()}
    mod, params = relay.frontend.from_onnx(onnx.load(path), shapes, freeze_params=True)
    with tvm.transform.PassContext(opt_level=3):
        library = relay.build(mod, target=tvm.target.Target("llvm -mcpu=" + mcpu), params=params)
    answer = {
        "seconds": time.time() - started,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    executor = graph_executor.GraphModule(library["default"](tvm.cpu()))
    for name, value in inputs.items():
        executor.set_input(name, value)
    return executor, answer


def measure(executor, runs):
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        executor.run()
        executor.get_output(0).numpy()
        times.append((time.perf_counter() - started) * 1e3)
    return {"ms": times}


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    executor = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "model" in request:
                executor, answer = build(request["model"], request["mcpu"])
            else:
                answer = measure(executor, request["runs"])
        except Exception as error:  # The other side decides what a failure means.
            answer = {"error": f"{type(error).__name__}: {str(error)[-300:]}"}
        print(json.dumps(answer), flush=True)
