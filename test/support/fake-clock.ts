import type { Clock } from "../../src/base/clock.ts";

/** A clock that moves only when a test advances it. */
export class FakeClock implements Clock {
  readonly #start: number;
  #now: number;
  /** How far the wall clock is from where it would be had it never been set. */
  #set = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#start = start;
    this.#now = start;
  }

  now(): number {
    return this.#now + this.#set;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** The wall clock is set, forwards or backwards: no time passes. */
  jump(ms: number): void {
    this.#set += ms;
  }

  /** How many timers are set: a test that leaves some has forgotten to stop something. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass; each timer that falls due is called at its time, and what it starts settles before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next);
      next.callback();
    }
    this.#now = end;
  }
}

/** Lets every promise that can settle now, settle. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
