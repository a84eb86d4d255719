/** What metric math works on: numbers, series of datapoints, and lists of series. */

/** Datapoints in the order of time. */
export interface Series {
  readonly label: string;
  readonly periodMs: number;
  /** Where each period begins, in milliseconds. */
  readonly times: readonly number[];
  readonly values: readonly number[];
}

export type Value = number | Series | readonly Series[];

export const isSeries = (value: Value): value is Series => typeof value === "object" && "times" in value;

/** A series from pairs; a value that is no finite number is a missing datapoint. */
export function seriesOf(
  like: Pick<Series, "label" | "periodMs">,
  points: Iterable<readonly [time: number, value: number | undefined]>,
): Series {
  const times: number[] = [];
  const values: number[] = [];
  for (const [time, value] of points) {
    if (value === undefined || !Number.isFinite(value)) continue;
    times.push(time);
    values.push(value);
  }
  return { label: like.label, periodMs: like.periodMs, times, values };
}

/** Each value changed on its own. */
export function mapSeries(series: Series, change: (value: number) => number): Series {
  return seriesOf(
    series,
    series.values.map((value, index) => [series.times[index]!, change(value)] as const),
  );
}

/** The datapoints that both have: one that either lacks is missing in the result, as in CloudWatch. */
export function zipSeries(a: Series, b: Series, join: (a: number, b: number) => number): Series {
  const points: (readonly [number, number])[] = [];
  for (let i = 0, j = 0; i < a.times.length && j < b.times.length;) {
    const [at, bt] = [a.times[i]!, b.times[j]!];
    if (at === bt) points.push([at, join(a.values[i]!, b.values[j]!)]);
    if (at <= bt) i++;
    if (bt <= at) j++;
  }
  const periodMs = Math.max(a.periodMs, b.periodMs);
  return seriesOf({ label: `${a.label} ${b.label}`, periodMs }, points);
}

/** Values by time. */
export function byTime({ times, values }: Series): ReadonlyMap<number, number> {
  return new Map(times.map((time, index) => [time, values[index]!]));
}
