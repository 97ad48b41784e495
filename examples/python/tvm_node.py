"""A client of `tvm-node serve` for training loops: one file to copy, nothing but the standard library."""
import base64
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request


def tensor(values, shape, dtype="float32"):
    """A tensor of anything with bytes: array.array, a NumPy array, `tensor.detach().cpu().numpy()` of PyTorch."""
    return {"dtype": dtype, "shape": list(shape), "data": base64.b64encode(memoryview(values).cast("B")).decode()}


class Backend:
    """A network in training as it behaves on a board; the keys are those of the backend's configuration."""

    def __init__(self, url, token=None, **config):
        self.url, self.token = url.rstrip("/"), token or os.environ["TVM_NODE_TOKEN"]
        created = self.ask("POST", "/v1/backends", config)
        self.path, self.epochs = "/v1/backends/" + created["id"], created["upcoming"]

    def ask(self, method, path, body=None, **query):
        """One request; waits and tries again where the service has too much to do."""
        raw = body is None or isinstance(body, bytes)
        data = body if raw else json.dumps(body).encode()
        kind = "application/octet-stream" if raw else "application/json"
        url = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": kind}
        while True:
            try:
                with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as reply:
                    text = reply.read()
                    is_json = reply.headers.get_content_type() == "application/json"
                    return json.loads(text) if text and is_json else text
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503):
                    raise RuntimeError(error.read().decode()) from error
                time.sleep(float(error.headers.get("Retry-After", 1)))

    def epoch(self, export, batches, stage="validation"):
        """Evaluates an epoch if it is due: `export()` yields ONNX bytes, `batches` pairs of named inputs and outputs."""
        at = self.epochs[stage]["epoch"]
        hook = f"{self.path}/{stage}/"
        due = self.epochs[stage]["due"]
        self.ask("POST", hook + "start", export() if due else None, epoch=at)
        for index, (inputs, outputs) in enumerate(batches if due else []):
            self.ask("POST", hook + "batch", {"inputs": inputs, "outputs": outputs}, index=index)
        result = self.ask("POST", hook + "end", epoch=at)
        self.epochs = self.ask("GET", self.path)["upcoming"]
        return result

    def artifact(self):
        """The network that was prepared last, for `tvm-node run` and boards."""
        return self.ask("GET", self.path + "/artifact")

    def close(self):
        self.ask("DELETE", self.path)
