import { expect, test } from "vitest";
import { ProcessUsage } from "../../src/base/process-usage.ts";

test("CPU time is that since the last look, and memory that of now", () => {
  using usage = new ProcessUsage();
  usage.look();
  const before = process.cpuUsage();
  // until the system has counted some of it
  while (process.cpuUsage(before).user < 20_000);
  const { cpuSeconds, residentBytes, lagSeconds } = usage.look();
  expect(cpuSeconds).toBeGreaterThanOrEqual(0.02);
  expect(usage.look().cpuSeconds).toBeLessThan(cpuSeconds);
  expect(residentBytes).toBeGreaterThan(10 << 20);
  expect(lagSeconds).toBeGreaterThanOrEqual(0);
});
