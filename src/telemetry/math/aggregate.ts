/** SUM, AVG, MIN, MAX and STDDEV: over one series to a number, over a list of series to a series. */
import { type Series, seriesOf, type Value } from "./series.ts";

type Aggregate = (values: readonly number[]) => number;

export const AGGREGATES: Readonly<Record<string, Aggregate>> = {
  SUM: sum,
  AVG: (values) => sum(values) / values.length,
  MIN: (values) => values.reduce((least, value) => Math.min(least, value), Infinity),
  MAX: (values) => values.reduce((most, value) => Math.max(most, value), -Infinity),
  STDDEV: (values) => {
    const mean = sum(values) / values.length;
    return Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length);
  },
};

/** Undefined where there is nothing to aggregate. */
export function aggregateSeries({ values }: Series, aggregate: Aggregate): number | undefined {
  return values.length ? aggregate(values) : undefined;
}

/** At each time, over the series that have a datapoint there. */
export function aggregateAcross(list: readonly Series[], label: string, aggregate: Aggregate): Value {
  const found = new Map<number, number[]>();
  for (const { times, values } of list)
    for (const [index, time] of times.entries()) {
      const at = found.get(time);
      if (at) at.push(values[index]!);
      else found.set(time, [values[index]!]);
    }
  const periodMs = list.reduce((longest, series) => Math.max(longest, series.periodMs), 0);
  const points = [...found].sort(([a], [b]) => a - b);
  return seriesOf(
    { label, periodMs },
    points.map(([time, values]) => [time, aggregate(values)]),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
