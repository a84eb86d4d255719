import { expect, test } from "vitest";

import { Batcher } from "../../src/model-server/batcher.ts";
import { column, FakeModel } from "./fakes.ts";

const waits = () => false;
const doubled = () => new FakeModel((data) => [...data].map((value) => value * 2));
const values = (outputs: readonly { data: unknown }[]) => [...(outputs[0]!.data as Float32Array)];

test("what arrives in one turn runs together, and each gets its own rows", async () => {
  const model = doubled();
  const batcher = new Batcher(model, true);
  const answers = await Promise.all(
    [column(1), column(2, 3), column(4)].map((one) => batcher.run(one, waits)),
  );
  expect(answers.map(values)).toEqual([[2], [4, 6], [8]]);
  expect(model.runs).toEqual([4]);
});

test("runs one by one where requests may not be merged", async () => {
  const model = doubled();
  const batcher = new Batcher(model, false);
  const answers = await Promise.all([column(1), column(2, 3)].map((one) => batcher.run(one, waits)));
  expect(answers.map(values)).toEqual([[2], [4, 6]]);
  expect(model.runs).toEqual([1, 2]);
});

test("one bad request fails alone", async () => {
  const model = new FakeModel((data) => {
    if (data.includes(13)) throw new Error("thirteen");
    return [...data];
  });
  const batcher = new Batcher(model, true);
  const answers = await Promise.allSettled(
    [column(1), column(13), column(3)].map((one) => batcher.run(one, waits)),
  );
  expect(answers.map((one) => one.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(model.runs).toEqual([3, 1, 1, 1]);
});

test("outputs that are not row by row send each request through on its own", async () => {
  const model = new FakeModel((data) => [data.reduce((sum, value) => sum + value, 0)]);
  const batcher = new Batcher(model, true);
  const answers = await Promise.all([column(1), column(2)].map((one) => batcher.run(one, waits)));
  expect(answers.map(values)).toEqual([[1], [2]]);
});

test("a request that nobody waits for does not run", async () => {
  const model = doubled();
  const batcher = new Batcher(model, true);
  void batcher.run(column(1), () => true);
  expect(values(await batcher.run(column(2), waits))).toEqual([4]);
  expect(model.runs).toEqual([1]);
});

test("runs hold at most 64 rows, and what comes during a run waits for the next", async () => {
  const gate = Promise.withResolvers<void>();
  const model = new FakeModel(async (data) => {
    if (data[0] === -1) await gate.promise;
    return [...data];
  });
  const batcher = new Batcher(model, true);
  const first = batcher.run(column(-1), waits);
  await new Promise((resolve) => setImmediate(resolve));
  const later = Array.from({ length: 70 }, (_, i) => batcher.run(column(i), waits));
  gate.resolve();
  await Promise.all([first, ...later]);
  expect(model.runs).toEqual([1, 64, 6]);
});

test("the queue is bounded", async () => {
  const batcher = new Batcher(doubled(), false);
  const all = Array.from({ length: 1024 }, () => batcher.run(column(1), waits));
  await expect(batcher.run(column(1), waits)).rejects.toThrow(/1024 requests are waiting/);
  await Promise.all(all);
});
