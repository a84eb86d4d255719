/** The functions of metric math. */
import { AGGREGATES, aggregateAcross, aggregateSeries } from "./aggregate.ts";
import type { Scope } from "./evaluate.ts";
import type { Expression } from "./parse.ts";
import { byTime, isSeries, mapSeries, type Series, seriesOf, type Value } from "./series.ts";
import { ExpressionError } from "./tokens.ts";

interface Function {
  readonly least: number;
  readonly most: number;
  /** Undefined where the arguments are of the wrong sort. */
  readonly run: (args: readonly Value[], scope: Scope, word?: "REPEAT" | "LINEAR") => Value | undefined;
}

/** A function of one value that works on each series of a list, and on numbers where it says how. */
const perSeries = (change: (series: Series) => Series | number, onNumber?: (value: number) => number) => ({
  least: 1,
  most: 1,
  run: ([value]: readonly Value[]): Value | undefined => {
    if (typeof value === "number") return onNumber?.(value);
    if (value === undefined) return undefined;
    if (isSeries(value)) return change(value);
    const changed = value.map(change);
    return changed.every((one) => typeof one !== "number") ? changed : undefined;
  },
});

const rounding = (change: (value: number) => number) =>
  perSeries((series) => mapSeries(series, change), change);

/** From each datapoint to the next one. */
const steps = (step: (from: number, to: number, seconds: number) => number) =>
  perSeries((series) =>
    seriesOf(
      series,
      series.times
        .slice(1)
        .map((time, index) => [
          time,
          step(series.values[index]!, series.values[index + 1]!, (time - series.times[index]!) / 1000),
        ]),
    ),
  );

const aggregates = Object.fromEntries(
  Object.entries(AGGREGATES).map(([name, aggregate]): [string, Function] => [
    name,
    {
      least: 1,
      most: 1,
      run: ([value]) => {
        if (value === undefined || typeof value === "number") return undefined;
        // a number from no data is none: what it is combined with has no datapoints then
        if (isSeries(value)) return aggregateSeries(value, aggregate) ?? NaN;
        return aggregateAcross(value, name, aggregate);
      },
    },
  ]),
);

export const FUNCTIONS: Readonly<Record<string, Function>> = {
  ...aggregates,
  ABS: rounding(Math.abs),
  CEIL: rounding(Math.ceil),
  FLOOR: rounding(Math.floor),
  RATE: steps((from, to, seconds) => (to - from) / seconds),
  DIFF: steps((from, to) => to - from),
  PERIOD: perSeries((series) => series.periodMs / 1000),
  IF: { least: 2, most: 3, run: choose },
  FILL: {
    least: 2,
    most: 2,
    run: ([value, filler], scope, word) => {
      if (value === undefined || typeof value === "number") return undefined;
      if (!word && (filler === undefined || Array.isArray(filler))) return undefined;
      const fill = (series: Series) => filled(series, word ?? (filler as number | Series), scope);
      return isSeries(value) ? fill(value) : value.map(fill);
    },
  },
};

/** Functions whose arguments are texts. */
export const LISTS: Readonly<Record<string, (args: readonly Expression[], scope: Scope) => Value>> = {
  METRICS(args, scope) {
    const part = args.length ? textOf("METRICS", args[0]) : "";
    return scope
      .metrics()
      .filter(([id]) => id.includes(part))
      .map(([, series]) => series);
  },
  SEARCH(args, scope) {
    const period = args[2];
    if (args.length < 2 || args.length > 3 || (period && period.kind !== "number"))
      throw new ExpressionError("SEARCH takes a search, a statistic and, where wanted, a period in seconds");
    return scope.search(
      textOf("SEARCH", args[0]),
      textOf("SEARCH", args[1]),
      period?.kind === "number" ? period.value * 1000 : undefined,
    );
  },
};

function textOf(name: string, arg: Expression | undefined): string {
  if (arg?.kind !== "text") throw new ExpressionError(`${name} takes texts in quotes`);
  return arg.text;
}

/** IF: where the condition has no datapoint there is no result, nor where what it chooses has none. */
function choose([condition, yes, no]: readonly Value[]): Value | undefined {
  if (condition === undefined || yes === undefined) return undefined;
  if (typeof condition === "number") {
    const chosen = condition !== 0 ? yes : no;
    return chosen ?? (isSeries(yes) ? seriesOf(yes, []) : typeof yes === "number" ? NaN : []);
  }
  if (!isSeries(condition) || Array.isArray(yes) || Array.isArray(no)) return undefined;
  const at = (value: Value | undefined) => {
    if (value === undefined) return () => undefined;
    if (typeof value === "number") return () => value;
    const values = byTime(value as Series);
    return (time: number) => values.get(time);
  };
  const [whenTrue, whenFalse] = [at(yes), at(no)];
  return seriesOf(
    condition,
    condition.times.map((time, index) => [
      time,
      condition.values[index] !== 0 ? whenTrue(time) : whenFalse(time),
    ]),
  );
}

/** A datapoint for every period that is asked for: CloudWatch fills only what lies between, before and after the data. */
function filled(series: Series, filler: number | Series | "REPEAT" | "LINEAR", scope: Scope): Series {
  const { periodMs } = series;
  const from = scope.from(periodMs);
  if (!(periodMs > 0) || (scope.to - from) / periodMs > MOST_FILLED)
    throw new ExpressionError(`FILL makes up to ${MOST_FILLED} datapoints`);
  const values = byTime(series);
  const given = typeof filler === "object" ? byTime(filler) : undefined;
  const points: [number, number | undefined][] = [];
  let last: number | undefined;
  for (let time = from, next = 0; time < scope.to; time += periodMs) {
    const value = values.get(time);
    if (value !== undefined) {
      points.push([time, (last = value)]);
      continue;
    }
    while (next < series.times.length && series.times[next]! < time) next++;
    if (filler === "REPEAT") points.push([time, last]);
    else if (filler === "LINEAR") points.push([time, between(series, next, time)]);
    else points.push([time, typeof filler === "number" ? filler : given?.get(time)]);
  }
  return seriesOf(series, points);
}

const MOST_FILLED = 100_800;

/** On the line from the datapoint before `next` to it; undefined before the first and after the last one. */
function between({ times, values }: Series, next: number, time: number): number | undefined {
  const [before, after] = [times[next - 1], times[next]];
  if (before === undefined || after === undefined) return undefined;
  const share = (time - before) / (after - before);
  return values[next - 1]! + share * (values[next]! - values[next - 1]!);
}
