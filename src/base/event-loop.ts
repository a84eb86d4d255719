/** Whether this process keeps up with its work: how late its timers are, sample by sample. */
import type { Clock } from "./clock.ts";

const EVERY_MS = 100;
/** A timer this late tells of an event loop that is held up. */
const LATE_MS = 200;
/** One pause, however long, is over when it is seen; held up again and again for so long is too much work. */
const OVERLOADED_AFTER_MS = 5000;
const RECOVERED_AFTER_MS = 1000;

/** Decides from how late each sample came. */
export class LagJudge {
  overloaded = false;
  /** When samples began to be late, or on time: whichever the last one was. */
  #since = 0;
  #late = false;

  sample(now: number, lagMs: number): void {
    const late = lagMs > LATE_MS;
    if (late !== this.#late) {
      this.#late = late;
      this.#since = now;
    }
    if (now - this.#since >= (late ? OVERLOADED_AFTER_MS : RECOVERED_AFTER_MS)) this.overloaded = late;
  }
}

/** Takes samples of this process's event loop until it is disposed of. */
export class EventLoopWatch implements Disposable {
  readonly #judge = new LagJudge();
  readonly #clock: Clock;
  #cancel: () => void;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#cancel = this.#next();
  }

  /** For seconds there has been more to do than could be done. */
  get overloaded(): boolean {
    return this.#judge.overloaded;
  }

  #next(): () => void {
    const due = this.#clock.monotonic() + EVERY_MS;
    return this.#clock.after(EVERY_MS, () => {
      const now = this.#clock.monotonic();
      this.#judge.sample(now, now - due);
      this.#cancel = this.#next();
    });
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }
}
