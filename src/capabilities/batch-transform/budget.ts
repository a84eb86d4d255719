/** How much of all jobs may be held in memory at once: an object enters with what it may take, and waits for room. */
export class Budget {
  readonly #most: number;
  #used = 0;
  readonly #waiting: { readonly weight: number; readonly enter: () => void }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Resolves when there is room; what is heavier than all there is enters alone. Rejects with the signal's reason. */
  enter(weight: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const abort = () => {
        const at = this.#waiting.indexOf(waiting);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal.reason as Error);
        this.#admit();
      };
      const waiting = {
        weight,
        enter: () => {
          signal.removeEventListener("abort", abort);
          resolve();
        },
      };
      signal.addEventListener("abort", abort);
      this.#waiting.push(waiting);
      this.#admit();
    });
  }

  leave(weight: number): void {
    this.#used -= weight;
    this.#admit();
  }

  #admit(): void {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      if (this.#used > 0 && this.#used + first.weight > this.#most) return;
      this.#used += first.weight;
      this.#waiting.shift();
      first.enter();
    }
  }
}
