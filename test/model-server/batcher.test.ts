import { expect, test } from "vitest";

import { Batcher, type Batching } from "../../src/model-server/batcher.ts";
import type { Model, Tensor } from "../../src/model-server/model.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { column, FakeModel } from "./fakes.ts";

const TOGETHER: Batching = { maxRows: 64, maxDelayMs: 0 };
const ALONE: Batching = { maxRows: 1, maxDelayMs: 0 };

/** A batcher whose requests are promises. */
function batcherOf(model: Model, batching: Batching) {
  const clock = new FakeClock();
  const batcher = new Batcher(model, batching, clock);
  const run = (inputs: ReadonlyMap<string, Tensor>, abandoned = false) =>
    new Promise<readonly Tensor[]>((resolve, reject) => batcher.add({ inputs, abandoned, resolve, reject }));
  return { run, clock };
}

const doubled = () => new FakeModel((data) => [...data].map((value) => value * 2));
const values = (outputs: readonly { data: unknown }[]) => [...(outputs[0]!.data as Float32Array)];

test("what arrives in one turn runs together, and each gets its own rows", async () => {
  const model = doubled();
  const batcher = batcherOf(model, TOGETHER);
  const answers = await Promise.all([column(1), column(2, 3), column(4)].map((one) => batcher.run(one)));
  expect(answers.map(values)).toEqual([[2], [4, 6], [8]]);
  expect(model.runs).toEqual([4]);
});

test("runs one by one where requests may not be merged", async () => {
  const model = doubled();
  const batcher = batcherOf(model, ALONE);
  const answers = await Promise.all([column(1), column(2, 3)].map((one) => batcher.run(one)));
  expect(answers.map(values)).toEqual([[2], [4, 6]]);
  expect(model.runs).toEqual([1, 2]);
});

test("one bad request fails alone", async () => {
  const model = new FakeModel((data) => {
    if (data.includes(13)) throw new Error("thirteen");
    return [...data];
  });
  const batcher = batcherOf(model, TOGETHER);
  const answers = await Promise.allSettled([column(1), column(13), column(3)].map((one) => batcher.run(one)));
  expect(answers.map((one) => one.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(model.runs).toEqual([3, 1, 1, 1]);
});

test("outputs that are not row by row send each request through on its own", async () => {
  const model = new FakeModel((data) => [data.reduce((sum, value) => sum + value, 0)]);
  const batcher = batcherOf(model, TOGETHER);
  const answers = await Promise.all([column(1), column(2)].map((one) => batcher.run(one)));
  expect(answers.map(values)).toEqual([[1], [2]]);
});

test("a request that nobody waits for does not run", async () => {
  const model = doubled();
  const batcher = batcherOf(model, TOGETHER);
  void batcher.run(column(1), true);
  expect(values(await batcher.run(column(2)))).toEqual([4]);
  expect(model.runs).toEqual([1]);
});

test("runs hold at most 64 rows, and what comes during a run waits for the next", async () => {
  const gate = Promise.withResolvers<void>();
  const model = new FakeModel(async (data) => {
    if (data[0] === -1) await gate.promise;
    return [...data];
  });
  const batcher = batcherOf(model, TOGETHER);
  const first = batcher.run(column(-1));
  await new Promise((resolve) => setImmediate(resolve));
  const later = Array.from({ length: 70 }, (_, i) => batcher.run(column(i)));
  gate.resolve();
  await Promise.all([first, ...later]);
  expect(model.runs).toEqual([1, 64, 6]);
});

test("the queue is bounded", async () => {
  const batcher = batcherOf(doubled(), ALONE);
  const all = Array.from({ length: 1024 }, () => batcher.run(column(1)));
  await expect(batcher.run(column(1))).rejects.toThrow(/1024 requests are waiting/);
  await Promise.all(all);
});

test("a model that answers at once is not waited for: all of a turn is answered in that turn", async () => {
  const { format, inputs, outputs } = doubled();
  const sync: Model = {
    format,
    inputs,
    outputs,
    run: (given) => [{ ...given.get("x")!, name: "y" }],
    [Symbol.asyncDispose]: async () => {},
  };
  const batcher = batcherOf(sync, ALONE);
  let answered = 0;
  for (let i = 0; i < 5; i++) void batcher.run(column(i)).then(() => answered++);
  await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toBe(5);
});

test("requests wait for company only so long, or until a run is full", async () => {
  const model = doubled();
  const { run, clock } = batcherOf(model, { maxRows: 4, maxDelayMs: 10 });
  const pair = [run(column(1)), run(column(2))];
  await clock.advance(9);
  expect(model.runs).toEqual([]);
  await clock.advance(1);
  expect((await Promise.all(pair)).map(values)).toEqual([[2], [4]]);
  await Promise.all([run(column(1, 2)), run(column(3)), run(column(4))]);
  expect(model.runs).toEqual([2, 4]);
});
