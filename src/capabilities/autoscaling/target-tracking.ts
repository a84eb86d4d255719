/**
 * Target tracking: as much capacity as would bring the metric to its target. As AWS does, more is added when the metric
 * was above the target for three periods in a row, and some is taken away when it was a tenth below for fifteen; a period
 * without data decides nothing, so that nothing is ever taken away for want of data.
 * https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
 */

/** How many periods in a row decide, and below which part of the target there is too much capacity. */
export const OUT_PERIODS = 3;
export const IN_PERIODS = 15;
export const IN_SHARE = 0.9;

/** What would bring the metric to the target; capacity 0 is left by whatever the metric counts. */
export function trackedCapacity(capacity: number, value: number, target: number): number {
  if (!(target > 0) || !Number.isFinite(value)) return capacity;
  if (capacity === 0) return value > 0 ? 1 : 0;
  // a hair above a whole number, from the division, is that number
  return Math.max(0, Math.ceil((capacity * value) / target - 1e-9));
}
