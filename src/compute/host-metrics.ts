/** What instances use of the machine, as SageMaker tells it: CPU by 10 seconds, memory and disk by the minute. */
import { type Metric, metricOf } from "../telemetry/metric.ts";
import type { MetricOutbox } from "../telemetry/metric-outbox.ts";
import { pointOf } from "../telemetry/point.ts";
import { startOf } from "../telemetry/retention.ts";
import type { InstanceUsage } from "./isolation/instance-usage.ts";
import type { Limits } from "./isolation/limits.ts";

/** An instance that runs, and where its measures go: under each of the sets of dimensions. */
export interface MeasuredHost {
  readonly pid: number;
  readonly limits: Limits;
  readonly namespace: string;
  readonly dimensions: readonly Readonly<Record<string, string>>[];
  readonly withDisk: boolean;
}

export interface HostMetricsOptions {
  readonly hosts: () => Iterable<MeasuredHost>;
  /** Undefined where it can not be told. */
  readonly usage: (pid: number, limits: Limits) => InstanceUsage | undefined;
  /** How full the disk is, in per cent. */
  readonly diskPercent: () => number;
}

const CPU_MS = 10_000;
const OTHERS_MS = 60_000;

export class HostMetrics {
  readonly #options: HostMetricsOptions;
  #last = 0;
  /** What was measured the last time, by pid: CPU is told of the time between two looks. */
  #before = new Map<number, { readonly at: number; readonly cpuSeconds: number }>();

  constructor(options: HostMetricsOptions) {
    this.#options = options;
  }

  /** To be called each second or so; measures when it is time. */
  collect(outbox: MetricOutbox, now: number): void {
    const at = startOf(now, CPU_MS);
    if (at === this.#last) return;
    const wholeMinute = startOf(at, OTHERS_MS) !== startOf(this.#last, OTHERS_MS);
    this.#last = at;
    const disk = wholeMinute ? this.#options.diskPercent() : 0;
    const before = this.#before;
    this.#before = new Map();
    for (const host of this.#options.hosts()) {
      const { pid, limits } = host;
      const usage = this.#options.usage(pid, limits);
      if (!usage) continue;
      const { cpuSeconds, memoryMiB } = usage;
      const earlier = before.get(pid);
      this.#before.set(pid, { at: now, cpuSeconds });
      const tell = (name: string, at: number, resolution: 1 | 60, percent: number) => {
        for (const metric of metricsOf(host, name))
          outbox.add(metric, "Percent", at, resolution, pointOf(percent));
      };
      if (earlier && now > earlier.at) {
        // a process that ended took its share of the sum along, unless its parent waited for it
        const used = Math.max(0, cpuSeconds - earlier.cpuSeconds);
        // of the 10 seconds that have just passed
        tell("CPUUtilization", at - 1, 1, (100_000 * used) / (now - earlier.at));
      }
      if (!wholeMinute) continue;
      tell("MemoryUtilization", at, 60, (100 * memoryMiB) / limits.memoryMiB);
      if (host.withDisk) tell("DiskUtilization", at, 60, disk);
    }
  }
}

function metricsOf({ namespace, dimensions }: MeasuredHost, name: string): Metric[] {
  return dimensions.map((set) => metricOf(namespace, name, Object.entries(set)));
}
