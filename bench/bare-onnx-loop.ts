/** The baseline of a model that takes all of a core: a bare process that runs it on one row after the other when told to. */
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";

const [model = "", rows = ""] = process.argv.slice(2);
const inputs = (JSON.parse(readFileSync(rows, "utf8")) as string[]).map((row) => {
  const values = Float32Array.from(row.split(","), Number);
  return new Tensor("float32", values, [1, values.length]);
});
const session = await InferenceSession.create(model, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
});
const name = session.inputNames[0]!;
await session.run({ [name]: inputs[0]! });

process.on("message", (milliseconds: number) => void runFor(milliseconds));
process.send?.("ready");

async function runFor(milliseconds: number): Promise<void> {
  const start = performance.now();
  let done = 0;
  while (performance.now() - start < milliseconds)
    await session.run({ [name]: inputs[done++ % inputs.length]! });
  process.send?.(done / ((performance.now() - start) / 1000));
}
