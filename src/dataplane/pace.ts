/**
 * How fast a fleet answers, and so whether one request more would wait too long. With N requests in flight and X
 * answers a second, the next one takes about N / X (Little's law). What of that the model itself takes is not waiting,
 * so the bound is X times (the bearable wait + the time of a request that is alone).
 */

/** Per instance: so few are always taken. Slow models queue, and an async server's parallelism is found out, up to here. */
export const ALWAYS_TAKEN = 16;

/** A measurement lasts at least so long, and as long as two requests one after the other. */
const WINDOW_MS = 200;

export class Pace {
  /** Answers per millisecond while at least `ALWAYS_TAKEN` per instance were asked for; unknown, nothing is refused. */
  #rate = Infinity;
  /** How long a request takes that waits for no other, in ms. */
  #alone = Infinity;
  #taken = ALWAYS_TAKEN;
  #measuring = false;
  #since = 0;
  #answers = 0;

  /** Whether one more, beside those in flight, would wait no longer than `waitMs`. */
  admits(inFlight: number, instances: number, waitMs: number, now: number): boolean {
    this.#taken = ALWAYS_TAKEN * instances;
    if (inFlight < this.#taken) return true;
    if (this.#measuring) this.#measure(now);
    else {
      this.#measuring = true;
      this.#since = now;
      this.#answers = 0;
    }
    return inFlight < this.#rate * (waitMs + this.#alone);
  }

  /** A request was answered, whatever the answer; `wasAlone`: none was in flight when it came. */
  answered(tookMs: number, wasAlone: boolean, inFlight: number, now: number): void {
    this.#answers++;
    if (tookMs < this.#alone) this.#alone = tookMs;
    else if (wasAlone) this.#alone += (tookMs - this.#alone) / 4;
    if (!this.#measuring) return;
    // half, so that a fleet held to the bound above is still measured, and can show that it has become faster
    if (inFlight <= this.#taken / 2) this.#measuring = false;
    else this.#measure(now);
  }

  #measure(now: number): void {
    const ms = now - this.#since;
    if (ms < WINDOW_MS + 2 * this.#alone) return;
    const rate = this.#answers / ms;
    this.#rate = this.#rate === Infinity ? rate : (this.#rate + rate) / 2;
    this.#since = now;
    this.#answers = 0;
  }
}
