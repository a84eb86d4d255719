/** Queries that refer to each other by Id, evaluated on what the store has: each at most once. */
import type { Metric } from "../metric.ts";
import type { Bucket, MetricReader } from "../metrics.ts";
import { Accumulator } from "../point.ts";
import { evaluate, type Scope } from "./evaluate.ts";
import type { Expression } from "./parse.ts";
import { searchMatcher } from "./search.ts";
import { type Series, seriesOf, type Value } from "./series.ts";
import { type Statistic, statisticOf } from "./statistic.ts";
import { ExpressionError } from "./tokens.ts";

/** What is to be known of one metric. */
export interface MetricStat {
  readonly metric: Metric;
  readonly periodMs: number;
  readonly statistic: Statistic;
  readonly unit?: string;
}

/** A metric or an expression, under a name. */
export type Query = { readonly id: string; readonly label?: string } & (
  | { readonly stat: MetricStat }
  | { readonly expression: Expression; readonly periodMs?: number }
);

/** Which time the queries are about. */
export interface Span {
  /** Where the first period of this length begins. */
  from(periodMs: number): number;
  /** Exclusive. */
  readonly to: number;
}

/** How much one set of queries may read, so that it can not hold up everybody else. */
export const MOST_SERIES = 500;
const MOST_DATAPOINTS = 300_000;
const DEFAULT_PERIOD_MS = 300_000;

/** The results of queries; a query that nobody asks for costs nothing. */
export class Results {
  readonly #reader: MetricReader;
  readonly #queries: ReadonlyMap<string, Query>;
  readonly #span: Span;
  readonly #done = new Map<string, Value>();
  readonly #open = new Set<string>();
  #datapoints = 0;

  constructor(reader: MetricReader, queries: Iterable<Query>, span: Span) {
    this.#reader = reader;
    this.#queries = new Map([...queries].map((query) => [query.id, query]));
    this.#span = span;
  }

  /** Throws ExpressionError, with the Id of the expression where that is another one. */
  of(id: string): Value | undefined {
    const query = this.#queries.get(id);
    const done = this.#done.get(id);
    if (done !== undefined || !query) return done;
    if (this.#open.has(id)) throw new ExpressionError(`'${id}' refers to itself`);
    this.#open.add(id);
    const value =
      "stat" in query
        ? this.series(query.stat, query.label ?? query.stat.metric.name)
        : evaluate(query.expression, this.#scope(query.periodMs));
    this.#open.delete(id);
    this.#done.set(id, value);
    return value;
  }

  /** The points of a metric's periods by time, of all units where none is given. */
  points({ metric, periodMs, unit }: Omit<MetricStat, "statistic">): readonly Bucket[] {
    const from = this.#span.from(periodMs);
    const to = from + Math.ceil((this.#span.to - from) / periodMs) * periodMs;
    const query = { metric, from, to, period: periodMs / 1000, ...(unit !== undefined && { unit }) };
    const units = this.#reader.query(query).map(({ buckets }) => buckets);
    const found = units.length > 1 ? merged(units.flat()) : (units[0] ?? []);
    this.#datapoints += found.length;
    if (this.#datapoints > MOST_DATAPOINTS)
      throw new ExpressionError(
        `More than ${MOST_DATAPOINTS} datapoints would be read: ask for a shorter time or a longer period`,
      );
    return found;
  }

  /** A metric's statistic over time. */
  series(stat: MetricStat, label: string): Series {
    return seriesOf(
      { label, periodMs: stat.periodMs },
      this.points(stat).map((bucket) => [bucket.start, stat.statistic(bucket)]),
    );
  }

  #scope(periodMs = this.#shortestPeriod()): Scope {
    return {
      value: (id) => this.of(id),
      metrics: () =>
        [...this.#queries.values()]
          .filter((query) => "stat" in query)
          .map(({ id }) => [id, this.of(id) as Series]),
      search: (pattern, statistic, period) => this.#search(pattern, statistic, period ?? periodMs),
      from: (period) => this.#span.from(period),
      to: this.#span.to,
    };
  }

  #search(pattern: string, name: string, periodMs: number): Series[] {
    const statistic = statisticOf(name);
    if (!statistic) throw new ExpressionError(`SEARCH: '${name}' is not a statistic`);
    return this.#reader
      .list()
      .filter(searchMatcher(pattern))
      .slice(0, MOST_SERIES)
      .map((metric) => {
        const label = [...metric.dimensions.map(([, value]) => value), metric.name].join(" ");
        return this.series({ metric, periodMs, statistic }, label);
      });
  }

  #shortestPeriod(): number {
    const periods = [...this.#queries.values()].flatMap((query) =>
      "stat" in query ? [query.stat.periodMs] : [],
    );
    return periods.length ? Math.min(...periods) : DEFAULT_PERIOD_MS;
  }
}

/** Buckets of the same start become one. */
function merged(buckets: readonly Bucket[]): Bucket[] {
  const sums = new Map<number, Accumulator>();
  for (const bucket of buckets) {
    const sum = sums.get(bucket.start) ?? new Accumulator();
    sum.merge(bucket);
    sums.set(bucket.start, sum);
  }
  return [...sums]
    .sort(([a], [b]) => a - b)
    .map(([start, { sum, count, min, max, sketch }]) => ({ start, sum, count, min, max, sketch }));
}
