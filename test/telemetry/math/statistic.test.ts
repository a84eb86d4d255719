import { expect, test } from "vitest";
import { statisticOf } from "../../../src/telemetry/math/statistic.ts";
import { Accumulator, statisticSet } from "../../../src/telemetry/point.ts";

/** 1, 2, ... 100. */
const hundred = new Accumulator();
for (let value = 1; value <= 100; value++) hundred.add(value);

test.each<[string, number]>([
  ["SampleCount", 100],
  ["Sum", 5050],
  ["Average", 50.5],
  ["Minimum", 1],
  ["Maximum", 100],
  ["p50", 50],
  ["p99.9", 100],
  ["p0", 1],
  ["p100", 100],
  ["tm90", 45.5],
  ["tm(10%:90%)", 50.5],
  ["TM(:50%)", 25.5],
  ["TM(80:)", 90.5],
  ["IQM", 50.5],
  ["tc90", 90],
  ["TC(0:20.5)", 20],
  ["ts50", 1275],
  ["PR(:25.5)", 25],
  ["PR(10.5:20.5)", 10],
  ["wm(10%:90%)", 50.5],
])("%s is within a percent", (name, wanted) => {
  const found = statisticOf(name)?.(hundred) ?? NaN;
  expect(Math.abs(found / wanted - 1)).toBeLessThan(0.0101);
});

test.each([
  "",
  "sum",
  "p",
  "p101",
  "p-1",
  "tm(90%:10%)",
  "PR(10%:20%)",
  "TM(5%:20)",
  "TM(:)",
  "TM(0%:120%)",
  "tm101",
  "toString",
])("%s is no statistic", (name) => {
  expect(statisticOf(name)).toBeUndefined();
});

test("a statistic set has no percentiles unless all its values are equal", () => {
  expect(statisticOf("p90")?.(statisticSet(100, 10, 1, 50))).toBeUndefined();
  expect(statisticOf("Average")?.(statisticSet(100, 10, 1, 50))).toBe(10);
  expect(statisticOf("p90")?.(statisticSet(50, 10, 5, 5))).toBe(5);
});
