import type { Database } from "./database.ts";

interface Write {
  readonly work: () => unknown;
  readonly resolve: (result: any) => void;
  readonly reject: (error: unknown) => void;
}

/** Puts what many callers write in one turn of the event loop into one transaction, so that they share one fsync. */
export class GroupCommit {
  readonly #database: Database;
  #waiting: Write[] = [];

  constructor(database: Database) {
    this.#database = database;
  }

  /** Resolves once the work is on the disk. It may be called twice: what it did before was undone then. */
  write<Result>(work: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ work, resolve, reject }) === 1) setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    const writes = this.#waiting;
    this.#waiting = [];
    try {
      const results = this.#database.transaction(() => writes.map(({ work }) => work()));
      for (const [index, { resolve }] of writes.entries()) resolve(results[index]);
    } catch {
      // One that fails must not fail the others.
      for (const { work, resolve, reject } of writes)
        try {
          resolve(this.#database.transaction(work));
        } catch (error) {
          reject(error);
        }
    }
  }
}
