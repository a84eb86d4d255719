interface Timer {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Time that jumps from one event to the next: a run of hours takes milliseconds, and the same twice. */
export class VirtualTime {
  #now = 0;
  #order = 0;
  readonly #heap: Timer[] = [];
  /** How many timers have run. */
  events = 0;

  get now(): number {
    return this.#now;
  }

  /** Calls back once; the returned function cancels. Timers for the same moment run in the order they were set. */
  after(delayMs: number, run: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run };
    this.#push(timer);
    return () => {
      timer.run = undefined;
    };
  }

  /** Runs what falls due until then; after each event every promise that can settle, settles. */
  async runUntil(end: number, stop: () => boolean): Promise<void> {
    await drain();
    while (this.#heap.length > 0 && this.#heap[0]!.at <= end && !stop()) {
      const { at, run } = this.#pop();
      if (!run) continue;
      this.#now = at;
      this.events++;
      run();
      await drain();
    }
    if (!stop()) this.#now = Math.max(this.#now, end);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(): Timer {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

const before = (a: Timer, b: Timer) => a.at < b.at || (a.at === b.at && a.order < b.order);

/** One turn of the event loop: nothing simulated waits for more than microtasks. */
const drain = () => new Promise<void>((resolve) => setImmediate(resolve));
