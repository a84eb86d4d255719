/**
 * What the processes of this server measured since it started, added up on its way to the store: counters and histograms
 * for those who read at times of their own, such as Prometheus. What users put is not among it.
 */
import type { Clock } from "../base/clock.ts";
import { type Metric, metricKey } from "./metric.ts";
import type { Datum, MetricStorage, Sender } from "./metrics.ts";
import type { Point } from "./point.ts";

/** Upper bounds of the buckets that times are counted in, in seconds; one without a bound follows. */
export const TIME_BOUNDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
  300, 3600,
];

/** How many of each unit of time are a second. */
const PER_SECOND: Readonly<Record<string, number>> = { Microseconds: 1e6, Milliseconds: 1e3, Seconds: 1 };

/** All of a metric since the start. */
export interface Total {
  readonly metric: Metric;
  /** Times are in seconds. */
  readonly sum: number;
  readonly count: number;
  /** The mean of what came last: a gauge's value. */
  readonly last: number;
  /** When that came. */
  readonly at: number;
  /** Of times: how many did not exceed each of TIME_BOUNDS. */
  readonly within: readonly number[];
}

type Growing = { -readonly [Field in keyof Total]: Total[Field] } & { within: number[] };

/** The one that was told of least recently makes room. */
const MOST_TOTALS = 20_000;
const MOST_SENDERS = 1000;

export class MetricTotals implements MetricStorage {
  readonly #storage: MetricStorage;
  readonly #clock: Clock;
  readonly #most: number;
  readonly #totals = new Map<string, Growing>();
  readonly #senders = new Map<string, number>();

  /** What is put goes on to that storage. */
  constructor(storage: MetricStorage, clock: Clock, most = MOST_TOTALS) {
    this.#storage = storage;
    this.#clock = clock;
    this.#most = most;
  }

  async put(data: readonly Datum[], sender?: Sender): Promise<void> {
    await this.#storage.put(data, sender);
    // a batch that is not known to have arrived is sent again
    if (!sender || (this.#senders.get(sender.id) ?? 0) >= sender.sequence) return;
    touch(this.#senders, sender.id, sender.sequence, MOST_SENDERS);
    for (const datum of data) this.#add(datum);
  }

  /** All there are. */
  all(): Iterable<Total> {
    return this.#totals.values();
  }

  #add({ metric, unit, point }: Datum): void {
    const key = metricKey(metric);
    const perSecond = PER_SECOND[unit];
    const scale = perSecond ?? 1;
    const total = this.#totals.get(key) ?? { metric, sum: 0, count: 0, last: 0, at: 0, within: [] };
    touch(this.#totals, key, total, this.#most);
    total.sum += point.sum / scale;
    total.count += point.count;
    total.last = point.sum / point.count / scale;
    total.at = this.#clock.now();
    if (perSecond !== undefined)
      for (const [at, bound] of TIME_BOUNDS.entries())
        total.within[at] = (total.within[at] ?? 0) + countWithin(point, bound * perSecond);
  }
}

function countWithin({ min, max, count, sketch }: Point, bound: number): number {
  if (max <= bound) return count;
  if (min > bound) return 0;
  return sketch?.within(-Infinity, bound).count ?? 0;
}

function touch<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) for (const oldest of map.keys().take(1)) map.delete(oldest);
}
