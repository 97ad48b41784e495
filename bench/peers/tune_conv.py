# The peer of bench/tune-conv.mjs: autotvm of Python TVM 0.18 on the same convolution with the same runner settings.
# Usage: python tune_conv.py TRIALS SEED; prints one JSON object.
import json
import logging
import random
import sys
import time

import numpy as np
import tvm
from tvm import autotvm, relay
from tvm.autotvm.tuner import XGBTuner


def convolution():
    data = relay.var("data", shape=(1, 64, 56, 56))
    weight = relay.var("weight", shape=(64, 64, 3, 3))
    out = relay.nn.conv2d(data, weight, padding=(1, 1), channels=64, kernel_size=(3, 3))
    return tvm.IRModule.from_expr(relay.Function([data, weight], out))


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    trials, seed = int(sys.argv[1]), int(sys.argv[2])
    random.seed(seed)
    np.random.seed(seed)
    target = tvm.target.Target("llvm -mcpu=x86-64-v3")
    (task,) = autotvm.task.extract_from_program(convolution()["main"], target=target, params={})
    runner = autotvm.LocalRunner(number=4, repeat=3, timeout=10, min_repeat_ms=20)
    costs = []
    started = time.time()
    XGBTuner(task, loss_type="reg").tune(
        n_trial=trials,
        measure_option=autotvm.measure_option(builder=autotvm.LocalBuilder(timeout=10), runner=runner),
        callbacks=[lambda _, __, results: costs.extend(np.mean(r.costs) for r in results if r.error_no == 0)],
    )
    seconds = time.time() - started
    print(json.dumps({"seconds": seconds, "best_ms": min(costs) * 1e3, "valid": len(costs)}))
