/** The verdict on a metric alarm now, from what the store of metrics has. */
import { Results } from "../../telemetry/math/queries.ts";
import { byTime, isSeries } from "../../telemetry/math/series.ts";
import { statisticOf } from "../../telemetry/math/statistic.ts";
import { ExpressionError } from "../../telemetry/math/tokens.ts";
import type { MetricReader } from "../../telemetry/metrics.ts";
import { queriesFrom } from "./data-queries.ts";
import {
  type AlarmRule,
  evaluateAlarm,
  EXTRA_PERIODS,
  type RangePoint,
  significantSamples,
} from "./evaluate-alarm.ts";
import { invalid } from "./faults.ts";
import type { AlarmSpec, Verdict } from "./kinds.ts";
import { metricFrom } from "./metric-input.ts";

export type MetricAlarmSpec = Extract<AlarmSpec, { type: "metric" }>;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The period of an alarm in milliseconds: in math, that of its longest metric. */
export function periodOf({ Period, Metrics }: MetricAlarmSpec): number {
  const periods = Metrics?.map((query) => query.MetricStat?.Period ?? query.Period ?? 0) ?? [Period ?? 0];
  return Math.max(...periods) * SECOND;
}

/** How often an alarm is evaluated, as CloudWatch does it. */
export function intervalOf(spec: MetricAlarmSpec): number {
  const period = periodOf(spec);
  if (period < MINUTE) return 10 * SECOND;
  return period * (spec.EvaluationPeriods ?? 1) > DAY ? HOUR : MINUTE;
}

/** Undefined keeps the state as it is. */
export function judge(spec: MetricAlarmSpec, reader: MetricReader, now: number): Verdict | undefined {
  const rule = ruleOf(spec);
  const periodMs = periodOf(spec);
  const step = periodMs < MINUTE ? 10 * SECOND : MINUTE;
  const to = Math.floor(now / step) * step;
  const count = rule.evaluationPeriods + EXTRA_PERIODS;
  const from = (period: number) => to - Math.ceil((count * periodMs) / period) * period;
  const known = pointsOf(spec, reader, { from, to });
  const range = Array.from({ length: count }, (_, index): RangePoint => {
    const time = to - (index + 1) * periodMs;
    return known.get(time) ?? { time, value: undefined };
  });
  return evaluateAlarm(rule, range, now);
}

function pointsOf(
  spec: MetricAlarmSpec,
  reader: MetricReader,
  span: { from(periodMs: number): number; to: number },
): ReadonlyMap<number, RangePoint> {
  if (spec.Metrics) return mathPoints(spec.Metrics, reader, span);
  const statistic = statisticOf(spec.ExtendedStatistic ?? spec.Statistic ?? "");
  const points = new Results(reader, [], span).points({
    metric: metricFrom(spec.Namespace ?? "", spec.MetricName ?? "", spec.Dimensions, "", invalid),
    periodMs: periodOf(spec),
    ...(spec.Unit !== undefined && { unit: spec.Unit }),
  });
  return new Map(
    points.map((point) => [
      point.start,
      { time: point.start, value: statistic?.(point), samples: point.count },
    ]),
  );
}

function mathPoints(
  metrics: NonNullable<MetricAlarmSpec["Metrics"]>,
  reader: MetricReader,
  span: { from(periodMs: number): number; to: number },
): ReadonlyMap<number, RangePoint> {
  const watched = metrics.find(({ ReturnData }) => ReturnData !== false)?.Id ?? "";
  try {
    const value = new Results(reader, queriesFrom(metrics, "Metrics"), span).of(watched);
    if (value === undefined || typeof value === "number" || !isSeries(value)) return new Map();
    return new Map([...byTime(value)].map(([time, one]) => [time, { time, value: one }]));
  } catch (error) {
    // an expression that can not be evaluated on these data has no datapoints
    if (error instanceof ExpressionError) return new Map();
    throw error;
  }
}

function ruleOf(spec: MetricAlarmSpec): AlarmRule {
  const { ExtendedStatistic, Statistic, EvaluateLowSampleCountPercentile: low } = spec;
  const [, percentile] = /^p(\d+(?:\.\d+)?)$/i.exec(ExtendedStatistic ?? "") ?? [];
  const significant = low === "ignore" && percentile !== undefined;
  return {
    comparison: spec.ComparisonOperator as AlarmRule["comparison"],
    threshold: spec.Threshold ?? 0,
    evaluationPeriods: spec.EvaluationPeriods ?? 1,
    datapointsToAlarm: spec.DatapointsToAlarm,
    treatMissing: (spec.TreatMissingData ?? "missing") as AlarmRule["treatMissing"],
    leastSamples: significant ? significantSamples(Number(percentile)) : 0,
    statistic: ExtendedStatistic ?? Statistic,
    unit: spec.Unit,
    period: periodOf(spec) / SECOND,
  };
}
