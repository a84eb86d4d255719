import type { Clock } from "../../base/clock.ts";

/** Ends streams that fall silent: S3 may stall in the middle of a body for good. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #idleMs: number;

  constructor(clock: Clock, idleMs: number) {
    this.#clock = clock;
    this.#idleMs = idleMs;
  }

  /** The same bytes; throws when none comes for too long. */
  async *watch(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const bytes = body[Symbol.asyncIterator]();
    try {
      for (let step; !(step = await this.#within(bytes.next())).done;) yield step.value;
    } finally {
      // the end of a silent stream may be silent, too: not waited for
      bytes.return?.().catch(() => {});
    }
  }

  #within<Value>(promise: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(this.#idleMs, () =>
        reject(new Error(`S3 sent nothing for ${this.#idleMs} ms`)),
      );
      promise.then(resolve, reject).finally(cancel);
    });
  }
}
