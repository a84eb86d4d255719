/** StateReason and StateReasonData, in CloudWatch's words. */
import { javaDouble, shortStamp, stamp } from "./alarm-times.ts";
import type { AlarmRule, RangePoint } from "./evaluate-alarm.ts";
import type { AlarmState } from "./kinds.ts";

/** Before the first evaluation. */
export const UNCHECKED = "Unchecked: Initial alarm creation";

interface Findings {
  readonly state: AlarmState;
  /** The datapoints that made it so, the newest first. */
  readonly told: readonly RangePoint[];
  /** How many datapoints there are, how many lack, and how many of these were given a meaning. */
  readonly real: number;
  readonly missing: number;
  readonly filled: number;
}

const PHRASES = {
  GreaterThanOrEqualToThreshold: "greater than or equal to the threshold",
  GreaterThanThreshold: "greater than the threshold",
  LessThanThreshold: "less than the threshold",
  LessThanOrEqualToThreshold: "less than or equal to the threshold",
} as const;

/** `Threshold Crossed: 1 out of the last 1 datapoints [98.0 (22/11/26 10:00:00)] was greater than ...` */
export function reasonOf(rule: AlarmRule, { state, told, real, missing, filled }: Findings): string {
  const { evaluationPeriods: periods, datapointsToAlarm, comparison, threshold, treatMissing } = rule;
  if (state === "INSUFFICIENT_DATA")
    return `Insufficient Data: ${datapoints(missing)} ${were(missing)} unknown.`;
  const meaning = treatMissing === "breaching" ? "Breaching" : "NonBreaching";
  const treated = `${filled} missing ${filled === 1 ? "datapoint was" : "datapoints were"} treated as [${meaning}]`;
  if (real === 0)
    return `Threshold Crossed: no datapoints were received for ${periods} ${plural("period", periods)} and ${treated}.`;
  const count =
    datapointsToAlarm === undefined
      ? datapoints(told.length)
      : `${told.length} out of the last ${periods} datapoints`;
  const few = told.length < MANY;
  const recent = told.slice(0, MANY).map(({ time, value }) => `${javaDouble(value!)} (${shortStamp(time)})`);
  const list = `[${recent.join(", ")}]`;
  const compared = `${were(told.length)} ${state === "OK" ? "not " : ""}${PHRASES[comparison]} (${javaDouble(threshold)})`;
  const rest = filled ? ` and ${treated}` : "";
  const crossed = few ? "" : `. The most recent datapoints which crossed the threshold: ${list}`;
  return `Threshold Crossed: ${count} ${few ? `${list} ` : ""}${compared}${rest}${crossed}${minimum(rule, state)}.`;
}

/** From so many on, CloudWatch tells only so many. */
const MANY = 5;
/** Of an alarm on thousands of periods, programs get the newest. */
const MOST_IN_DATA = 100;

function minimum(
  { evaluationPeriods: periods, datapointsToAlarm: least }: AlarmRule,
  state: AlarmState,
): string {
  if (least === undefined) return "";
  return state === "ALARM"
    ? ` (minimum ${datapoints(least)} for OK -> ALARM transition)`
    : ` (minimum ${datapoints(periods - least + 1)} for ALARM -> OK transition)`;
}

/** The datapoints behind a state, for programs. */
export function reasonData(rule: AlarmRule, all: readonly RangePoint[], now: number): string {
  const points = all.slice(0, MOST_IN_DATA);
  const values = points.flatMap(({ value }) => (value === undefined ? [] : [value]));
  return JSON.stringify({
    version: "1.0",
    queryDate: stamp(now),
    ...(all.length && { startDate: stamp(all.at(-1)!.time) }),
    ...(rule.unit !== undefined && { unit: rule.unit }),
    ...(rule.statistic !== undefined && { statistic: rule.statistic }),
    period: rule.period,
    recentDatapoints: values.toReversed(),
    threshold: rule.threshold,
    evaluatedDatapoints: points.map(({ time, value, samples }) => ({
      timestamp: stamp(time),
      ...(samples !== undefined && { sampleCount: samples }),
      ...(value !== undefined && { value }),
    })),
  });
}

const plural = (word: string, count: number) => (count === 1 ? word : `${word}s`);
const datapoints = (count: number) => `${count} ${plural("datapoint", count)}`;
const were = (count: number) => (count === 1 ? "was" : "were");
