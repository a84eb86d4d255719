import { spawn, spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import * as autoscaling from "@aws-sdk/client-application-auto-scaling";
import * as cloudwatch from "@aws-sdk/client-cloudwatch";
import { afterAll, afterEach, expect, test } from "vitest";
import { ODD_MODEL, TidewayServer } from "../support/tideway-server.ts";

const servers: AsyncDisposable[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

const id = {
  ServiceNamespace: "sagemaker",
  ResourceId: "endpoint/odd/variant/AllTraffic",
  ScalableDimension: "sagemaker:variant:DesiredInstanceCount",
} as const;

async function deployed() {
  const server = await TidewayServer.start({ patience: { drainMs: 10 } });
  servers.push(server);
  await server.image("odd", ODD_MODEL, "{socket}");
  await server.deploy("odd", { Image: "odd" });
  const { url: endpoint, region, accessKeyId, secretAccessKey } = server.server;
  const settings = { endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
  const scaling = new autoscaling.ApplicationAutoScalingClient(settings);
  return { server, scaling, metrics: new cloudwatch.CloudWatchClient(settings) };
}

const instances = async (server: TidewayServer) =>
  (await server.describe("odd")).ProductionVariants![0]!.CurrentInstanceCount;

test("a variant follows a metric: the alarms that AWS would make, real instances, and an activity that says why", async () => {
  const { server, scaling, metrics } = await deployed();
  await scaling.send(
    new autoscaling.RegisterScalableTargetCommand({ ...id, MinCapacity: 1, MaxCapacity: 3 }),
  );
  const { PolicyARN, Alarms = [] } = await scaling.send(
    new autoscaling.PutScalingPolicyCommand({
      ...id,
      PolicyName: "load",
      PolicyType: "TargetTrackingScaling",
      TargetTrackingScalingPolicyConfiguration: {
        TargetValue: 100,
        CustomizedMetricSpecification: { MetricName: "Load", Namespace: "Shop", Statistic: "Average" },
      },
    }),
  );
  const { MetricAlarms } = await metrics.send(new cloudwatch.DescribeAlarmsCommand({}));
  expect(MetricAlarms!.map(({ AlarmName }) => AlarmName)).toEqual(
    Alarms.map(({ AlarmName }) => AlarmName).toSorted((a, b) => a!.localeCompare(b!)),
  );
  expect(MetricAlarms).toMatchObject([
    { Threshold: 100, EvaluationPeriods: 3, Period: 60, AlarmActions: [PolicyARN] },
    { Threshold: 90, EvaluationPeriods: 15, Period: 60, ComparisonOperator: "LessThanThreshold" },
  ]);

  await metrics.send(
    new cloudwatch.PutMetricDataCommand({
      Namespace: "Shop",
      MetricData: [1, 2, 3].map((minutes) => ({
        MetricName: "Load",
        Value: 250,
        Timestamp: new Date(Date.now() - minutes * 60_000),
      })),
    }),
  );
  // what the evaluation finds by itself within the minute
  await metrics.send(
    new cloudwatch.SetAlarmStateCommand({
      AlarmName: MetricAlarms![0]!.AlarmName!,
      StateValue: "ALARM",
      StateReason: "The test can not wait.",
    }),
  );
  await expect.poll(() => instances(server), { timeout: 30_000 }).toBe(3);
  const activities = async () =>
    (await scaling.send(new autoscaling.DescribeScalingActivitiesCommand(id))).ScalingActivities;
  await expect.poll(activities, { timeout: 30_000 }).toMatchObject([
    {
      StatusCode: "Successful",
      Description: "Setting desired instance count to 3.",
      Cause: `monitor alarm ${MetricAlarms![0]!.AlarmName} in state ALARM triggered policy load`,
    },
  ]);

  await scaling.send(new autoscaling.DeregisterScalableTargetCommand(id));
  expect((await metrics.send(new cloudwatch.DescribeAlarmsCommand({}))).MetricAlarms).toEqual([]);
  expect(
    (await scaling.send(new autoscaling.DescribeScalingPoliciesCommand({ ServiceNamespace: "sagemaker" })))
      .ScalingPolicies,
  ).toEqual([]);
});

test("bounds and schedules come back as they were given; what is wrong is refused by name", async () => {
  const { scaling } = await deployed();
  const send = scaling.send.bind(scaling);
  const register = (more: object) => send(new autoscaling.RegisterScalableTargetCommand({ ...id, ...more }));
  await expect(
    send(
      new autoscaling.PutScheduledActionCommand({ ...id, ScheduledActionName: "x", Schedule: "rate(1 day)" }),
    ),
  ).rejects.toMatchObject({
    name: "ObjectNotFoundException",
    message:
      "No scalable target registered for service namespace: sagemaker, resource ID: endpoint/odd/variant/AllTraffic, scalable dimension: sagemaker:variant:DesiredInstanceCount",
  });
  await expect(register({ MaxCapacity: 2 })).rejects.toThrow("MinCapacity and MaxCapacity are required");
  await expect(register({ MinCapacity: 3, MaxCapacity: 2 })).rejects.toThrow(
    "Maximum capacity cannot be less than minimum capacity",
  );
  await expect(register({ MinCapacity: 0, MaxCapacity: 2 })).rejects.toThrow(
    "Minimum capacity must be at least 1",
  );
  await expect(
    register({ ResourceId: "endpoint/none/variant/AllTraffic", MinCapacity: 1, MaxCapacity: 2 }),
  ).rejects.toMatchObject({ name: "ValidationException" });
  await expect(
    register({ ServiceNamespace: "dynamodb", ResourceId: "table/x", MinCapacity: 1, MaxCapacity: 2 }),
  ).rejects.toThrow("Unsupported service namespace, resource type or scalable dimension");

  const { ScalableTargetARN } = await register({ MinCapacity: 1, MaxCapacity: 2, Tags: { team: "a" } });
  expect(await register({ SuspendedState: { ScheduledScalingSuspended: true } })).toMatchObject({
    ScalableTargetARN,
  });
  const { ScalableTargets } = await send(
    new autoscaling.DescribeScalableTargetsCommand({
      ServiceNamespace: "sagemaker",
      ResourceIds: [id.ResourceId],
    }),
  );
  expect(ScalableTargets).toMatchObject([
    {
      ...id,
      MinCapacity: 1,
      MaxCapacity: 2,
      SuspendedState: { DynamicScalingInSuspended: false, ScheduledScalingSuspended: true },
    },
  ]);
  await send(new autoscaling.TagResourceCommand({ ResourceARN: ScalableTargetARN, Tags: { cost: "1" } }));
  await send(new autoscaling.UntagResourceCommand({ ResourceARN: ScalableTargetARN, TagKeys: ["team"] }));
  expect(
    (await send(new autoscaling.ListTagsForResourceCommand({ ResourceARN: ScalableTargetARN }))).Tags,
  ).toEqual({ cost: "1" });

  const schedule = (Schedule: string, ScheduledActionName = "nightly", more: object = {}) =>
    send(
      new autoscaling.PutScheduledActionCommand({
        ...id,
        ScheduledActionName,
        Schedule,
        Timezone: "Europe/Berlin",
        ScalableTargetAction: { MinCapacity: 2 },
        ...more,
      }),
    );
  await schedule("cron(0 22 * * ? *)");
  await schedule("cron(0 23 * * ? *)");
  await schedule("rate(12 hours)", "often");
  const { ScheduledActions, NextToken } = await send(
    new autoscaling.DescribeScheduledActionsCommand({ ServiceNamespace: "sagemaker", MaxResults: 1 }),
  );
  expect(ScheduledActions).toMatchObject([
    { ScheduledActionName: "nightly", Schedule: "cron(0 23 * * ? *)" },
  ]);
  expect(
    (
      await send(
        new autoscaling.DescribeScheduledActionsCommand({
          ServiceNamespace: "sagemaker",
          MaxResults: 1,
          NextToken: NextToken!,
        }),
      )
    ).ScheduledActions,
  ).toMatchObject([{ ScheduledActionName: "often" }]);
  await expect(schedule("cron(0 25 * * ? *)")).rejects.toThrow("hours takes 0 to 23, not 25");
  await expect(schedule("at(2020-01-01T00:00:00)")).rejects.toThrow("is never due from now on");
  await expect(schedule("rate(1 day)", "x", { Timezone: "Mars/Olympus" })).rejects.toThrow(
    "Timezone Mars/Olympus",
  );
  await expect(schedule("rate(1 day)", "x", { ScalableTargetAction: {} })).rejects.toThrow(
    "ScalableTargetAction needs",
  );
  await send(new autoscaling.DeleteScheduledActionCommand({ ...id, ScheduledActionName: "often" }));
  await expect(
    send(new autoscaling.DeleteScheduledActionCommand({ ...id, ScheduledActionName: "often" })),
  ).rejects.toMatchObject({ name: "ObjectNotFoundException" });
});

test.each([
  [{ PolicyType: "StepScaling" }, "needs a StepScalingPolicyConfiguration"],
  [
    { StepScalingPolicyConfiguration: { AdjustmentType: "ChangeInCapacity", StepAdjustments: [] } },
    "StepAdjustments takes 1 to 20 steps, not 0",
  ],
  [
    {
      StepScalingPolicyConfiguration: {
        AdjustmentType: "ChangeInCapacity",
        StepAdjustments: [
          { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 10, ScalingAdjustment: 1 },
          { MetricIntervalLowerBound: 12, ScalingAdjustment: 2 },
        ],
      },
    },
    "without a gap and without an overlap",
  ],
  [
    { PolicyType: "TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration: { TargetValue: 0 } },
    "TargetValue must be greater than 0",
  ],
  [
    { PolicyType: "TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration: { TargetValue: 1 } },
    "Specify one of PredefinedMetricSpecification and CustomizedMetricSpecification",
  ],
  [
    {
      PolicyType: "TargetTrackingScaling",
      TargetTrackingScalingPolicyConfiguration: {
        TargetValue: 1,
        PredefinedMetricSpecification: { PredefinedMetricType: "ECSServiceAverageCPUUtilization" },
      },
    },
    "is not one for the scalable dimension",
  ],
  [{ PolicyType: "PredictiveScaling" }, "Predictive scaling is not supported"],
] as [object, string][])("a policy %j is refused: %s", async (policy, message) => {
  const { scaling } = await shared();
  await expect(
    scaling.send(new autoscaling.PutScalingPolicyCommand({ ...id, PolicyName: "p", ...policy })),
  ).rejects.toThrow(message);
});

/** One server for requests that change nothing. */
let common: ReturnType<typeof deployed> | undefined;
async function shared() {
  if (!common) {
    common = deployed();
    const { server, scaling } = await common;
    // not ended after the first test
    servers.splice(servers.indexOf(server), 1);
    await scaling.send(
      new autoscaling.RegisterScalableTargetCommand({ ...id, MinCapacity: 1, MaxCapacity: 2 }),
    );
  }
  return common;
}
afterAll(async () => {
  if (common) await (await common).server[Symbol.asyncDispose]();
});

const PYTHON = `
import boto3
scaling = boto3.client("application-autoscaling")
where = dict(ServiceNamespace="sagemaker", ResourceId="endpoint/odd/variant/AllTraffic", ScalableDimension="sagemaker:variant:DesiredInstanceCount")
scaling.register_scalable_target(MinCapacity=1, MaxCapacity=4, **where)
scaling.put_scaling_policy(PolicyName="per-instance", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration={
    "TargetValue": 70.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}, "ScaleInCooldown": 60}, **where)
[policy] = scaling.get_paginator("describe_scaling_policies").paginate(ServiceNamespace="sagemaker").build_full_result()["ScalingPolicies"]
assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 70.0, policy
assert len(policy["Alarms"]) == 2, policy
alarms = boto3.client("cloudwatch").describe_alarms(AlarmNames=[alarm["AlarmName"] for alarm in policy["Alarms"]])["MetricAlarms"]
assert {(alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) for alarm in alarms} == {("InvocationsPerInstance", "Sum", 70.0), ("InvocationsPerInstance", "Sum", 63.0)}, alarms
scaling.delete_scaling_policy(PolicyName="per-instance", **where)
try:
    scaling.delete_scaling_policy(PolicyName="per-instance", **where)
    raise SystemExit("deleted twice")
except scaling.exceptions.ObjectNotFoundException:
    pass
scaling.deregister_scalable_target(**where)
print("done")
`;
const hasBoto3 = spawnSync("python3", ["-c", "import boto3"]).status === 0;

test.skipIf(!hasBoto3)(`boto3${hasBoto3 ? "" : " (skipped: python3 has no boto3)"}`, async () => {
  const { server } = await deployed();
  const { url, accessKeyId, secretAccessKey } = server.server;
  const { PATH, HOME } = process.env;
  const python = spawn("python3", ["-c", PYTHON], {
    env: {
      PATH,
      HOME,
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_DEFAULT_REGION: "us-east-1",
    },
  });
  const [out, err] = await Promise.all([text(python.stdout), text(python.stderr)]);
  expect({ out, err }).toEqual({ out: "done\n", err: "" });
});
