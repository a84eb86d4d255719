/**
 * How many workers of each serverless fleet this process needs: one for each request, at work or waiting. More is told
 * at once; less when it has been less for a second, so that requests that come and go quickly cost no message each.
 */
import type { Clock } from "../base/clock.ts";

/** Told how many workers of a fleet the requests of one process need. */
export type OnDemand = (fleet: string, workers: number) => void;

interface Meter {
  readonly count: () => number;
  told: number;
  /** The most since the last look. */
  peak: number;
  cancel: () => void;
}

const LOOK_MS = 1000;

export class WorkerDemand implements Disposable {
  readonly #clock: Clock;
  readonly #tell: OnDemand;
  readonly #meters = new Map<string, Meter>();

  constructor(clock: Clock, tell: OnDemand) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** A request came; `count` tells how many there are, now and later. */
  rise(fleet: string, count: () => number): void {
    const known = this.#meters.get(fleet);
    const meter = known ?? { count, told: 0, peak: 0, cancel: () => {} };
    if (!known) {
      this.#meters.set(fleet, meter);
      this.#lookAgain(fleet, meter);
    }
    meter.peak = Math.max(meter.peak, meter.count());
    if (meter.peak > meter.told) this.#say(fleet, meter, meter.peak);
  }

  #lookAgain(fleet: string, meter: Meter): void {
    meter.cancel = this.#clock.after(LOOK_MS, () => {
      if (meter.peak < meter.told) this.#say(fleet, meter, meter.peak);
      meter.peak = meter.count();
      if (meter.peak === 0 && meter.told === 0) this.#meters.delete(fleet);
      else this.#lookAgain(fleet, meter);
    });
  }

  #say(fleet: string, meter: Meter, workers: number): void {
    meter.told = workers;
    this.#tell(fleet, workers);
  }

  [Symbol.dispose](): void {
    for (const { cancel } of this.#meters.values()) cancel();
    this.#meters.clear();
  }
}
