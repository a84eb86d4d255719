/** What this process uses of the machine, and how well it keeps up. */
import { monitorEventLoopDelay } from "node:perf_hooks";

export interface Usage {
  readonly residentBytes: number;
  /** User and system time, since the last look. */
  readonly cpuSeconds: number;
  /** What 99 of 100 timers were late by at most, since the last look. */
  readonly lagSeconds: number;
}

const RESOLUTION_MS = 50;

/** Looks at this process until it is disposed of. */
export class ProcessUsage implements Disposable {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #before = process.cpuUsage();

  constructor() {
    this.#delay.enable();
  }

  look(): Usage {
    const { user, system } = process.cpuUsage(this.#before);
    this.#before = process.cpuUsage();
    // the time between two samples, of which the resolution is meant
    const late = this.#delay.percentile(99) / 1e6 - RESOLUTION_MS;
    this.#delay.reset();
    return {
      residentBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
      lagSeconds: Math.max(0, late) / 1000,
    };
  }

  [Symbol.dispose](): void {
    this.#delay.disable();
  }
}
