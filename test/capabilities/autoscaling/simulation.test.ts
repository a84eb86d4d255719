import fc from "fast-check";
import { expect, test } from "vitest";
import {
  simulate,
  type SimulatedPolicy,
  type SimulationInput,
} from "../../../src/capabilities/autoscaling/simulation.ts";

const HOUR = 3_600_000;
const tracking = (TargetValue: number, more: object = {}): SimulatedPolicy => ({
  policyName: "p",
  tracking: {
    TargetValue,
    PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerVariantInvocationsPerInstance" },
    ...more,
  },
});
const run = (more: Partial<SimulationInput>) =>
  simulate({
    policies: [tracking(6000)],
    min: 1,
    max: 10,
    rate: () => 0,
    durationMs: 24 * HOUR,
    latencyMs: 100,
    startupMs: 2000,
    ...more,
  });
/** From 20 requests a second at night to 400 at noon. */
const day = (at: number) => Math.max(20, 400 * Math.sin(((at / HOUR - 6) / 24) * 2 * Math.PI));

test("a day of traffic: as many instances as its target needs, and back to one at night", () => {
  const { minutes, changes } = run({ rate: day });
  expect(changes.map(({ from, to }) => `${from} to ${to}`)).toEqual([
    "1 to 2",
    "2 to 3",
    "3 to 4",
    "4 to 3",
    "3 to 2",
    "2 to 1",
  ]);
  expect(minutes).toHaveLength(24 * 60);
  expect(minutes[12 * 60]).toMatchObject({ capacity: 4, serving: 4 });
  expect(minutes.at(-1)).toMatchObject({ capacity: 1, serving: 1, perInstance: 1200 });
});

test("a peak of two minutes is no reason; one of ten is, and is over fifteen minutes after it ended", () => {
  const peak = (minutes: number) => (at: number) => (at >= HOUR && at < HOUR + minutes * 60_000 ? 500 : 50);
  expect(run({ rate: peak(2) }).changes).toEqual([]);
  const { changes } = run({ rate: peak(10) });
  expect(changes.map(({ at, to }) => [at / 60_000, to])).toEqual([
    [63, 5],
    [85, 1],
  ]);
});

test("a high-resolution policy answers within half a minute", () => {
  const policy = tracking(5, {
    PredefinedMetricSpecification: {
      PredefinedMetricType: "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    },
  });
  const { changes } = run({
    policies: [policy],
    rate: (at) => (at >= HOUR ? 200 : 10),
    durationMs: 2 * HOUR,
  });
  expect(changes).toMatchObject([{ at: HOUR + 30_000, from: 1, to: 4 }]);
});

test("steps, by the alarm beside them; instances that start slowly do not serve before their time", () => {
  const policy: SimulatedPolicy = {
    policyName: "steps",
    step: {
      AdjustmentType: "ChangeInCapacity",
      Cooldown: 300,
      StepAdjustments: [
        { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 3000, ScalingAdjustment: 1 },
        { MetricIntervalLowerBound: 3000, ScalingAdjustment: 3 },
      ],
    },
    alarm: {
      AlarmName: "busy",
      MetricName: "InvocationsPerInstance",
      Threshold: 3000,
      ComparisonOperator: "GreaterThanThreshold",
      EvaluationPeriods: 1,
      Period: 60,
    },
  };
  const { changes, minutes } = run({
    policies: [policy],
    rate: () => 150,
    durationMs: HOUR,
    startupMs: 150_000,
  });
  expect(changes[0]).toMatchObject({
    at: 60_000,
    from: 1,
    to: 4,
    cause: "monitor alarm busy in state ALARM triggered policy steps",
  });
  expect(minutes.slice(0, 5).map(({ serving }) => serving)).toEqual([1, 1, 1, 4, 4]);
});

test("whatever the traffic and the target: within the bounds, never a change to the same, cooldowns kept", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 4, maxLength: 24 }),
      fc.integer({ min: 50, max: 20_000 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 600 }),
      (rates, target, min, cooldown) => {
        const policies = [tracking(target, { ScaleInCooldown: cooldown, ScaleOutCooldown: cooldown })];
        const { minutes, changes } = run({
          policies,
          min,
          max: min + 4,
          rate: (at) => rates[Math.floor(at / (HOUR / 4)) % rates.length]!,
          durationMs: 6 * HOUR,
        });
        for (const { capacity, serving } of minutes) {
          expect(capacity).toBeGreaterThanOrEqual(min);
          expect(capacity).toBeLessThanOrEqual(min + 4);
          expect(serving).toBeLessThanOrEqual(capacity);
        }
        for (const [index, { at, from, to }] of changes.entries()) {
          expect(to).not.toBe(from);
          const before = changes[index - 1];
          if (before && to < from) expect(at - before.at).toBeGreaterThanOrEqual(cooldown * 1000);
        }
      },
    ),
    { numRuns: 25 },
  );
});

test.each([
  [{ policyName: "s", step: { AdjustmentType: "ChangeInCapacity", StepAdjustments: [] } }, "needs an Alarm"],
  [
    {
      policyName: "c",
      tracking: {
        TargetValue: 1,
        CustomizedMetricSpecification: { MetricName: "Queue", Namespace: "x", Statistic: "Sum" },
      },
    },
    "only InvocationsPerInstance and ConcurrentRequestsPerModel can be simulated, not Queue",
  ],
  [{ policyName: "n", tracking: { TargetValue: 1 } }, "Specify one of"],
] as [SimulatedPolicy, string][])("%j is refused: %s", (policy, message) => {
  expect(() => run({ policies: [policy] })).toThrow(message);
});
