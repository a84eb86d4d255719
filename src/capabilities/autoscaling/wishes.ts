/** What a policy wants of its target while one of its alarms is on. */
import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import type { Wish } from "./decide.ts";
import type { ScalingPolicySpec } from "./kinds.ts";
import { steppedCapacity } from "./step-scaling.ts";
import { trackedCapacity } from "./target-tracking.ts";

/** Seconds. */
const DEFAULT_COOLDOWN = 300;

/** Without a value nothing is wanted, but an alarm of too little capacity still keeps others from taking some away. */
export function wishOf(
  { policyName, step, tracking }: Pick<ScalingPolicySpec, "policyName" | "step" | "tracking">,
  { AlarmName, Threshold = 0, ComparisonOperator, Period = 60 }: MetricAlarm,
  value: number | undefined,
): Wish {
  // a whole period must have begun and ended before the metric says what a change has led to
  const cooldownMs = (seconds = DEFAULT_COOLDOWN) => Math.max(seconds, 2 * Period) * 1000;
  const cause = `monitor alarm ${AlarmName} in state ALARM triggered policy ${policyName}`;
  if (tracking) {
    const { TargetValue, ScaleOutCooldown, ScaleInCooldown } = tracking;
    return {
      policy: policyName,
      cause,
      direction: ComparisonOperator === "GreaterThanThreshold" ? "out" : "in",
      outCooldownMs: cooldownMs(ScaleOutCooldown),
      inCooldownMs: cooldownMs(ScaleInCooldown),
      wanted: (capacity) =>
        value === undefined ? undefined : trackedCapacity(capacity, value, TargetValue!),
    };
  }
  return {
    policy: policyName,
    cause,
    direction: "either",
    outCooldownMs: cooldownMs(step!.Cooldown),
    inCooldownMs: cooldownMs(step!.Cooldown),
    wanted: (capacity) =>
      value === undefined ? undefined : steppedCapacity(step!, capacity, value - Threshold),
  };
}
