import { expect, test } from "vitest";
import { Budget } from "../../../src/capabilities/batch-transform/budget.ts";
import { progressOf } from "../../../src/capabilities/batch-transform/progress.ts";
import { settle } from "../../support/fake-clock.ts";

const none = { records: 0, bytes: 0 };

test("per cent, pace and the estimate of the end", () => {
  const counts = {
    objects: 1,
    failedObjects: 1,
    records: 500,
    bytes: 2500,
    total: { objects: 8, bytes: 10_000 },
  };
  expect(progressOf(counts, none, 5000)).toEqual({
    objects: { done: 1, failed: 1, total: 8 },
    records: 500,
    bytes: { done: 2500, total: 10_000 },
    percent: 25,
    recordsPerSecond: 100,
    bytesPerSecond: 500,
    secondsLeft: 15,
  });
});

test("what was done before a restart says nothing of the pace", () => {
  const counts = {
    objects: 0,
    failedObjects: 0,
    records: 500,
    bytes: 9000,
    total: { objects: 1, bytes: 10_000 },
  };
  expect(progressOf(counts, { records: 400, bytes: 8000 }, 1000)).toMatchObject({
    percent: 90,
    bytesPerSecond: 1000,
    secondsLeft: 1,
  });
});

test("while objects are still being counted there is no per cent, and of empty objects all is done", () => {
  const counts = { objects: 0, failedObjects: 0, records: 1, bytes: 10 };
  expect(progressOf(counts, none, 0)).toEqual({
    objects: { done: 0, failed: 0 },
    records: 1,
    bytes: { done: 10 },
    recordsPerSecond: 0,
    bytesPerSecond: 0,
  });
  expect(progressOf({ ...counts, bytes: 0, total: { objects: 3, bytes: 0 } }, none, 0).percent).toBe(100);
});

test("the budget lets in what fits, in order, and what is too heavy alone", async () => {
  const budget = new Budget(10);
  const { signal } = new AbortController();
  const entered: string[] = [];
  const enter = (name: string, weight: number, stop = signal) =>
    void budget.enter(weight, stop).then(
      () => entered.push(name),
      () => entered.push(`${name} gone`),
    );
  const stop = new AbortController();
  enter("a", 6);
  enter("b", 4);
  enter("gives up", 1, stop.signal);
  enter("heavy", 50);
  enter("c", 1);
  await settle();
  expect(entered).toEqual(["a", "b"]);
  stop.abort(new Error("stopped"));
  budget.leave(6);
  await settle();
  expect(entered).toEqual(["a", "b", "gives up gone"]);
  budget.leave(4);
  await settle();
  expect(entered.slice(3)).toEqual(["heavy"]);
  budget.leave(50);
  await settle();
  expect(entered.slice(4)).toEqual(["c"]);
});
