import type { Clock } from "../../base/clock.ts";

/** Receivers that wait for something to happen to their queue. */
export class Waiters {
  readonly #clock: Clock;
  readonly #watches = new Map<string, Set<Watch>>();
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Begins to look: what happens from now on ends the wait. */
  watch(queue: string): Watch {
    const watches = this.#watches.get(queue) ?? new Set();
    this.#watches.set(queue, watches);
    const watch = new Watch(this.#clock, () => {
      watches.delete(watch);
      if (watches.size === 0 && this.#watches.get(queue) === watches) this.#watches.delete(queue);
    });
    watches.add(watch);
    if (this.#ended) watch.wake();
    return watch;
  }

  wake(queue: string): void {
    for (const watch of this.#watches.get(queue) ?? []) watch.wake();
  }

  /** Nobody waits any longer. */
  end(): void {
    this.#ended = true;
    for (const queue of this.#watches.keys()) this.wake(queue);
  }
}

/** One receiver's look at its queue. */
export class Watch implements Disposable {
  readonly #clock: Clock;
  readonly #end: () => void;
  #happened = false;
  #resolve: (() => void) | undefined;

  constructor(clock: Clock, end: () => void) {
    this.#clock = clock;
    this.#end = end;
  }

  wake(): void {
    this.#happened = true;
    this.#resolve?.();
  }

  /** Resolves when something happened, the time is over or the signal aborts. */
  async within(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#happened || signal.aborted) return;
    let cancel = () => {};
    const wake = () => this.wake();
    await new Promise<void>((resolve) => {
      this.#resolve = resolve;
      cancel = this.#clock.after(ms, resolve);
      signal.addEventListener("abort", wake, { once: true });
    });
    cancel();
    signal.removeEventListener("abort", wake);
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}
