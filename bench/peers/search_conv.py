# The peer of bench/search-conv.mjs: auto_scheduler of Python TVM 0.18 on the same network with the same runner settings.
# Usage: python search_conv.py TRIALS SEED; prints one JSON object.
import json
import random
import sys
import tempfile
import time

import numpy as np
import tvm
from tvm import auto_scheduler, relay


def network():
    data = relay.var("data", shape=(1, 64, 56, 56))
    weight = relay.var("weight", shape=(64, 64, 3, 3))
    out = relay.nn.relu(relay.nn.conv2d(data, weight, padding=(1, 1), channels=64, kernel_size=(3, 3)))
    params = {"weight": np.random.rand(64, 64, 3, 3).astype("float32")}
    return tvm.IRModule.from_expr(relay.Function([data, weight], out)), params


if __name__ == "__main__":
    trials, seed = int(sys.argv[1]), int(sys.argv[2])
    random.seed(seed)
    np.random.seed(seed)
    mod, params = network()
    target = tvm.target.Target("llvm -mcpu=x86-64-v3")
    tasks, weights = auto_scheduler.extract_tasks(mod["main"], params, target)
    with tempfile.NamedTemporaryFile() as log:
        started = time.time()
        auto_scheduler.TaskScheduler(tasks, weights).tune(
            auto_scheduler.TuningOptions(
                num_measure_trials=trials,
                builder=auto_scheduler.LocalBuilder(timeout=10),
                runner=auto_scheduler.LocalRunner(
                    number=4, repeat=3, min_repeat_ms=20, enable_cpu_cache_flush=False
                ),
                measure_callbacks=[auto_scheduler.RecordToFile(log.name)],
                verbose=0,
            )
        )
        seconds = time.time() - started
        results = [r for _, r in auto_scheduler.load_records(log.name) if r.error_no == 0]
    costs = [float(np.mean([c.value for c in r.costs])) for r in results]
    print(json.dumps({"seconds": seconds, "best_ms": min(costs) * 1e3, "valid": len(costs)}))
