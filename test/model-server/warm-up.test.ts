import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import type { Clock } from "../../src/base/clock.ts";
import { loadOnnx } from "../../src/model-server/onnx.ts";
import { warmUp } from "../../src/model-server/warm-up.ts";
import { FakeModel } from "./fakes.ts";

/** Time passes only when the model runs. */
class RunClock implements Clock {
  time = 0;
  now = () => this.time;
  monotonic = () => this.time;
  after = () => () => {};
}

const timed = (clock: RunClock, cost: (rows: number) => number, shape?: readonly number[]) =>
  new FakeModel((data, rows) => {
    clock.time += cost(rows);
    return [...data].filter((_, i) => i % (data.length / rows) === 0);
  }, shape);

test("merges where rows are independent and cheaper together", async () => {
  const clock = new RunClock();
  expect(
    await warmUp(
      timed(clock, () => 1),
      clock,
    ),
  ).toEqual({ merge: true });
});

test("does not merge where each row costs the same, or a run is slow", async () => {
  const clock = new RunClock();
  expect(
    await warmUp(
      timed(clock, (rows) => rows),
      clock,
    ),
  ).toEqual({ merge: false });
  const slow = timed(clock, () => 20);
  expect(await warmUp(slow, clock)).toEqual({ merge: false });
  expect(slow.runs).toEqual([1, 1, 1, 1]);
});

test("a run that had to wait for a core does not make a model slow", async () => {
  const clock = new RunClock();
  let runs = 0;
  const model = timed(clock, () => (++runs === 2 || runs === 14 ? 40 : 0.1));
  expect(await warmUp(model, clock)).toEqual({ merge: true });
});

test("does not merge where the batch dimension is fixed, and makes up no giants", async () => {
  const clock = new RunClock();
  expect(
    await warmUp(
      timed(clock, () => 1, [1, 4]),
      clock,
    ),
  ).toEqual({ merge: false });
  const giant = timed(clock, () => 1, [-1, 100_000_000]);
  expect(await warmUp(giant, clock)).toEqual({ merge: false });
  expect(giant.runs).toEqual([]);
});

test("a model whose rows see each other is never merged", async () => {
  await using model = await loadOnnx(fileURLToPath(new URL("vectors/across-rows.onnx", import.meta.url)), 1);
  expect(await warmUp(model, new RunClock())).toEqual({ merge: false });
});

test("a model that fails on made-up rows says so", async () => {
  const clock = new RunClock();
  const model = new FakeModel(() => {
    throw new Error("only real rows");
  });
  expect(await warmUp(model, clock)).toEqual({ merge: false, failure: "only real rows" });
});

test("who asks for a batch size gets it, where rows do not see each other", async () => {
  const clock = new RunClock();
  const slow = () => timed(clock, (rows) => 20 * rows);
  expect(await warmUp(slow(), clock)).toEqual({ merge: false });
  expect(await warmUp(slow(), clock, 16)).toEqual({ merge: true });
  expect(
    await warmUp(
      timed(clock, () => 1),
      clock,
      1,
    ),
  ).toEqual({ merge: false });
  await using model = await loadOnnx(fileURLToPath(new URL("vectors/across-rows.onnx", import.meta.url)), 1);
  expect(await warmUp(model, clock, 16)).toEqual({ merge: false });
});
