"""Ray Serve: `ray_server.py PORT WORKERS`, a replica per core, everything on loopback."""

import signal
import sys

import numpy
import onnx_model
import ray
from ray import serve
from ray.serve.schema import LoggingConfig
from starlette.requests import Request
from starlette.responses import Response

port, workers = map(int, sys.argv[1:])


@serve.deployment(num_replicas=workers, ray_actor_options={"num_cpus": 0.5}, max_ongoing_requests=100)
class Bench:
    def __init__(self):
        self._run = onnx_model.load()

    async def __call__(self, request: Request) -> Response:
        body = await request.body()
        row = numpy.fromstring(body.decode(), dtype=numpy.float32, sep=",")
        return Response(",".join(map(str, self._run(row.reshape(1, -1))[0].tolist())), media_type="text/csv")


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
quiet = LoggingConfig(enable_access_log=False, log_level="WARNING")
ray.init(_node_ip_address="127.0.0.1", include_dashboard=False, num_cpus=workers, configure_logging=False, log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config=quiet)
serve.run(Bench.options(logging_config=quiet).bind(), route_prefix="/invocations")
signal.pause()
