import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { boostedTrees } from "../../../bench/models/boosted-trees.ts";
import { channelMeans } from "../../../bench/models/channel-means.ts";
import { transformer } from "../../../bench/models/transformer.ts";
import { distinctRows } from "../../../bench/subject.ts";
import type { Tensor } from "../../../src/model-server/model.ts";
import { loadOnnx } from "../../../src/model-server/onnx.ts";
import { loadXgboost } from "../../../src/model-server/trees/xgboost.ts";

const folder = await mkdtemp(join(tmpdir(), "tideway-test-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(file: Buffer, input: Tensor): Promise<readonly Tensor[]> {
  const path = join(folder, `${input.name}.onnx`);
  await writeFile(path, file);
  await using model = await loadOnnx(path, 1);
  return await model.run(new Map([[input.name, input]]));
}

test("the means of an image's channels", async () => {
  const data = Float32Array.from([1, 2, 3, 4, 10, 20, 30, 40]);
  const input: Tensor = { name: "image", type: "float32", shape: [1, 2, 2, 2], data };
  expect(await run(channelMeans([2, 2, 2]), input)).toMatchObject([
    { name: "means", shape: [1, 2], data: Float32Array.from([2.5, 25]) },
  ]);
});

test("a transformer scores each row of a batch by itself, and is the same in every run", async () => {
  const size = { features: 3, tokens: 4, width: 8, layers: 2 };
  expect(transformer(size)).toEqual(transformer(size));
  const score = async (...rows: readonly (readonly number[])[]) => {
    const input: Tensor = {
      name: "x",
      type: "float32",
      shape: [rows.length, 3],
      data: Float32Array.from(rows.flat()),
    };
    return [...((await run(transformer(size), input))[0]!.data as Float32Array)];
  };
  const [one, other] = await score([1, 2, 3], [3, 1, 2]);
  expect(one).not.toBeCloseTo(other!, 4);
  expect((await score([3, 1, 2]))[0]).toBeCloseTo(other!, 5);
});

test("trees that rows spread over, and that are no deeper than asked", async () => {
  const rows = (await distinctRows(200)).map((row) => row.split(",").map(Number));
  const text = boostedTrees(rows, { trees: 20, depth: 4, leastRows: 5 });
  const { trees } = JSON.parse(text).learner.gradient_booster.model as {
    trees: { left_children: number[]; parents: number[] }[];
  };
  expect(trees).toHaveLength(20);
  for (const { left_children, parents } of trees) {
    expect(left_children.length).toBeGreaterThan(15);
    expect(left_children.length).toBeLessThanOrEqual(31);
    const depth = (node: number): number => (node === 0 ? 0 : 1 + depth(parents[node]!));
    expect(Math.max(...parents.map((_, node) => depth(node)))).toBeLessThanOrEqual(4);
  }
  const model = loadXgboost(Buffer.from(text));
  const { name } = model.inputs[0]!;
  const data = Float32Array.from(rows.flat());
  const [scores] = await model.run(new Map([[name, { name, type: "float32", shape: [200, 30], data }]]));
  expect(new Set(scores!.data as Float32Array).size).toBeGreaterThan(50);
});
