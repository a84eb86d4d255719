import { expect, test } from "vitest";
import { metricOf } from "../../src/telemetry/metric.ts";
import { MetricTotals, TIME_BOUNDS } from "../../src/telemetry/metric-totals.ts";
import type { Datum } from "../../src/telemetry/metrics.ts";
import { Accumulator } from "../../src/telemetry/point.ts";
import { FakeClock } from "../support/fake-clock.ts";

function datum(name: string, unit: string, ...values: number[]): Datum {
  const point = new Accumulator();
  for (const value of values) point.add(value);
  return { metric: metricOf("AWS/SageMaker", name, []), unit, at: 0, resolution: 60, point };
}

const storage = { put: async () => {} };
const names = (totals: MetricTotals) => [...totals.all()].map(({ metric }) => metric.name);

test("what is put is added up, and a batch that is sent again is counted once", async () => {
  const totals = new MetricTotals(storage, new FakeClock());
  await totals.put([datum("Invocations", "None", 1, 1)], { id: "gateway", sequence: 1 });
  await totals.put([datum("Invocations", "None", 1, 1)], { id: "gateway", sequence: 1 });
  await totals.put([datum("Invocations", "None", 1)], { id: "gateway", sequence: 2 });
  await totals.put([datum("Invocations", "None", 1)], { id: "another", sequence: 1 });
  expect([...totals.all()]).toMatchObject([{ sum: 4, count: 4, last: 1 }]);
});

test("times are in seconds, and counted below each bound", async () => {
  const totals = new MetricTotals(storage, new FakeClock());
  await totals.put([datum("ModelLatency", "Microseconds", 900, 4000, 4000, 7e9)], { id: "a", sequence: 1 });
  await totals.put([datum("ModelLatency", "Microseconds", 50)], { id: "a", sequence: 2 });
  const [total] = [...totals.all()];
  expect(total!.sum).toBeCloseTo(7000.00895, 9);
  const within = Object.fromEntries(TIME_BOUNDS.map((bound, at) => [bound, total!.within[at]]));
  expect(within).toMatchObject({ 0.0001: 1, 0.0005: 1, 0.001: 2, 0.0025: 2, 0.005: 4, 3600: 4 });
  expect(total!.count).toBe(5);
});

test("what users put is theirs, and what could not be stored is not counted", async () => {
  const totals = new MetricTotals(storage, new FakeClock());
  await totals.put([datum("Invocations", "None", 1)]);
  expect(names(totals)).toEqual([]);
  const full = new MetricTotals({ put: () => Promise.reject(new Error("full")) }, new FakeClock());
  await expect(full.put([datum("Invocations", "None", 1)], { id: "a", sequence: 1 })).rejects.toThrow("full");
  expect(names(full)).toEqual([]);
});

test("there are no more than so many: the one that was told of least recently goes", async () => {
  const totals = new MetricTotals(storage, new FakeClock(), 2);
  for (const [sequence, name] of ["a", "b", "a", "c"].entries())
    await totals.put([datum(name, "None", 1)], { id: "x", sequence: sequence + 1 });
  expect(names(totals)).toEqual(["a", "c"]);
});
