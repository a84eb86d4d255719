/** A program: loads a model, runs it and lets go of it, so many times, and prints how many KiB it then holds more. */
import { loadOnnx } from "../../src/model-server/onnx.ts";

const [path = "", first, more] = process.argv.slice(2);
const memory = () => {
  globalThis.gc?.();
  return process.memoryUsage.rss() / 1024;
};
async function load(times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    await using model = await loadOnnx(path, 1);
    const [input] = model.inputs;
    await model.run(
      new Map([
        [
          input!.name,
          { name: input!.name, type: "float32" as const, shape: [1, 30], data: new Float32Array(30) },
        ],
      ]),
    );
  }
}
await load(Number(first));
const before = memory();
await load(Number(more));
console.log(Math.round(memory() - before));
