/** What a process of the server uses, each 10 seconds, as metrics of a namespace of their own. */
import type { Usage } from "../base/process-usage.ts";
import { metricOf } from "./metric.ts";
import type { MetricOutbox } from "./metric-outbox.ts";
import { pointOf } from "./point.ts";
import { startOf } from "./retention.ts";

export const PROCESSES = "Tideway/Processes";

const SPAN_MS = 10_000;

export class ProcessMetrics {
  readonly #look: () => Usage;
  readonly #dimensions: Readonly<Record<string, string>>;
  #last = 0;

  /** `name` tells the processes of a role apart, and stays when one is restarted. */
  constructor(look: () => Usage, role: string, name: string) {
    this.#look = look;
    this.#dimensions = { Role: role, Process: name };
  }

  /** To be called each second or so; measures when it is time. */
  collect(outbox: MetricOutbox, now: number): void {
    const span = startOf(now, SPAN_MS);
    if (span === this.#last) return;
    this.#last = span;
    const { residentBytes, cpuSeconds, lagSeconds } = this.#look();
    const tell = (name: string, unit: string, value: number) =>
      outbox.add(metricOf(PROCESSES, name, Object.entries(this.#dimensions)), unit, now, 60, pointOf(value));
    tell("ResidentMemory", "Bytes", residentBytes);
    tell("CPUTime", "Seconds", cpuSeconds);
    tell("EventLoopLag", "Seconds", lagSeconds);
  }
}
