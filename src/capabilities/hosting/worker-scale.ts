/**
 * How many workers a serverless fleet should have. What requests need is told by the gateways; it is known for as long
 * as control runs, and after that what runs counts as needed.
 */
import type { Clock } from "../../base/clock.ts";

/** What a serverless variant may have. */
export interface WorkerLimits {
  readonly provisionedConcurrency: number;
  readonly maxConcurrency: number;
}

/** What is known of the need for a fleet's workers. */
export interface WorkerUse {
  /** How many are needed now. */
  readonly demand: number;
  /** When more than as many as the index says were last needed, by the monotonic clock; so, never later than the one before. */
  readonly lastNeeded: readonly number[];
}

/** A number of workers, and when it will be another one if nothing is asked for until then. */
export interface WorkerDecision {
  readonly workers: number;
  readonly changesAt?: number;
}

/** What is needed, what was needed not longer ago than `idleMs`, and at least what is provisioned. */
export function wantedWorkers(
  { demand, lastNeeded }: WorkerUse,
  { provisionedConcurrency, maxConcurrency }: WorkerLimits,
  idleMs: number,
  now: number,
): WorkerDecision {
  const least = Math.max(provisionedConcurrency, Math.min(demand, maxConcurrency));
  const warm = lastNeeded.filter((at) => at + idleMs > now).length;
  const workers = Math.max(least, Math.min(warm, maxConcurrency));
  return workers > least ? { workers, changesAt: lastNeeded[workers - 1]! + idleMs } : { workers };
}

/** MaxConcurrency's own bound: no more is ever remembered. */
const MOST = 200;

export class WorkerScale {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #uses = new Map<string, WorkerUse>();
  #changed: (fleet: string) => void = () => {};

  /** `idleMs`: how long a worker without requests is kept. */
  constructor(clock: Clock, idleMs: number) {
    this.#clock = clock;
    this.#idleMs = idleMs;
  }

  /** Who is told that a fleet may need another number of workers. */
  watch(changed: (fleet: string) => void): void {
    this.#changed = changed;
  }

  /** All requests to the fleet together need so many. */
  demand(fleet: string, workers: number): void {
    const before = this.#uses.get(fleet);
    const demand = Math.min(workers, MOST);
    const neededUntilNow = Math.max(demand, before?.demand ?? 0);
    this.#uses.set(fleet, { demand, lastNeeded: this.#needed(before, neededUntilNow) });
    if (demand === 0) this.#forgetIdle();
    this.#changed(fleet);
  }

  /** So many are needed without a request, now. */
  use(fleet: string, workers: number): void {
    const before = this.#uses.get(fleet);
    this.#uses.set(fleet, { demand: before?.demand ?? 0, lastNeeded: this.#needed(before, workers) });
  }

  wanted(fleet: string, limits: WorkerLimits): WorkerDecision {
    const use = this.#uses.get(fleet) ?? { demand: 0, lastNeeded: [] };
    return wantedWorkers(use, limits, this.#idleMs, this.#clock.monotonic());
  }

  /** The fleet is gone: a new one has only what is needed when it comes. */
  forget(fleet: string): void {
    const use = this.#uses.get(fleet);
    if (use && use.demand > 0) this.#uses.set(fleet, { ...use, lastNeeded: [] });
    else this.#uses.delete(fleet);
  }

  /** Fleets that are gone are spoken of for a last time by gateways that still had requests to them. */
  #forgetIdle(): void {
    const longAgo = this.#clock.monotonic() - this.#idleMs;
    for (const [fleet, { demand, lastNeeded }] of this.#uses)
      if (demand === 0 && !(lastNeeded[0]! > longAgo)) this.#uses.delete(fleet);
  }

  /** How many fleets it knows something of. */
  get size(): number {
    return this.#uses.size;
  }

  #needed(before: WorkerUse | undefined, workers: number): number[] {
    const now = this.#clock.monotonic();
    const older = before?.lastNeeded ?? [];
    return Array.from({ length: Math.max(workers, older.length) }, (_, index) =>
      index < workers ? now : older[index]!,
    );
  }
}
