import { expect, test } from "vitest";
import { ScalableTargetKind } from "../../../src/capabilities/autoscaling/kinds.ts";
import { ID, setUp, tracked } from "./autoscaling-fixture.ts";

const MINUTE = 60_000;

test("a capacity outside of its bounds is brought into them at once", async () => {
  const { call, clock, instancesNow, activities } = await setUp({ instances: 1 });
  await call("RegisterScalableTarget", { ...ID, MinCapacity: 3, MaxCapacity: 5 });
  await clock.advance(10);
  expect(await instancesNow()).toBe(3);
  expect(await activities()).toMatchObject([
    {
      StatusCode: "Successful",
      Description: "Setting desired instance count to 3.",
      Cause: "minimum capacity was set to 3",
      StatusMessage:
        "Successfully set desired instance count to 3. Change successfully fulfilled by sagemaker.",
    },
  ]);
  await call("RegisterScalableTarget", { ...ID, MinCapacity: 1, MaxCapacity: 2 });
  await clock.advance(10);
  expect(await instancesNow()).toBe(2);
});

test("more is added for an alarm of too little, waits for what it added, and is taken away again", async () => {
  const { alarms, clock, instancesNow, asked, activities } = await tracked();
  alarms.say("High", 180);
  await clock.advance(MINUTE);
  expect(await instancesNow()).toBe(4);
  // the same load still shows for a while
  await clock.advance(3 * MINUTE);
  expect(asked).toEqual([4]);
  alarms.say("Low", 20);
  await clock.advance(MINUTE);
  expect(asked).toEqual([4]);
  await clock.advance(5 * MINUTE);
  expect(asked).toEqual([4, 1]);
  expect(await activities()).toMatchObject([
    {
      Cause: expect.stringMatching(
        /^monitor alarm TargetTracking-endpoint\/iris\/variant\/main-AlarmLow-.* in state ALARM triggered policy hold-100$/,
      ),
    },
    { Description: "Setting desired instance count to 4." },
  ]);
});

test("an alarm that comes on is heard at once, and only of a policy that is there", async () => {
  const { alarms, clock, scaling, call, instancesNow } = await tracked();
  const { ScalingPolicies: policies } = (await call("DescribeScalingPolicies", {
    ServiceNamespace: "sagemaker",
  } as never)) as { ScalingPolicies: { PolicyARN: string }[] };
  alarms.say("High", 250);
  expect(await scaling.alarmed(policies[0]!.PolicyARN)).toBe(true);
  await clock.advance(10);
  expect(await instancesNow()).toBe(5);
  expect(await scaling.alarmed("arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:none")).toBe(false);
});

test("a policy whose name holds blanks is heard like any other", async () => {
  const { alarms, clock, scaling, call, instancesNow } = await setUp();
  await call("RegisterScalableTarget", { ...ID, MinCapacity: 1, MaxCapacity: 10 });
  const { PolicyARN } = (await call("PutScalingPolicy", {
    ...ID,
    PolicyName: "hold a hundred",
    PolicyType: "TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration: {
      TargetValue: 100,
      PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerVariantInvocationsPerInstance" },
    },
  })) as { PolicyARN: string };
  await clock.advance(10);
  alarms.say("High", 250);
  expect(await scaling.alarmed(PolicyARN)).toBe(true);
  await clock.advance(10);
  expect(await instancesNow()).toBe(5);
});

test("nothing is taken away for want of data, and nothing at all without an alarm", async () => {
  const { alarms, clock, asked } = await tracked({ instances: 5 });
  await clock.advance(60 * MINUTE);
  alarms.say("Low", 20);
  alarms.values.clear();
  await clock.advance(60 * MINUTE);
  expect(asked).toEqual([]);
});

test("why nothing happens is told once, and again after something did", async () => {
  const { alarms, clock, activities, call } = await tracked({ instances: 10 });
  alarms.say("High", 300);
  await clock.advance(10 * MINUTE);
  expect(await activities()).toEqual([]);
  expect(await activities(true)).toMatchObject([
    {
      StatusCode: "Unfulfilled",
      NotScaledReasons: [{ Code: "AlreadyAtMaxCapacity", CurrentCapacity: 10, MaxCapacity: 10 }],
    },
  ]);
  await call("RegisterScalableTarget", { ...ID, MaxCapacity: 12 });
  await clock.advance(10 * MINUTE);
  expect(await activities(true)).toHaveLength(3);
});

test("while the endpoint is being updated nothing is asked of it; afterwards it is", async () => {
  const { alarms, clock, asked, change } = await tracked();
  await change({ state: "Updating" });
  alarms.say("High", 180);
  await clock.advance(5 * MINUTE);
  expect(asked).toEqual([]);
  await change({ state: "InService" });
  await clock.advance(10);
  expect(asked).toEqual([4]);
});

test("what was noted when control was killed is asked by the next one, once", async () => {
  const { alarms, clock, asked, ports, change, scaling, open, instancesNow, activities } = await tracked();
  const works = ports.setCapacity;
  ports.setCapacity = async () => {
    await change({ state: "Updating" });
    throw new Error("Cannot update in-progress endpoint");
  };
  alarms.say("High", 180);
  await clock.advance(MINUTE);
  expect(await activities()).toMatchObject([{ StatusCode: "InProgress" }]);
  await scaling[Symbol.asyncDispose]();
  await change({ state: "InService" });
  ports.setCapacity = works;
  alarms.on.clear();
  await using _next = await open();
  await clock.advance(10 * MINUTE);
  expect(asked).toEqual([4]);
  expect(await instancesNow()).toBe(4);
  expect(await activities()).toMatchObject([{ StatusCode: "Successful" }]);
});

test("a change that SageMaker refuses ends as failed, with its words; another is tried after the cooldown", async () => {
  const { alarms, clock, asked, capacity, activities } = await tracked();
  capacity.fail = new Error("The account-level service limit is 3.");
  alarms.say("High", 180);
  await clock.advance(2 * MINUTE);
  expect(await activities()).toMatchObject([
    {
      StatusCode: "Failed",
      StatusMessage: "Failed to set desired instance count to 4: The account-level service limit is 3.",
    },
  ]);
  expect(asked).toEqual([4]);
  capacity.fail = undefined;
  await clock.advance(5 * MINUTE);
  expect(asked).toEqual([4, 4]);
});

test("an update that could not be brought up ends its activity as failed", async () => {
  const { clock, change, ports, asked, alarms, activities } = await tracked();
  ports.setCapacity = async (_name, _variant, to) => {
    asked.push((to as { instanceCount: number }).instanceCount);
    await change({ state: "Updating" }, 4);
    await change({ state: "RollingBack" });
    await change({ state: "InService", failureReason: "There was no room." }, 2);
  };
  alarms.say("High", 180);
  await clock.advance(2 * MINUTE);
  expect(await activities()).toMatchObject([
    { StatusCode: "Failed", StatusMessage: "Failed to set desired instance count to 4: There was no room." },
  ]);
});

test("somebody else's change meanwhile is told as such", async () => {
  const { clock, change, ports, asked, alarms, activities } = await tracked();
  ports.setCapacity = async () => {
    asked.push(4);
    await change({ state: "Updating" }, 7);
    throw new Error("Cannot update in-progress endpoint");
  };
  alarms.say("High", 180);
  await clock.advance(MINUTE);
  alarms.on.clear();
  await change({ state: "InService" });
  await clock.advance(MINUTE);
  expect(await activities()).toMatchObject([
    { StatusCode: "Overridden", StatusMessage: "Something else set desired instance count to 7 meanwhile." },
  ]);
  expect(asked).toEqual([4]);
});

test("scheduled actions set the bounds when they are due, with time zones, and once", async () => {
  const { call, clock, instancesNow, activities } = await setUp({ instances: 2 });
  await call("RegisterScalableTarget", { ...ID, MinCapacity: 1, MaxCapacity: 4 });
  // the fake clock begins at 2026-01-01T00:00Z, which is 01:00 in Berlin
  await call("PutScheduledAction", {
    ...ID,
    ScheduledActionName: "morning",
    Schedule: "cron(0 8 * * ? *)",
    Timezone: "Europe/Berlin",
    ScalableTargetAction: { MinCapacity: 6 },
  });
  await call("PutScheduledAction", {
    ...ID,
    ScheduledActionName: "evening",
    Schedule: "at(2026-01-01T20:00:00)",
    ScalableTargetAction: { MinCapacity: 1, MaxCapacity: 3 },
  });
  await clock.advance(7 * 60 * MINUTE - 1);
  expect(await instancesNow()).toBe(2);
  await clock.advance(1000);
  expect(await instancesNow()).toBe(6);
  expect(await activities()).toMatchObject([
    { Cause: "minimum capacity was set to 6" },
    {
      Cause: "scheduled action name morning was triggered",
      Description: "Setting min capacity to 6 and max capacity to 6",
    },
  ]);
  await clock.advance(13 * 60 * MINUTE);
  expect(await instancesNow()).toBe(3);
  expect((await activities()).length).toBe(4);
});

test("of runs that were missed the last counts, and suspended ones pass without effect", async () => {
  const { call, clock, scaling, open, store, instancesNow } = await setUp({ instances: 2 });
  await call("RegisterScalableTarget", { ...ID, MinCapacity: 1, MaxCapacity: 9 });
  const put = (name: string, Schedule: string, MinCapacity: number) =>
    call("PutScheduledAction", {
      ...ID,
      ScheduledActionName: name,
      Schedule,
      ScalableTargetAction: { MinCapacity },
    });
  await put("early", "cron(0 6 * * ? *)", 5);
  await put("late", "cron(0 18 * * ? *)", 3);
  await clock.advance(10);
  await scaling[Symbol.asyncDispose]();
  await clock.advance(3 * 24 * 60 * MINUTE);
  await using _later = await open();
  await clock.advance(10);
  expect(
    (await store.get(ScalableTargetKind, `${ID.ScalableDimension} ${ID.ResourceId}`))!.spec,
  ).toMatchObject({ min: 3, max: 9 });
  expect(await instancesNow()).toBe(3);
  await call("RegisterScalableTarget", {
    ...ID,
    SuspendedState: { ScheduledScalingSuspended: true },
  });
  await clock.advance(7 * 60 * MINUTE);
  expect(await instancesNow()).toBe(3);
});

test("alarms of a policy that are missing are made again, and those that are left over go", async () => {
  const { alarms, clock } = await tracked();
  const [high, low] = [...alarms.all.keys()];
  const left = {
    ...alarms.all.get(high!)!,
    AlarmName: "TargetTracking-endpoint/iris/variant/main-AlarmHigh-old",
  };
  await alarms.put(left);
  alarms.all.delete(low!);
  await clock.advance(MINUTE);
  expect([...alarms.all.keys()].toSorted().toReversed()).toEqual([low, high]);
});

test("an asynchronous endpoint is scaled to nothing and from nothing", async () => {
  const { alarms, clock, call, instancesNow } = await setUp({ instances: 1, asyncInference: true });
  await call("RegisterScalableTarget", { ...ID, MinCapacity: 0, MaxCapacity: 5 });
  await call("PutScalingPolicy", {
    ...ID,
    PolicyName: "backlog",
    PolicyType: "TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration: {
      TargetValue: 5,
      CustomizedMetricSpecification: {
        MetricName: "ApproximateBacklogSizePerInstance",
        Namespace: "AWS/SageMaker",
        Dimensions: [{ Name: "EndpointName", Value: "iris" }],
        Statistic: "Average",
      },
    },
  });
  const { PolicyARN } = (await call("PutScalingPolicy", {
    ...ID,
    PolicyName: "wake",
    PolicyType: "StepScaling",
    StepScalingPolicyConfiguration: {
      AdjustmentType: "ChangeInCapacity",
      StepAdjustments: [{ MetricIntervalLowerBound: 0, ScalingAdjustment: 1 }],
    },
  } as never)) as { PolicyARN: string };
  alarms.say("Low", 0);
  await clock.advance(MINUTE);
  expect(await instancesNow()).toBe(0);
  await alarms.put({
    AlarmName: "backlog-without-capacity",
    AlarmActions: [PolicyARN],
    ComparisonOperator: "GreaterThanOrEqualToThreshold",
    Threshold: 1,
    EvaluationPeriods: 1,
  });
  alarms.on.clear();
  alarms.on.add("backlog-without-capacity");
  alarms.values.set("backlog-without-capacity", 1);
  await clock.advance(MINUTE);
  expect(await instancesNow()).toBe(1);
});
