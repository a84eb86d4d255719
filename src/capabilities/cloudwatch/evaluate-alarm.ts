/** What the state of a metric alarm is: a pure function of its thresholds and of the datapoints in its evaluation range. */
import { reasonData, reasonOf } from "./alarm-reason.ts";
import type { AlarmState, Verdict } from "./kinds.ts";

/** What an alarm compares. */
export interface AlarmRule {
  readonly comparison:
    | "GreaterThanOrEqualToThreshold"
    | "GreaterThanThreshold"
    | "LessThanThreshold"
    | "LessThanOrEqualToThreshold";
  readonly threshold: number;
  /** N. */
  readonly evaluationPeriods: number;
  /** M; N where it was not given. */
  readonly datapointsToAlarm: number | undefined;
  readonly treatMissing: "breaching" | "notBreaching" | "ignore" | "missing";
  /** Datapoints of fewer values than this do not change the state. */
  readonly leastSamples: number;
  /** Told in the reason. */
  readonly statistic?: string | undefined;
  readonly unit?: string | undefined;
  /** Seconds; of the longest metric in an alarm on math. */
  readonly period: number;
}

/** One period of the evaluation range. */
export interface RangePoint {
  readonly time: number;
  /** Undefined where it is missing. */
  readonly value: number | undefined;
  readonly samples?: number | undefined;
}

/** How many periods are looked at beyond N, for data that come late or with gaps. */
export const EXTRA_PERIODS = 2;

/**
 * The verdict over a range of periods, the newest first; undefined keeps the state as it is. The rules are those of
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html: the newest N real
 * datapoints of the range decide; only when there are fewer, missing ones are filled in, as few as possible.
 */
export function evaluateAlarm(
  rule: AlarmRule,
  range: readonly RangePoint[],
  now: number,
): Verdict | undefined {
  const { evaluationPeriods: periods, treatMissing, leastSamples } = rule;
  const real = range.filter(({ value }) => value !== undefined).slice(0, periods);
  if (real.some(({ samples = Infinity }) => samples < leastSamples)) return undefined;
  const breaching = real.filter(({ value }) => breaches(rule, value!));
  const state = decide(rule, range, real, breaching);
  if (state === undefined) return undefined;
  const missing = periods - real.length;
  const filled = treatMissing === "breaching" || treatMissing === "notBreaching" ? missing : 0;
  const told = state === "ALARM" ? breaching : real.filter(({ value }) => !breaches(rule, value!));
  return {
    state,
    reason: reasonOf(rule, { state, told, real: real.length, missing, filled }),
    reasonData: reasonData(rule, real.length ? real : range.slice(0, periods), now),
  };
}

function decide(
  { evaluationPeriods: periods, datapointsToAlarm: least = periods, treatMissing }: AlarmRule,
  range: readonly RangePoint[],
  real: readonly RangePoint[],
  breaching: readonly RangePoint[],
): AlarmState | undefined {
  const missing = periods - real.length;
  const assumed = treatMissing === "breaching" ? missing : 0;
  if (breaching.length + assumed >= least) return "ALARM";
  if (treatMissing === "breaching" || treatMissing === "notBreaching" || missing === 0) return "OK";
  if (treatMissing === "ignore") return breaching.length < real.length ? "OK" : undefined;
  if (real.length === 0) return "INSUFFICIENT_DATA";
  // All that is known is breaching, and the oldest of it would have been enough had it gone on.
  const oldest = range.indexOf(real.at(-1)!) + 1;
  return breaching.length === real.length && oldest >= least ? "ALARM" : "OK";
}

function breaches({ comparison, threshold }: AlarmRule, value: number): boolean {
  switch (comparison) {
    case "GreaterThanOrEqualToThreshold":
      return value >= threshold;
    case "GreaterThanThreshold":
      return value > threshold;
    case "LessThanThreshold":
      return value < threshold;
    default:
      return value <= threshold;
  }
}

/** How many values a percentile needs to mean something: CloudWatch's rule for EvaluateLowSampleCountPercentile. */
export function significantSamples(percentile: number): number {
  const share = percentile / 100;
  return share >= 0.5 ? 10 / (1 - share) : 10 / share;
}
