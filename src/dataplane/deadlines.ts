/** Deadlines of many requests on one timer per duration: setting and clearing one costs a set's add and delete. */
import type { Clock } from "../base/clock.ts";

/** What has a deadline. */
export interface Expiring {
  /** Where Deadlines keeps the time; its own to write. */
  expiresAt: number;
  expire(): void;
}

export class Deadlines implements Disposable {
  readonly #clock: Clock;
  readonly #lists = new Map<number, DeadlineList>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Deadlines of one duration; asked for once, used for many. */
  after(durationMs: number): DeadlineList {
    let list = this.#lists.get(durationMs);
    if (!list) this.#lists.set(durationMs, (list = new DeadlineList(this.#clock, durationMs)));
    return list;
  }

  [Symbol.dispose](): void {
    for (const list of this.#lists.values()) list[Symbol.dispose]();
    this.#lists.clear();
  }
}

/** Entries in the order in which they expire, for all wait equally long. */
export class DeadlineList implements Disposable {
  readonly #clock: Clock;
  readonly #durationMs: number;
  readonly #entries = new Set<Expiring>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, durationMs: number) {
    this.#clock = clock;
    this.#durationMs = durationMs;
  }

  /** Starts the entry's time, anew if it was running. */
  set(entry: Expiring): void {
    entry.expiresAt = this.#clock.monotonic() + this.#durationMs;
    this.#entries.delete(entry);
    this.#entries.add(entry);
    this.#cancel ??= this.#clock.after(this.#durationMs, this.#fire);
  }

  clear(entry: Expiring): void {
    this.#entries.delete(entry);
  }

  readonly #fire = (): void => {
    this.#cancel = undefined;
    const now = this.#clock.monotonic();
    for (const entry of this.#entries) {
      // timers may come a fraction early
      if (entry.expiresAt > now + 1) {
        this.#cancel = this.#clock.after(entry.expiresAt - now, this.#fire);
        return;
      }
      this.#entries.delete(entry);
      entry.expire();
    }
  };

  [Symbol.dispose](): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#entries.clear();
  }
}
