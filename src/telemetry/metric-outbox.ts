/**
 * What a process measured, on its way to the store: added up here, handed over each second, and kept until the store has
 * it. Each batch has a number, so that one that is sent twice is counted once. A kill of the process loses what it
 * measured since the last batch that was taken: a second of it while the store is there.
 */
import { type Clock, sleep } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { type Metric, metricKey } from "./metric.ts";
import type { Datum, MetricSink, Sender } from "./metrics.ts";
import { Accumulator, type Point } from "./point.ts";
import { startOf } from "./retention.ts";

export interface MetricOutboxOptions {
  /** Another one for each start of a process. */
  readonly id: string;
  /** Resolves once the data can not be lost any more; the same batch is sent again until it does. */
  readonly send: (data: readonly Datum[], sender: Sender) => Promise<void>;
  /** Called before each batch, to add what was counted elsewhere since then. */
  readonly collect?: (outbox: MetricOutbox) => void;
  readonly clock: Clock;
  readonly log: Log;
}

interface Pending extends Datum {
  readonly point: Accumulator;
}

const BATCH_MS = 1000;
const BATCH_DATA = 2000;
const SEND_MS = 5000;
/** How long a process that ends tries to hand over the rest. */
const LAST_MS = 2000;
/** While the store is away for long: from so many on, an hour is not told apart any more; then nothing new is taken. */
const MANY = 20_000;
const TOO_MANY = 100_000;

export class MetricOutbox implements MetricSink, AsyncDisposable {
  readonly #options: MetricOutboxOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #pending = new Map<string, Pending>();
  /** What was sent and is not known to have arrived. */
  #batch: readonly Datum[] = [];
  #sequence = 0;
  #dropped = 0;
  #failing = false;

  constructor(options: MetricOutboxOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  record(metric: Metric, unit: string, value: number, resolution: 1 | 60 = 60): void {
    this.#pendingOf(metric, unit, this.#options.clock.now(), resolution)?.add(value);
  }

  add(metric: Metric, unit: string, at: number, resolution: 1 | 60, point: Point): void {
    this.#pendingOf(metric, unit, at, resolution)?.merge(point);
  }

  /** Hands over what is left, for as long as that may take. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    const { clock, log } = this.#options;
    const end = clock.monotonic() + LAST_MS;
    this.#options.collect?.(this);
    for (;;) {
      const left = await this.#handOver(Math.max(1, end - clock.monotonic()));
      if (left === 0) return;
      if (clock.monotonic() >= end) return log.warn("Metrics of the last moments are lost.", { data: left });
      if (this.#failing) await sleep(clock, 50);
    }
  }

  #pendingOf(metric: Metric, unit: string, at: number, resolution: 1 | 60): Accumulator | undefined {
    const span = this.#pending.size < MANY ? resolution : 3600;
    const start = startOf(at, span * 1000);
    const key = `${start} ${resolution} ${unit} ${metricKey(metric)}`;
    let pending = this.#pending.get(key);
    if (!pending) {
      if (this.#pending.size >= TOO_MANY) return void this.#dropped++;
      pending = { metric, unit, at: start, resolution, point: new Accumulator() };
      this.#pending.set(key, pending);
    }
    return pending.point;
  }

  async #run(): Promise<void> {
    const { clock, collect } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      // at whole seconds, so that what was counted in one second is told of that second
      await sleep(clock, BATCH_MS - (clock.now() % BATCH_MS), signal).catch(() => {});
      if (signal.aborted) return;
      collect?.(this);
      while (!signal.aborted && (await this.#handOver(SEND_MS)) > 0 && !this.#failing);
    }
  }

  /** Sends a batch; tells how much is left to be sent. */
  async #handOver(timeoutMs: number): Promise<number> {
    const { id, send, clock, log } = this.#options;
    if (this.#batch.length === 0) {
      const keys = [...this.#pending.keys().take(BATCH_DATA)];
      if (keys.length === 0) return 0;
      this.#batch = keys.map((key) => this.#pending.get(key)!);
      for (const key of keys) this.#pending.delete(key);
      this.#sequence++;
    }
    const done = new AbortController();
    const late = sleep(clock, timeoutMs, done.signal).then(() => {
      throw new Error("no answer in time");
    });
    try {
      await Promise.race([send(this.#batch, { id, sequence: this.#sequence }), late]);
      this.#batch = [];
      this.#failing = false;
      if (this.#dropped > 0)
        log.warn("Values of metrics were left out: too many waited.", { values: this.#dropped });
      this.#dropped = 0;
    } catch (error) {
      if (!this.#failing) log.warn("Metrics could not be handed over; they are sent again.", { error });
      this.#failing = true;
    } finally {
      done.abort();
      late.catch(() => {});
    }
    return this.#batch.length + this.#pending.size;
  }
}
