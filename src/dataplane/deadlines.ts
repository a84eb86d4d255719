/** Deadlines of many requests on one timer per duration: setting and clearing one costs a set's add and delete. */
import type { Clock } from "../base/clock.ts";

/** What has a deadline. */
export interface Expiring {
  /** Where DeadlineList keeps the time, itself and the neighbours; its own to write. An entry is in one list at a time. */
  expiresAt: number;
  list?: DeadlineList | undefined;
  earlier?: Expiring | undefined;
  later?: Expiring | undefined;
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

/**
 * Entries in the order in which they expire, for all wait equally long. Linked, and unlinked without a trace: a Set that
 * entries come to and go from leaves tables behind, each alive by the one before, that keep what was in them from the
 * young generation's garbage collector.
 */
export class DeadlineList implements Disposable {
  readonly #clock: Clock;
  readonly #durationMs: number;
  #first: Expiring | undefined;
  #last: Expiring | undefined;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, durationMs: number) {
    this.#clock = clock;
    this.#durationMs = durationMs;
  }

  /** Starts the entry's time, anew if it was running. */
  set(entry: Expiring): void {
    entry.list?.clear(entry);
    entry.expiresAt = this.#clock.monotonic() + this.#durationMs;
    entry.list = this;
    entry.earlier = this.#last;
    if (this.#last) this.#last.later = entry;
    else this.#first = entry;
    this.#last = entry;
    this.#cancel ??= this.#clock.after(this.#durationMs, this.#fire);
  }

  clear(entry: Expiring): void {
    if (entry.list !== this) return;
    const { earlier, later } = entry;
    if (earlier) earlier.later = later;
    else this.#first = later;
    if (later) later.earlier = earlier;
    else this.#last = earlier;
    entry.list = entry.earlier = entry.later = undefined;
  }

  readonly #fire = (): void => {
    this.#cancel = undefined;
    const now = this.#clock.monotonic();
    for (let entry = this.#first; entry; entry = this.#first) {
      // timers may come a fraction early
      if (entry.expiresAt > now + 1) return this.#rearm(entry.expiresAt - now);
      this.clear(entry);
      entry.expire();
    }
  };

  /** Instead of what an entry may have set that expired. */
  #rearm(ms: number): void {
    this.#cancel?.();
    this.#cancel = this.#clock.after(ms, this.#fire);
  }

  [Symbol.dispose](): void {
    this.#cancel?.();
    this.#cancel = undefined;
    while (this.#first) this.clear(this.#first);
  }
}
