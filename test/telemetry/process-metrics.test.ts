import { expect, test } from "vitest";
import type { Metric } from "../../src/telemetry/metric.ts";
import type { Point } from "../../src/telemetry/point.ts";
import { ProcessMetrics } from "../../src/telemetry/process-metrics.ts";

test("a process is looked at each ten seconds", () => {
  const told: string[] = [];
  const add = ({ name, dimensions }: Metric, unit: string, _at: number, _by: number, { sum }: Point) =>
    void told.push([...dimensions.map(([, value]) => value), name, sum, unit].join(" "));
  const look = () => ({ residentBytes: 5, cpuSeconds: 2, lagSeconds: 0.5 });
  const processes = new ProcessMetrics(look, "gateway", "1");
  const now = Date.UTC(2026, 0, 1);
  for (const ms of [0, 1000, 9999]) processes.collect({ add } as never, now + ms);
  expect(told).toEqual([
    "1 gateway ResidentMemory 5 Bytes",
    "1 gateway CPUTime 2 Seconds",
    "1 gateway EventLoopLag 0.5 Seconds",
  ]);
  processes.collect({ add } as never, now + 10_000);
  expect(told).toHaveLength(6);
});
