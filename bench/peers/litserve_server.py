"""LitServe: `litserve_server.py PORT WORKERS`, workers per device as many as cores."""

import sys

import litserve
import numpy
import onnx_model


class Bench(litserve.LitAPI):
    def setup(self, device):
        self._run = onnx_model.load()

    def decode_request(self, request):
        return numpy.array([request["input"]], dtype=numpy.float32)

    def predict(self, rows):
        return self._run(rows)

    def encode_response(self, output):
        return {"output": output[0].tolist()}


if __name__ == "__main__":
    port, workers = map(int, sys.argv[1:])
    server = litserve.LitServer(Bench(api_path="/invocations"), accelerator="cpu", workers_per_device=workers)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning", access_log=False)
