import type { Log } from "../base/log.ts";
import type { Watcher } from "./store.ts";

/** Those who want to know of changes. They are told after the write, and can't break it. */
export class Watchers {
  readonly #watchers = new Set<Watcher>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  add(watcher: Watcher): () => void {
    // A wrapper, so that a function that watches twice is called twice and ends each on its own.
    const own: Watcher = (change) => watcher(change);
    this.#watchers.add(own);
    return () => this.#watchers.delete(own);
  }

  tell(kind: string, name: string): void {
    queueMicrotask(() => {
      for (const watcher of this.#watchers) {
        try {
          watcher({ kind, name });
        } catch (error) {
          this.#log.error("a watcher of the store failed", { kind, name, error });
        }
      }
    });
  }
}
