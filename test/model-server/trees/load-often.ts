/** A program: loads a tree model, runs it and lets go of it, so many times, and prints how many KiB it then holds more. */
import { readFileSync } from "node:fs";

import { loadXgboost } from "../../../src/model-server/trees/xgboost.ts";

const [path = "", first, more] = process.argv.slice(2);
const bytes = readFileSync(path);
const memory = async () => {
  // Memories of WebAssembly are let go of a turn after they are found to be garbage.
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage.rss() / 1024;
};
async function load(times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    await using model = loadXgboost(bytes);
    const data = new Float32Array(30);
    await model.run(new Map([["features", { name: "features", type: "float32", shape: [1, 30], data }]]));
  }
}
await load(Number(first));
const before = await memory();
await load(Number(more));
console.log(Math.round((await memory()) - before));
