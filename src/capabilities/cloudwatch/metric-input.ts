/** Metrics as requests name them. */
import type { Dimension } from "@aws-sdk/client-cloudwatch";
import { type Metric, metricOf } from "../../telemetry/metric.ts";

type Refuse = (message: string) => Error;

/** Printable ASCII with something in it; a name does not begin with a colon. */
const NAME = /^(?!:)(?=.*[!-~])[ -~]+$/;
const VALUE = /^(?=.*[!-~])[ -~]+$/;

/** A metric of a request; throws what `refuse` makes of the sentence. `at` is where in the request it stands. */
export function metricFrom(
  namespace: string,
  name: string,
  dimensions: readonly Partial<Dimension>[] | undefined,
  at: string,
  refuse: Refuse,
): Metric {
  const seen = new Set<string>();
  const pairs = (dimensions ?? []).map(({ Name = "", Value = "" }, index): [string, string] => {
    const place = `${at}Dimensions.member.${index + 1}`;
    if (!NAME.test(Name)) throw refuse(`The value ${Name} for parameter ${place}.Name is invalid.`);
    if (!VALUE.test(Value)) throw refuse(`The value ${Value} for parameter ${place}.Value is invalid.`);
    if (seen.has(Name))
      throw refuse(`The parameter ${place}.Name has the same value as another one: ${Name}.`);
    seen.add(Name);
    return [Name, Value];
  });
  return metricOf(namespace, name, pairs);
}

/** A metric as answers name it. */
export function metricOutput({ namespace, name, dimensions }: Metric) {
  return {
    Namespace: namespace,
    MetricName: name,
    Dimensions: dimensions.map(([Name, Value]) => ({ Name, Value })),
  };
}

/** 1, 5, 10, 20 and 30 are for metrics of high resolution; all else is whole minutes. */
export function isPeriod(seconds: number): boolean {
  return [1, 5, 10, 20, 30].includes(seconds) || (seconds > 0 && seconds % 60 === 0);
}

const MINUTE = 60_000;
const DAY = 86_400_000;

/** Where the first period begins: rounded down as the documentation of GetMetricData says. */
export function roundedStart(start: number, periodMs: number, now: number): number {
  const age = now - start;
  const step = age > 63 * DAY ? 60 * MINUTE : age > 15 * DAY ? 5 * MINUTE : Math.min(periodMs, MINUTE);
  return Math.floor(start / step) * step;
}
