import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { keyOf, type Kind } from "./resource.ts";
import type { ResourceStore } from "./store.ts";

/** When to look again though nothing changed; `done` waits for the next change. */
export type Next = "done" | { readonly afterMs: number };

/**
 * Brings one named resource one step closer to what its spec asks. Reads everything afresh; safe to call at any time.
 * The signal aborts when the controller stops.
 */
export type Reconcile = (name: string, signal: AbortSignal) => Promise<Next>;

export interface ControllerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 60_000;
const MOST_AT_ONCE = 16;

/**
 * The work queue of one kind: runs one reconcile at a time per name and a bounded number over all, again after a change,
 * later when a reconcile asks for it or failed.
 */
export class Controller implements AsyncDisposable {
  readonly #title: string;
  readonly #reconcile: Reconcile;
  readonly #ports: ControllerPorts;
  readonly #mostAtOnce: number;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  /** Those that changed while they ran. */
  readonly #dirty = new Set<string>();
  readonly #failures = new Map<string, number>();
  /** What cancels the next look at a name. */
  readonly #timers = new Map<string, () => void>();
  readonly #stopping = new AbortController();
  #onIdle: (() => void)[] = [];

  /** The title is for the log: whose controller this is. */
  constructor(
    title: string,
    reconcile: Reconcile,
    ports: ControllerPorts,
    mostAtOnce: number = MOST_AT_ONCE,
  ) {
    this.#title = title;
    this.#reconcile = reconcile;
    this.#ports = ports;
    this.#mostAtOnce = mostAtOnce;
  }

  /** Something about this name changed. Takes the place of a look that was due later. */
  enqueue(name: string): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#running.has(name)) {
      this.#dirty.add(name);
      return;
    }
    this.#timers.get(name)?.();
    this.#timers.delete(name);
    this.#waiting.add(name);
    this.#startWaiting();
  }

  /** Resolves once nothing runs or waits for its turn; looks that are due later don't count. */
  async idle(): Promise<void> {
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Starts nothing more, and resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#waiting.clear();
    await this.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Aborts when the controller stops. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  #startWaiting(): void {
    for (const name of this.#waiting) {
      if (this.#running.size >= this.#mostAtOnce) return;
      this.#waiting.delete(name);
      this.#running.add(name);
      void this.#run(name);
    }
  }

  async #run(name: string): Promise<void> {
    const delayMs = await this.#attempt(name);
    this.#running.delete(name);
    const changed = this.#dirty.delete(name);
    if (!this.#stopping.signal.aborted) {
      // A reconcile that writes and then fails has changed its own resource: it must not run again at once, for ever.
      const failed = this.#failures.has(name);
      if (changed && !failed) this.#waiting.add(name);
      else if (delayMs !== undefined)
        this.#lookAfter(name, changed ? Math.min(delayMs, FIRST_BACKOFF_MS) : delayMs);
      this.#startWaiting();
    }
    if (this.#running.size > 0) return;
    const resolves = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of resolves) resolve();
  }

  #lookAfter(name: string, delayMs: number): void {
    this.#timers.set(
      name,
      this.#ports.clock.after(delayMs, () => this.enqueue(name)),
    );
  }

  /** Milliseconds until the next attempt, or undefined to wait for a change. */
  async #attempt(name: string): Promise<number | undefined> {
    const { random, log } = this.#ports;
    const failures = this.#failures.get(name) ?? 0;
    const facts = { controller: this.#title, name };
    try {
      const next = await this.#reconcile(name, this.#stopping.signal);
      if (this.#failures.delete(name)) log.info("reconcile works again", { ...facts, failures });
      return next === "done" ? undefined : next.afterMs;
    } catch (error) {
      if (this.#stopping.signal.aborted) return undefined;
      this.#failures.set(name, failures + 1);
      if (failures === 0)
        log.error("reconcile failed; it is tried again with growing pauses", { ...facts, error });
      // Half of the pause is chance, so that many that failed together don't come back together.
      return Math.min(FIRST_BACKOFF_MS * 2 ** failures, LONGEST_BACKOFF_MS) * (0.5 + random.number() / 2);
    }
  }
}

/**
 * A controller that hears of every change of a kind, and begins with all there is: starting after a crash is an ordinary
 * reconcile of each. Names come as keys of the kind: in lower case where it ignores case.
 */
export async function runController(
  store: ResourceStore,
  kind: Kind<any, any>,
  reconcile: Reconcile,
  ports: ControllerPorts,
  mostAtOnce?: number,
): Promise<Controller> {
  const controller = new Controller(kind.name, reconcile, ports, mostAtOnce);
  const unwatch = store.watch((change) => {
    if (change.kind === kind.name) controller.enqueue(keyOf(kind, change.name));
  });
  controller.signal.addEventListener("abort", unwatch);
  for (const name of await store.names(kind)) controller.enqueue(keyOf(kind, name));
  return controller;
}
