"""A BentoML service with adaptive batching, one worker per core."""

import os

import bentoml
import numpy
import onnx_model


@bentoml.service(workers=int(os.environ["BENCH_WORKERS"]), logging={"access": {"enabled": False}})
class Bench:
    def __init__(self) -> None:
        self._run = onnx_model.load()

    @bentoml.api(batchable=True)
    def invocations(self, rows: numpy.ndarray) -> numpy.ndarray:
        return self._run(rows.astype(numpy.float32))
