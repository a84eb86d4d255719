import { expect, test } from "vitest";
import { steppedCapacity } from "../../../src/capabilities/autoscaling/step-scaling.ts";

const steps = [
  { MetricIntervalUpperBound: -10, ScalingAdjustment: -30 },
  { MetricIntervalLowerBound: -10, MetricIntervalUpperBound: 0, ScalingAdjustment: -10 },
  { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 10, ScalingAdjustment: 10 },
  { MetricIntervalLowerBound: 10, ScalingAdjustment: 30 },
];

// the examples of AWS's page on step scaling, with 10 as the capacity
test.each([
  [0, 11],
  [9.9, 11],
  [10, 13],
  [1000, 13],
  [-0.1, 9],
  [-9.9, 9],
  [-10, 7],
  [-1000, 7],
])("by per cent: %d beyond the threshold makes 10 to %d", (breach, expected) => {
  expect(
    steppedCapacity({ AdjustmentType: "PercentChangeInCapacity", StepAdjustments: steps }, 10, breach),
  ).toBe(expected);
});

test.each([
  [25, 10, 0, 27],
  [3, 10, 0, 4],
  [3, 10, 2, 5],
  [3, -10, 0, 2],
  [3, -10, 2, 1],
  [67, -10, 0, 61],
])("%d changed by %d per cent, at least by %d, is %d", (capacity, percent, least, expected) => {
  const policy = {
    AdjustmentType: "PercentChangeInCapacity" as const,
    MinAdjustmentMagnitude: least,
    StepAdjustments: [{ MetricIntervalLowerBound: 0, ScalingAdjustment: percent }],
  };
  expect(steppedCapacity(policy, capacity, 1)).toBe(expected);
});

test("by a number, to a number, and where no step fits", () => {
  const StepAdjustments = [{ MetricIntervalLowerBound: 5, ScalingAdjustment: 4 }];
  expect(steppedCapacity({ AdjustmentType: "ChangeInCapacity", StepAdjustments }, 3, 5)).toBe(7);
  expect(steppedCapacity({ AdjustmentType: "ExactCapacity", StepAdjustments }, 3, 6)).toBe(4);
  expect(steppedCapacity({ AdjustmentType: "ExactCapacity", StepAdjustments }, 3, 4.9)).toBeUndefined();
});
