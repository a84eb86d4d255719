/**
 * What policies would have done with a traffic: the decisions of the controller, on the metrics that SageMaker would
 * have had, without an endpoint. Every period has data.
 */
import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import { decide, type PastChange, type Wish } from "./decide.ts";
import type { ScalingPolicySpec } from "./kinds.ts";
import { alarmsOf } from "./metric-specification.ts";
import { INSTANCE_COUNT, type ScalableId } from "./scalable.ts";
import { wishOf } from "./wishes.ts";

/** A policy as it is put, and for one of steps the alarm that sets it off. */
export interface SimulatedPolicy extends Pick<ScalingPolicySpec, "policyName" | "step" | "tracking"> {
  readonly alarm?: MetricAlarm;
}

export interface SimulationInput {
  readonly policies: readonly SimulatedPolicy[];
  readonly min: number;
  readonly max: number;
  /** Requests a second at a time, in milliseconds from the beginning. */
  readonly rate: (at: number) => number;
  readonly durationMs: number;
  /** How long a request takes: what ConcurrentRequestsPerModel is reckoned with. */
  readonly latencyMs: number;
  /** Until an instance that was added serves. */
  readonly startupMs: number;
}

/** One minute of the day that was simulated. */
export interface SimulatedMinute {
  /** Its end, in milliseconds from the beginning. */
  readonly at: number;
  /** Requests a second on average. */
  readonly rate: number;
  /** What was asked for, and how many of it served, at the end. */
  readonly capacity: number;
  readonly serving: number;
  /** InvocationsPerInstance. */
  readonly perInstance: number;
}

export interface SimulatedChange {
  readonly at: number;
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}

export interface Simulation {
  readonly minutes: readonly SimulatedMinute[];
  readonly changes: readonly SimulatedChange[];
}

/** The metrics that an endpoint's traffic makes, by name: what a policy may follow here. */
const METRICS = ["InvocationsPerInstance", "ConcurrentRequestsPerModel"] as const;
type MetricName = (typeof METRICS)[number];

const TICK_MS = 10_000;
const ID: ScalableId = { resourceId: "endpoint/simulated/variant/simulated", dimension: INSTANCE_COUNT };

/** Throws for a policy on a metric that no simulation has. */
export function simulate(input: SimulationInput): Simulation {
  const watched = input.policies.flatMap((policy) =>
    alarmsIn(policy).map((alarm) => ({ policy, alarm, metric: metricOf(alarm) })),
  );
  const minutes: SimulatedMinute[] = [];
  const changes: SimulatedChange[] = [];
  /** By metric and seconds of a period, the values of the periods that have ended. */
  const values = new Map<string, number[]>();
  const push = (metric: MetricName, seconds: number, value: number) =>
    values.set(
      `${metric} ${seconds}`,
      [...(values.get(`${metric} ${seconds}`) ?? []), value].slice(-LONGEST_RANGE),
    );

  let capacity = input.min;
  /** Instances that were asked for, and when each serves. */
  let starting: { readonly at: number; readonly count: number }[] = [];
  let serving = capacity;
  let lastOut: PastChange | undefined;
  let lastIn: PastChange | undefined;
  let invocations = 0;
  let perInstance = 0;
  let concurrent: number[] = [];

  for (let at = TICK_MS; at <= input.durationMs; at += TICK_MS) {
    const rate = input.rate(at - TICK_MS);
    const ready = starting.filter((one) => one.at <= at);
    starting = starting.filter((one) => one.at > at);
    serving = Math.min(capacity, serving + ready.reduce((sum, { count }) => sum + count, 0));
    const share = Math.max(1, serving);
    invocations += (rate * TICK_MS) / 1000;
    perInstance += (rate * TICK_MS) / 1000 / share;
    const inFlight = (rate * input.latencyMs) / 1000 / share;
    concurrent.push(inFlight);
    push("ConcurrentRequestsPerModel", 10, inFlight);
    const whole = at % 60_000 === 0;
    if (whole) {
      push("InvocationsPerInstance", 60, perInstance);
      push("ConcurrentRequestsPerModel", 60, Math.max(...concurrent));
    }

    const wishes = watched.flatMap(({ policy, alarm, metric }): Wish[] => {
      const period = alarm.Period!;
      const range = (values.get(`${metric} ${period}`) ?? []).slice(-alarm.EvaluationPeriods!);
      if ((at / 1000) % period !== 0 || range.length < alarm.EvaluationPeriods!) return [];
      return range.every((value) => breaches(alarm, value)) ? [wishOf(policy, alarm, range.at(-1))] : [];
    });
    const decision = decide(
      { capacity, min: input.min, max: input.max, outSuspended: false, inSuspended: false, lastOut, lastIn },
      wishes,
      at,
    );
    if (decision.kind === "scale" && decision.capacity !== capacity) {
      const change = { at, from: capacity, to: decision.capacity };
      changes.push({ ...change, cause: decision.wish.cause });
      if (change.to > change.from) {
        lastOut = change;
        starting.push({ at: at + input.startupMs, count: change.to - change.from });
      } else {
        lastIn = change;
        // those that have not come up yet go first
        starting = [];
        serving = Math.min(serving, change.to);
        if (serving < change.to) starting.push({ at: at + input.startupMs, count: change.to - serving });
      }
      capacity = change.to;
    }
    if (whole) {
      minutes.push({ at, rate: invocations / 60, capacity, serving, perInstance });
      [invocations, perInstance, concurrent] = [0, 0, []];
    }
  }
  return { minutes, changes };
}

/** As many periods as an alarm of target tracking looks at, and more. */
const LONGEST_RANGE = 1440;

function alarmsIn({ policyName, tracking, alarm }: SimulatedPolicy): MetricAlarm[] {
  if (tracking)
    return alarmsOf(ID, tracking, policyName, [
      `${policyName} AlarmHigh`,
      ...(tracking.DisableScaleIn ? [] : [`${policyName} AlarmLow`]),
    ]);
  if (!alarm)
    throw new Error(`The policy ${policyName} is one of steps: it needs an Alarm that sets it off.`);
  return [{ Period: 60, EvaluationPeriods: 1, AlarmName: `${policyName} Alarm`, ...alarm }];
}

function metricOf({ MetricName: name, Period: period, AlarmName: alarm }: MetricAlarm): MetricName {
  const known = METRICS.find((metric) => metric === name);
  if (!known)
    throw new Error(
      `${alarm}: only ${METRICS.join(" and ")} can be simulated, not ${name ?? "metric math"}.`,
    );
  const periods = known === "InvocationsPerInstance" ? [60] : [10, 60];
  if (!periods.includes(period!))
    throw new Error(
      `${alarm}: ${known} is simulated with a period of ${periods.join(" or ")} s, not ${period} s.`,
    );
  return known;
}

function breaches(
  { ComparisonOperator: operator, Threshold: threshold = 0 }: MetricAlarm,
  value: number,
): boolean {
  if (operator === "GreaterThanThreshold") return value > threshold;
  if (operator === "GreaterThanOrEqualToThreshold") return value >= threshold;
  if (operator === "LessThanThreshold") return value < threshold;
  return value <= threshold;
}
