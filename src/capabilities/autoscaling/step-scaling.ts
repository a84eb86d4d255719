/**
 * Step scaling: how far a metric is beyond an alarm's threshold decides how much capacity is added or taken away.
 * https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
 */
import type { StepScalingPolicyConfiguration } from "@aws-sdk/client-application-auto-scaling";

/** What the adjustment that fits makes of the capacity, or undefined where none fits. `breach`: metric minus threshold. */
export function steppedCapacity(
  {
    AdjustmentType: type,
    StepAdjustments: steps = [],
    MinAdjustmentMagnitude: least = 0,
  }: StepScalingPolicyConfiguration,
  capacity: number,
  breach: number,
): number | undefined {
  const step = steps.find(
    ({ MetricIntervalLowerBound: lower = -Infinity, MetricIntervalUpperBound: upper = Infinity }) =>
      // a bound that is the threshold itself or beyond it includes the side that is nearer to the threshold
      breach >= 0 ? breach >= lower && breach < upper : breach > lower && breach <= upper,
  );
  if (!step) return undefined;
  const adjustment = step.ScalingAdjustment!;
  switch (type) {
    case "ExactCapacity":
      return adjustment;
    case "PercentChangeInCapacity":
      return capacity + atLeast(rounded((capacity * adjustment) / 100), least, adjustment);
    default:
      return capacity + adjustment;
  }
}

/** Above 1 down, up to 1 up to 1; the same below zero. So a change never becomes none. */
const rounded = (change: number) => (change > 1 || change < -1 ? Math.trunc(change) : Math.sign(change));

const atLeast = (change: number, least: number, adjustment: number) =>
  Math.sign(adjustment) * Math.max(Math.abs(change), least);
