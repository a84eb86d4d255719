/** Which metrics there are: in memory, since each datum and each question begins here. */
import { type Metric, metricKey } from "./metric.ts";
import type { MetricFilter } from "./metrics.ts";

/** The values of a metric in one unit. */
export interface SeriesEntry {
  readonly metric: Metric;
  readonly unit: string;
  /** Undefined until it is first committed. */
  id: number | undefined;
  /** When it was last put to, in ms, and as far as that is written. */
  putAt: number;
  savedPutAt: number;
}

interface MetricEntry {
  readonly key: string;
  readonly metric: Metric;
  readonly units: Map<string, SeriesEntry>;
}

export class SeriesIndex {
  readonly #max: number;
  readonly #metrics = new Map<string, MetricEntry>();
  /** Series in the platform's own namespaces, and in all others: who fills one of them leaves the other room. */
  readonly #sizes = { own: 0, others: 0 };
  #sorted: MetricEntry[] | undefined;

  /** `max` series of the platform's own, and as many of others. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#sizes.own + this.#sizes.others;
  }

  load(metric: Metric, unit: string, id: number, putAt: number): void {
    this.#add(metricKey(metric), { metric, unit, id, putAt, savedPutAt: putAt });
  }

  /** The series of a metric and unit, which may be new; undefined where it would be one too many. */
  take({ metric, unit }: { readonly metric: Metric; readonly unit: string }): SeriesEntry | undefined {
    const key = metricKey(metric);
    const known = this.#metrics.get(key)?.units.get(unit);
    if (known || this.#sizes[owner(metric)] >= this.#max) return known;
    const entry = { metric, unit, id: undefined, putAt: 0, savedPutAt: 0 };
    this.#add(key, entry);
    return entry;
  }

  remove({ metric, unit }: SeriesEntry): void {
    const key = metricKey(metric);
    const entry = this.#metrics.get(key);
    if (!entry?.units.delete(unit)) return;
    this.#sizes[owner(metric)]--;
    if (entry.units.size > 0) return;
    this.#metrics.delete(key);
    this.#sorted = undefined;
  }

  of(metric: Metric): Iterable<SeriesEntry> {
    return this.#metrics.get(metricKey(metric))?.units.values() ?? [];
  }

  *all(): Generator<SeriesEntry> {
    for (const { units } of this.#metrics.values()) yield* units.values();
  }

  list({ namespace, name, dimensions = [], putSince = 0 }: MetricFilter): Metric[] {
    this.#sorted ??= [...this.#metrics.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    const found: Metric[] = [];
    for (const { metric, units } of this.#sorted)
      if (
        (namespace === undefined || metric.namespace === namespace) &&
        (name === undefined || metric.name === name) &&
        dimensions.every(([wanted, value]) =>
          metric.dimensions.some(
            ([dimension, its]) => dimension === wanted && (value === undefined || value === its),
          ),
        ) &&
        units.values().some(({ putAt }) => putAt > 0 && putAt >= putSince)
      )
        found.push(metric);
    return found;
  }

  #add(key: string, entry: SeriesEntry): void {
    const known = this.#metrics.get(key);
    if (known) known.units.set(entry.unit, entry);
    else {
      this.#metrics.set(key, { key, metric: entry.metric, units: new Map([[entry.unit, entry]]) });
      this.#sorted = undefined;
    }
    this.#sizes[owner(entry.metric)]++;
  }
}

const owner = ({ namespace }: Metric) => (/^\/?aws\//i.test(namespace) ? "own" : "others");
