"""A custom runtime of MLServer, asked in its own protocol (V2, JSON)."""

import onnx_model
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Bench(MLModel):
    async def load(self) -> bool:
        self._run = onnx_model.load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        output = NumpyCodec.encode_output("probabilities", self._run(rows))
        return InferenceResponse(model_name=self.name, outputs=[output])
