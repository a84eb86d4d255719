/** Waits for control to accept connections again: one probe at a time, however many wait. */
import { connect } from "node:net";
import type { Clock } from "../base/clock.ts";

const PROBE_MS = 25;

export class ControlWait implements Disposable {
  readonly #socketPath: string;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #stopProbe: (() => void) | undefined;

  constructor(socketPath: string, clock: Clock) {
    this.#socketPath = socketPath;
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Calls back once control is there. The returned function cancels. */
  next(callback: () => void): () => void {
    this.#waiting.add(callback);
    this.#stopProbe ??= this.#clock.after(PROBE_MS, this.#probe);
    return () => this.#waiting.delete(callback);
  }

  readonly #probe = (): void => {
    const socket = connect(this.#socketPath);
    this.#stopProbe = () => socket.destroy();
    let there = false;
    socket.once("connect", () => {
      there = true;
      socket.destroy();
    });
    socket.on("error", () => {}); // it is not there yet
    socket.once("close", () => {
      this.#stopProbe = undefined;
      if (there) for (const callback of this.#waiting) this.#release(callback);
      else if (this.#waiting.size) this.#stopProbe = this.#clock.after(PROBE_MS, this.#probe);
    });
  };

  #release(callback: () => void): void {
    if (this.#waiting.delete(callback)) callback();
  }

  [Symbol.dispose](): void {
    this.#waiting.clear();
    this.#stopProbe?.();
  }
}
