"""The peer of rpc.mjs: TVM's own client. usage: rpc-client.py HOST PORT KEY CALLS MEGABYTES"""

import json
import sys
import time

from tvm import rpc

host, port, key, calls, megabytes = sys.argv[1:]
remote = rpc.connect(host, int(port), key)
function = remote.get_function("runtime.GetDeviceAttr")
function(1, 0, 0)
begin = time.perf_counter()
for _ in range(int(calls)):
    function(1, 0, 0)
call_us = (time.perf_counter() - begin) / int(calls) * 1e6
data = bytearray(int(megabytes) * 1000000)
begin = time.perf_counter()
remote.upload(data, target="data")
rate = int(megabytes) / (time.perf_counter() - begin)
print(json.dumps({"call_us": call_us, "upload_mb_s": rate}))
