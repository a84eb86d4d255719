import { expect, test } from "vitest";
import { HostMetrics, type MeasuredHost } from "../../src/compute/host-metrics.ts";
import type { InstanceUsage } from "../../src/compute/isolation/instance-usage.ts";
import type { Metric } from "../../src/telemetry/metric.ts";
import type { Point } from "../../src/telemetry/point.ts";

const START = Date.UTC(2026, 0, 1);

const host = (pid: number, rest: Partial<MeasuredHost> = {}): MeasuredHost => ({
  pid,
  limits: { memoryMiB: 1000, processes: 10 },
  namespace: "/aws/sagemaker/Endpoints",
  dimensions: [{ VariantName: "primary" }],
  withDisk: true,
  ...rest,
});

function measured(...hosts: MeasuredHost[]) {
  const usage = new Map<number, InstanceUsage>();
  const told: string[] = [];
  const metrics = new HostMetrics({
    hosts: () => hosts,
    usage: (pid) => usage.get(pid),
    diskPercent: () => 42,
  });
  const outbox = {
    add(
      { namespace, name, dimensions }: Metric,
      unit: string,
      at: number,
      resolution: number,
      { sum }: Point,
    ) {
      const values = dimensions.map(([, value]) => value).join("/");
      told.push(
        `${namespace.split("/").at(-1)} ${values} ${name} ${sum} ${unit} at ${(at - START) / 1000} by ${resolution}`,
      );
    },
  };
  /** What is told when it is `seconds` after the start, and processes have used so much. */
  const at = (seconds: number, used: Record<number, InstanceUsage>): string[] => {
    usage.clear();
    for (const [pid, its] of Object.entries(used)) usage.set(Number(pid), its);
    metrics.collect(outbox as never, START + seconds * 1000);
    return told.splice(0);
  };
  return { at };
}

test("CPU is told of each 10 seconds, in per cent of one core; memory and disk of each minute", () => {
  const { at } = measured(host(1));
  expect(at(0.2, { 1: { cpuSeconds: 5, memoryMiB: 250 } })).toEqual([
    "Endpoints primary MemoryUtilization 25 Percent at 0 by 60",
    "Endpoints primary DiskUtilization 42 Percent at 0 by 60",
  ]);
  expect(at(5, { 1: { cpuSeconds: 99, memoryMiB: 250 } })).toEqual([]);
  expect(at(10.2, { 1: { cpuSeconds: 20, memoryMiB: 250 } })).toEqual([
    "Endpoints primary CPUUtilization 150 Percent at 9.999 by 1",
  ]);
  expect(at(60.2, { 1: { cpuSeconds: 20, memoryMiB: 500 } })).toEqual([
    "Endpoints primary CPUUtilization 0 Percent at 59.999 by 1",
    "Endpoints primary MemoryUtilization 50 Percent at 60 by 60",
    "Endpoints primary DiskUtilization 42 Percent at 60 by 60",
  ]);
});

test("a process that began in between, or is gone, has no CPU to tell of; one that lost a child used none", () => {
  const { at } = measured(host(1), host(2));
  at(0, { 1: { cpuSeconds: 5, memoryMiB: 1 } });
  expect(at(10, { 2: { cpuSeconds: 3, memoryMiB: 1 } })).toEqual([]);
  expect(at(20, { 1: { cpuSeconds: 9, memoryMiB: 1 }, 2: { cpuSeconds: 2, memoryMiB: 1 } })).toEqual([
    "Endpoints primary CPUUtilization 0 Percent at 19.999 by 1",
  ]);
});

test("each set of dimensions gets it, and jobs have no disk", () => {
  const { at } = measured(
    host(1, { dimensions: [{ VariantName: "a" }, { VariantName: "a", InstanceId: "i" }] }),
    host(2, { namespace: "/aws/sagemaker/TransformJobs", dimensions: [{ Host: "job/i" }], withDisk: false }),
  );
  expect(at(0, { 1: { cpuSeconds: 1, memoryMiB: 10 }, 2: { cpuSeconds: 1, memoryMiB: 10 } })).toEqual([
    "Endpoints a MemoryUtilization 1 Percent at 0 by 60",
    "Endpoints i/a MemoryUtilization 1 Percent at 0 by 60",
    "Endpoints a DiskUtilization 42 Percent at 0 by 60",
    "Endpoints i/a DiskUtilization 42 Percent at 0 by 60",
    "TransformJobs job/i MemoryUtilization 1 Percent at 0 by 60",
  ]);
});
