import { type Clock, sleep } from "../../base/clock.ts";

/** Keeps requests to one place so far apart that no more than a number of them begin in a second. */
export class Pace {
  readonly #clock: Clock;
  /** When the next request to each place may begin. */
  readonly #free = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async turn(place: string, perSecond: number, signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    const begin = Math.max(now, this.#free.get(place) ?? 0);
    this.#free.set(place, begin + 1000 / perSecond);
    if (begin > now) await sleep(this.#clock, begin - now, signal);
  }
}
