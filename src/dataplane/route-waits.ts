/** Invocations that no instance has seen yet, and that wait for a route by which they may be sent. */
import type { Departure } from "./data-plane.ts";
import type { DeadlineList, Expiring } from "./deadlines.ts";

/** How a wait ended. */
export type WaitEnd = "changed" | "expired" | "cancelled";

export class RouteWaits implements Disposable {
  readonly #deadlines: DeadlineList;
  readonly #waits = new Map<string, Set<Wait>>();

  /** `deadlines`: how long a wait may last. */
  constructor(deadlines: DeadlineList) {
    this.#deadlines = deadlines;
  }

  /** Waits for a change of the endpoint after which `holds`. */
  until(endpoint: string, holds: () => boolean, signal: Departure): Promise<WaitEnd> {
    const key = endpoint.toLowerCase();
    const waits = this.#waits.get(key) ?? new Set();
    this.#waits.set(key, waits);
    return new Promise((resolve) => {
      const wait = new Wait(holds, (end) => {
        signal.removeEventListener("abort", wait);
        this.#deadlines.clear(wait);
        waits.delete(wait);
        if (waits.size === 0 && this.#waits.get(key) === waits) this.#waits.delete(key);
        resolve(end);
      });
      if (signal.aborted) return wait.end("cancelled");
      signal.addEventListener("abort", wait);
      this.#deadlines.set(wait);
      waits.add(wait);
    });
  }

  /** The endpoint's route is another now; every endpoint's, where none is named. */
  changed(endpoint?: string): void {
    if (this.#waits.size === 0) return;
    const keys = endpoint === undefined ? [...this.#waits.keys()] : [endpoint.toLowerCase()];
    for (const key of keys)
      for (const wait of this.#waits.get(key) ?? []) if (wait.holds()) wait.end("changed");
  }

  [Symbol.dispose](): void {
    for (const waits of this.#waits.values()) for (const wait of waits) wait.end("expired");
  }
}

class Wait implements Expiring {
  expiresAt = 0;
  readonly holds: () => boolean;
  readonly end: (end: WaitEnd) => void;

  constructor(holds: () => boolean, end: (end: WaitEnd) => void) {
    this.holds = holds;
    this.end = end;
  }

  expire(): void {
    this.end("expired");
  }

  /** The client is gone. */
  handleEvent(): void {
    this.end("cancelled");
  }
}
