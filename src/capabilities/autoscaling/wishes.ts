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
  { AlarmName, Threshold = 0, ComparisonOperator }: MetricAlarm,
  value: number | undefined,
): Wish {
  const cause = `monitor alarm ${AlarmName} in state ALARM triggered policy ${policyName}`;
  if (tracking) {
    const { TargetValue, ScaleOutCooldown, ScaleInCooldown } = tracking;
    return {
      policy: policyName,
      cause,
      direction: ComparisonOperator === "GreaterThanThreshold" ? "out" : "in",
      outCooldownMs: (ScaleOutCooldown ?? DEFAULT_COOLDOWN) * 1000,
      inCooldownMs: (ScaleInCooldown ?? DEFAULT_COOLDOWN) * 1000,
      wanted: (capacity) =>
        value === undefined ? undefined : trackedCapacity(capacity, value, TargetValue!),
    };
  }
  const cooldownMs = (step!.Cooldown ?? DEFAULT_COOLDOWN) * 1000;
  return {
    policy: policyName,
    cause,
    direction: "either",
    outCooldownMs: cooldownMs,
    inCooldownMs: cooldownMs,
    wanted: (capacity) =>
      value === undefined ? undefined : steppedCapacity(step!, capacity, value - Threshold),
  };
}
