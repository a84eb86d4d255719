/** The baseline of a deployment: a bare process that loads the same model and asks it once. */
import { InferenceSession, Tensor } from "onnxruntime-node";

const session = await InferenceSession.create(process.argv[2] ?? "", {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});
await session.run({ [session.inputNames[0]!]: new Tensor("float32", new Float32Array(30), [1, 30]) });
