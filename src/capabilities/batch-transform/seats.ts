/** Places at the instances of a job: each instance takes so many requests at once, first come, first served. */
import type { InstanceRoute } from "../../dataplane/routing-table.ts";

/** Which instances an object may use: all of one home are the same, and a job has as many homes as it can use. */
export interface Home {
  readonly index: number;
  readonly of: number;
}

export interface Seat {
  readonly instance: InstanceRoute;
  readonly places: number;
}

interface Waiting {
  readonly home: Home;
  readonly alone: boolean;
  readonly resolve: (seat: Seat) => void;
}

export class Seats {
  readonly #instances: () => readonly InstanceRoute[];
  readonly #perInstance: number;
  readonly #taken = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();

  /** `instances`: those that are ready now, in an order that stays. */
  constructor(instances: () => readonly InstanceRoute[], perInstance: number) {
    this.#instances = instances;
    this.#perInstance = perInstance;
  }

  /** A place for one request, or the whole instance. Rejects with the signal's reason. */
  take(home: Home, alone: boolean, signal: AbortSignal): Promise<Seat> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const waiting: Waiting = {
        home,
        alone,
        resolve: (seat) => {
          signal.removeEventListener("abort", abort);
          resolve(seat);
        },
      };
      const abort = () => {
        this.#waiting.delete(waiting);
        reject(signal.reason as Error);
        this.look(); // it may have held others up
      };
      signal.addEventListener("abort", abort);
      this.#waiting.add(waiting);
      this.look();
    });
  }

  leave({ instance, places }: Seat): void {
    const left = (this.#taken.get(instance.id) ?? 0) - places;
    if (left > 0) this.#taken.set(instance.id, left);
    else this.#taken.delete(instance.id);
    this.look();
  }

  /** Seats those who can be seated; to be called when instances came or went. */
  look(): void {
    const ready = this.#instances();
    // whoever needs a whole instance must not see others take its places one by one
    const reserved = new Set<string>();
    for (const one of this.#waiting) {
      const places = one.alone ? this.#perInstance : 1;
      const usable = instancesOf(ready, one.home).filter(({ id }) => !reserved.has(id));
      const instance = usable.reduce<InstanceRoute | undefined>(
        (best, other) => (best && this.#of(best) <= this.#of(other) ? best : other),
        undefined,
      );
      if (!instance) continue;
      if (this.#of(instance) + places <= this.#perInstance) {
        this.#waiting.delete(one);
        this.#taken.set(instance.id, this.#of(instance) + places);
        one.resolve({ instance, places });
      } else if (one.alone) reserved.add(instance.id);
    }
  }

  #of({ id }: InstanceRoute): number {
    return this.#taken.get(id) ?? 0;
  }
}

/**
 * AWS gives each object to one instance, by key, and lets instances without an object stand idle. Here they help: the
 * instances are shared out to the homes as evenly as can be. While some are not ready the others stand in.
 */
export function instancesOf(ready: readonly InstanceRoute[], { index, of }: Home): readonly InstanceRoute[] {
  const homes = Math.min(of, ready.length);
  return ready.filter((_, at) => at % homes === index % homes);
}
