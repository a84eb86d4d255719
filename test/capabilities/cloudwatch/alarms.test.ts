import { AwsQueryProtocol, AwsSmithyRpcV2CborProtocol } from "@aws-sdk/core/protocols";
import * as sdk from "@aws-sdk/client-cloudwatch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { settle } from "../../support/fake-clock.ts";
import { NOW, serveCloudWatch } from "./serve-cloudwatch.ts";

let server: Awaited<ReturnType<typeof serveCloudWatch>>;
beforeAll(async () => {
  server = await serveCloudWatch();
});
afterAll(() => server[Symbol.asyncDispose]());

const TOPIC = "arn:aws:sns:us-east-1:000000000000:oncall";
const alarmArn = (name: string) => `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}`;
const alarm = (AlarmName: string, more: object = {}): sdk.PutMetricAlarmInput => ({
  AlarmName,
  Namespace: "N",
  MetricName: "load",
  Dimensions: [{ Name: "Endpoint", Value: "iris" }],
  Statistic: "Average",
  Period: 60,
  EvaluationPeriods: 1,
  ComparisonOperator: "GreaterThanThreshold",
  Threshold: 5,
  ...more,
});
const put = (AlarmName: string, more: object = {}) =>
  server.client.send(new sdk.PutMetricAlarmCommand(alarm(AlarmName, more)));
const putComposite = (AlarmName: string, AlarmRule: string, more: object = {}) =>
  server.client.send(new sdk.PutCompositeAlarmCommand({ AlarmName, AlarmRule, ...more }));
const set = (AlarmName: string, StateValue: sdk.StateValue) =>
  server.client.send(new sdk.SetAlarmStateCommand({ AlarmName, StateValue, StateReason: "a test" }));
const describeAlarms = (input: sdk.DescribeAlarmsInput) =>
  server.client.send(new sdk.DescribeAlarmsCommand(input));
const names = async (input: sdk.DescribeAlarmsInput) => {
  const { MetricAlarms, CompositeAlarms } = await describeAlarms(input);
  return [...MetricAlarms!, ...CompositeAlarms!].map(({ AlarmName }) => AlarmName);
};
/** Until what was asked for has been done. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await settle();
}

describe.each([
  ["JSON", {}],
  ["CBOR", { protocol: AwsSmithyRpcV2CborProtocol }],
  ["Query", { protocol: AwsQueryProtocol }],
])("over %s", (name, protocol) => {
  let client: sdk.CloudWatchClient;
  beforeAll(() => {
    client = new sdk.CloudWatchClient({ ...server.settings, ...protocol });
  });

  test("metrics go in and come out", async () => {
    const Dimensions = [{ Name: "Protocol", Value: name }];
    const Timestamp = new Date(NOW - 90_000);
    const MetricData = [1.5, -2].map((Value) => ({ MetricName: "m", Dimensions, Value, Timestamp }));
    await client.send(new sdk.PutMetricDataCommand({ Namespace: "protocols", MetricData }));
    const { Metrics } = await client.send(new sdk.ListMetricsCommand({ Namespace: "protocols", Dimensions }));
    expect(Metrics).toEqual([{ Namespace: "protocols", MetricName: "m", Dimensions }]);
    const { MetricDataResults } = await client.send(
      new sdk.GetMetricDataCommand({
        StartTime: new Date(NOW - 600_000),
        EndTime: new Date(NOW),
        MetricDataQueries: [
          { Id: "m", MetricStat: { Metric: Metrics![0]!, Period: 60, Stat: "Sum" }, ReturnData: false },
          { Id: "e", Expression: "m * 2" },
        ],
      }),
    );
    expect(MetricDataResults).toMatchObject([
      { Id: "e", Values: [-1], Timestamps: [new Date(NOW - 90_000)] },
    ]);
  });

  test("an alarm lives", async () => {
    const AlarmName = `life-${name}`;
    const Tags = [{ Key: "team", Value: "tides" }];
    const input = alarm(AlarmName, {
      AlarmActions: [TOPIC],
      TreatMissingData: "ignore",
      DatapointsToAlarm: 1,
    });
    await client.send(new sdk.PutMetricAlarmCommand({ ...input, Tags }));
    const described = async () =>
      (await client.send(new sdk.DescribeAlarmsCommand({ AlarmNames: [AlarmName] }))).MetricAlarms![0]!;
    expect(await described()).toMatchObject({
      ...input,
      AlarmArn: alarmArn(AlarmName),
      ActionsEnabled: true,
      StateValue: "INSUFFICIENT_DATA",
      StateReason: "Unchecked: Initial alarm creation",
    });
    await client.send(
      new sdk.SetAlarmStateCommand({
        AlarmName,
        StateValue: "ALARM",
        StateReason: "ünlikely",
        StateReasonData: '{"by":"a test"}',
      }),
    );
    expect(await described()).toMatchObject({
      StateValue: "ALARM",
      StateReason: "ünlikely",
      StateReasonData: '{"by":"a test"}',
      StateTransitionedTimestamp: new Date(NOW),
    });
    await until(() => server.published.some(({ message }) => message.includes(AlarmName)));
    const { message, subject } = server.published.find((one) => one.message.includes(AlarmName))!;
    expect(subject).toBe(`ALARM: "${AlarmName}" in US East (N. Virginia)`);
    expect(JSON.parse(message)).toEqual({
      AlarmName,
      AlarmDescription: null,
      AWSAccountId: "000000000000",
      AlarmConfigurationUpdatedTimestamp: "2026-11-22T10:00:30.000+0000",
      NewStateValue: "ALARM",
      NewStateReason: "ünlikely",
      StateChangeTime: "2026-11-22T10:00:30.000+0000",
      Region: "US East (N. Virginia)",
      AlarmArn: alarmArn(AlarmName),
      OldStateValue: "INSUFFICIENT_DATA",
      OKActions: [],
      AlarmActions: [TOPIC],
      InsufficientDataActions: [],
      Trigger: {
        MetricName: "load",
        Namespace: "N",
        StatisticType: "Statistic",
        Statistic: "AVERAGE",
        Unit: null,
        Dimensions: [{ value: "iris", name: "Endpoint" }],
        Period: 60,
        EvaluationPeriods: 1,
        DatapointsToAlarm: 1,
        ComparisonOperator: "GreaterThanThreshold",
        Threshold: 5,
        TreatMissingData: "ignore",
        EvaluateLowSampleCountPercentile: "",
      },
    });
    await until(async () => {
      const { AlarmHistoryItems: items } = await client.send(
        new sdk.DescribeAlarmHistoryCommand({ AlarmName }),
      );
      return items!.length === 3;
    });
    const { AlarmHistoryItems } = await client.send(
      new sdk.DescribeAlarmHistoryCommand({ AlarmName, ScanBy: "TimestampAscending" }),
    );
    expect(AlarmHistoryItems!.map(({ HistorySummary }) => HistorySummary)).toEqual([
      `Alarm "${AlarmName}" created`,
      "Alarm updated from INSUFFICIENT_DATA to ALARM",
      `Successfully executed action ${TOPIC}`,
    ]);
    expect(JSON.parse(AlarmHistoryItems![1]!.HistoryData!)).toEqual({
      version: "1.0",
      oldState: { stateValue: "INSUFFICIENT_DATA", stateReason: "Unchecked: Initial alarm creation" },
      newState: { stateValue: "ALARM", stateReason: "ünlikely", stateReasonData: { by: "a test" } },
    });

    await client.send(new sdk.DisableAlarmActionsCommand({ AlarmNames: [AlarmName, "gone"] }));
    expect((await described()).ActionsEnabled).toBe(false);
    await client.send(new sdk.EnableAlarmActionsCommand({ AlarmNames: [AlarmName] }));
    expect((await described()).ActionsEnabled).toBe(true);
    const ResourceARN = alarmArn(AlarmName);
    await client.send(new sdk.TagResourceCommand({ ResourceARN, Tags: [{ Key: "a", Value: "b" }] }));
    await client.send(new sdk.UntagResourceCommand({ ResourceARN, TagKeys: ["team"] }));
    expect((await client.send(new sdk.ListTagsForResourceCommand({ ResourceARN }))).Tags).toEqual([
      { Key: "a", Value: "b" },
    ]);
    await client.send(new sdk.DeleteAlarmsCommand({ AlarmNames: [AlarmName, "gone"] }));
    expect(await described()).toBeUndefined();
  });

  test("errors have their names", async () => {
    const gone = new sdk.SetAlarmStateCommand({ AlarmName: "gone", StateValue: "OK", StateReason: "" });
    await expect(client.send(gone)).rejects.toBeInstanceOf(sdk.ResourceNotFound);
    const bad = new sdk.PutMetricAlarmCommand(alarm("bad", { Threshold: undefined }));
    await expect(client.send(bad)).rejects.toMatchObject({
      name: expect.stringMatching(/^Validation(Error|Exception)$/),
      message: "The parameter Threshold is required.",
    });
    const json = { AlarmName: "x", StateValue: "OK", StateReason: "", StateReasonData: "{" } as const;
    await expect(client.send(new sdk.SetAlarmStateCommand(json))).rejects.toBeInstanceOf(
      sdk.InvalidFormatFault,
    );
  });
});

describe("DescribeAlarms", () => {
  beforeAll(async () => {
    for (const name of ["list-a", "list-b", "list-ü"]) await put(name, { OKActions: [TOPIC] });
    await putComposite("list-c", "ALARM(list-a) OR ALARM(list-b)", { AlarmActions: [`${TOPIC}2`] });
    await set("list-a", "ALARM");
  });

  test.each<[sdk.DescribeAlarmsInput, string[]]>([
    [{ AlarmNamePrefix: "list-" }, ["list-a", "list-b", "list-ü"]],
    [{ AlarmNamePrefix: "list-", AlarmTypes: ["CompositeAlarm"] }, ["list-c"]],
    [{ AlarmNames: ["list-b", "gone", "list-c"] }, ["list-b"]],
    [
      { AlarmNames: ["list-b", "list-c"], AlarmTypes: ["MetricAlarm", "CompositeAlarm"] },
      ["list-b", "list-c"],
    ],
    [{ AlarmNamePrefix: "list-", StateValue: "ALARM" }, ["list-a"]],
    [{ AlarmNamePrefix: "list-", ActionPrefix: "arn:aws:sns:" }, ["list-a", "list-b", "list-ü"]],
    [{ AlarmNamePrefix: "list-", ActionPrefix: "arn:aws:autoscaling:" }, []],
    [{ ChildrenOfAlarmName: "list-c" }, ["list-a", "list-b"]],
    [{ ParentsOfAlarmName: "list-a" }, ["list-c"]],
  ])("%o", async (input, wanted) => {
    expect(await names(input)).toEqual(wanted);
  });

  test("comes in pages", async () => {
    const found: (string | undefined)[] = [];
    const pages = sdk.paginateDescribeAlarms(
      { client: server.client, pageSize: 2 },
      { AlarmNamePrefix: "list-" },
    );
    for await (const { MetricAlarms } of pages)
      found.push(...MetricAlarms!.map(({ AlarmName }) => AlarmName));
    expect(found).toEqual(["list-a", "list-b", "list-ü"]);
  });

  test("a waiter sees the state", async () => {
    const waiter = { client: server.client, maxWaitTime: 5, minDelay: 1 };
    const { state } = await sdk.waitUntilAlarmExists(waiter, { AlarmNames: ["list-a"] });
    expect(state).toBe("SUCCESS");
  });

  test("for one metric", async () => {
    await put("metric-p99", { MetricName: "x", Statistic: undefined, ExtendedStatistic: "p99" });
    await put("metric-other", { MetricName: "x", Dimensions: [] });
    const forMetric = async (more: object) => {
      const { MetricAlarms } = await server.client.send(
        new sdk.DescribeAlarmsForMetricCommand({
          Namespace: "N",
          MetricName: "x",
          Dimensions: [{ Name: "Endpoint", Value: "iris" }],
          ...more,
        }),
      );
      return MetricAlarms!.map(({ AlarmName }) => AlarmName);
    };
    expect(await forMetric({})).toEqual(["metric-p99"]);
    expect(await forMetric({ ExtendedStatistic: "p99", Period: 60 })).toEqual(["metric-p99"]);
    expect(await forMetric({ Statistic: "Average" })).toEqual([]);
    expect(await forMetric({ Dimensions: [] })).toEqual(["metric-other"]);
  });
});

test("an alarm that is written over keeps its state and its tags, and nothing else", async () => {
  const ignore = { TreatMissingData: "ignore" };
  await put("over", { ...ignore, Tags: [{ Key: "a", Value: "1" }], AlarmDescription: "before" });
  await set("over", "OK");
  await put("over", { ...ignore, Threshold: 7, Tags: [{ Key: "b", Value: "2" }] });
  const { MetricAlarms } = await describeAlarms({ AlarmNames: ["over"] });
  expect(MetricAlarms).toMatchObject([{ Threshold: 7, StateValue: "OK" }]);
  expect(MetricAlarms![0]!.AlarmDescription).toBeUndefined();
  const { Tags } = await server.client.send(
    new sdk.ListTagsForResourceCommand({ ResourceARN: alarmArn("over") }),
  );
  expect(Tags).toEqual([{ Key: "a", Value: "1" }]);
});

test("history is asked for by time and by kind, in pages", async () => {
  await put("past");
  for (const state of ["OK", "ALARM", "OK", "ALARM"] as const) await set("past", state);
  const history = async (more: object) =>
    (await server.client.send(new sdk.DescribeAlarmHistoryCommand({ AlarmName: "past", ...more })))
      .AlarmHistoryItems!;
  await until(async () => (await history({})).length === 5);
  expect(
    (await history({ HistoryItemType: "StateUpdate" })).map(({ HistorySummary }) => HistorySummary),
  ).toEqual([
    "Alarm updated from OK to ALARM",
    "Alarm updated from ALARM to OK",
    "Alarm updated from OK to ALARM",
    "Alarm updated from INSUFFICIENT_DATA to OK",
  ]);
  expect(await history({ EndDate: new Date(NOW - 1) })).toEqual([]);
  expect(await history({ StartDate: new Date(NOW), EndDate: new Date(NOW) })).toHaveLength(5);
  expect(await history({ AlarmTypes: ["CompositeAlarm"] })).toEqual([]);
  const found: unknown[] = [];
  const pages = sdk.paginateDescribeAlarmHistory(
    { client: server.client, pageSize: 2 },
    { AlarmName: "past" },
  );
  for await (const { AlarmHistoryItems } of pages) found.push(...AlarmHistoryItems!);
  expect(found).toEqual(await history({}));
});

describe("bad input is refused by name", () => {
  beforeAll(async () => {
    await put("child");
    await putComposite("parent", "ALARM(child)");
    await putComposite("second", "ALARM(child)");
  });
  const stat = (MetricName: string) => ({ Metric: { Namespace: "N", MetricName }, Period: 60, Stat: "Sum" });
  const math = (...Metrics: sdk.MetricDataQuery[]) => ({
    Namespace: undefined,
    MetricName: undefined,
    Dimensions: undefined,
    Statistic: undefined,
    Period: undefined,
    Metrics,
  });
  const m: sdk.MetricDataQuery = { Id: "m", MetricStat: stat("x"), ReturnData: false };

  test.each<[string, object, string | RegExp]>([
    ["no period", { Period: undefined }, "The parameter Period is required."],
    ["no namespace", { Namespace: undefined }, "The parameter Namespace is required."],
    [
      "no metric",
      { MetricName: undefined },
      "Exactly one of the parameters MetricName and Metrics must be specified.",
    ],
    [
      "no statistic",
      { Statistic: undefined },
      "Exactly one of the parameters Statistic and ExtendedStatistic must be specified.",
    ],
    [
      "both statistics",
      { ExtendedStatistic: "p90" },
      "Exactly one of the parameters Statistic and ExtendedStatistic must be specified.",
    ],
    [
      "an extended statistic",
      { Statistic: undefined, ExtendedStatistic: "p200" },
      "The value p200 for parameter ExtendedStatistic is not supported.",
    ],
    [
      "a statistic",
      { Statistic: "Median" },
      /at 'statistic' failed to satisfy constraint: Member must satisfy enum value set/,
    ],
    ["a period of 15", { Period: 15 }, "The parameter Period must be 10, 20, 30 or a multiple of 60."],
    [
      "more than a day",
      { EvaluationPeriods: 1441 },
      "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
    ],
    [
      "more than a week",
      { Period: 3600, EvaluationPeriods: 169 },
      "Metrics cannot be checked across more than 7 days (EvaluationPeriods * Period must be <= 604800).",
    ],
    [
      "M above N",
      { DatapointsToAlarm: 2 },
      "The parameter DatapointsToAlarm must be less than or equal to EvaluationPeriods.",
    ],
    [
      "missing data",
      { TreatMissingData: "good" },
      /^The value good for parameter TreatMissingData is invalid/,
    ],
    [
      "few samples",
      { EvaluateLowSampleCountPercentile: "never" },
      /^The value never for parameter EvaluateLowSampleCountPercentile is invalid/,
    ],
    [
      "an operator of bands",
      { ComparisonOperator: "GreaterThanUpperThreshold" },
      /anomaly detection, is not supported by Tideway/,
    ],
    ["an action that is no ARN", { AlarmActions: ["oncall"] }, "Invalid arn syntax: oncall"],
    [
      "an action of EC2",
      { OKActions: ["arn:aws:automate:us-east-1:ec2:stop"] },
      /^OKActions: the action arn:aws:automate:us-east-1:ec2:stop is not supported by Tideway/,
    ],
    [
      "six actions",
      { AlarmActions: Array.from({ length: 6 }, (_, n) => `${TOPIC}${n}`) },
      /Member must have length less than or equal to 5/,
    ],
    [
      "a control character",
      { AlarmName: "a\nb" },
      "The parameter AlarmName must not contain control characters.",
    ],
    ["PromQL", { EvaluationInterval: 60 }, /PromQL query is not supported by Tideway/],
    [
      "math and a metric",
      { Metrics: [m] },
      "Exactly one of the parameters MetricName and Metrics must be specified.",
    ],
    [
      "math and a period",
      { ...math(m), Period: 60 },
      "The parameters Metrics and Period must not be specified together.",
    ],
    [
      "math that returns nothing",
      math(m),
      "Metrics list must contain exactly one metric matching the ReturnData flag",
    ],
    [
      "math without a metric",
      math({ Id: "e", Expression: "1 + 1" }),
      "Metrics must contain at least one member with a MetricStat.",
    ],
    [
      "math that is wrong",
      math(m, { Id: "e", Expression: "m +" }),
      "Error in expression 'e': Syntax error: the expression ends too early",
    ],
    [
      "math that is a number",
      math(m, { Id: "e", Expression: "SUM(m)" }),
      "Error in expression 'e': The expression must return a single time series",
    ],
    [
      "math that is a list",
      math(m, { Id: "e", Expression: "METRICS()" }),
      "Error in expression 'e': The expression must return a single time series",
    ],
    [
      "math of the wrong sort",
      math(m, { Id: "e", Expression: "SUM(1)" }),
      "Error in expression 'e': Unsupported operand type(s) for SUM: '[Scalar]'",
    ],
    [
      "math that searches",
      math(m, { Id: "e", Expression: "SUM(SEARCH('x', 'Sum'))" }),
      "SEARCH is not supported on Metric Alarms.",
    ],
    [
      "the name of a composite alarm",
      { AlarmName: "parent" },
      "An alarm of another type has the name parent already.",
    ],
    ["a reserved tag", { Tags: [{ Key: "aws:x", Value: "" }] }, /reserved for system use/],
  ])("PutMetricAlarm: %s", async (_what, more, message) => {
    const error = await put("bad", more).then(
      () => undefined,
      (refusal: Error) => refusal,
    );
    expect(error?.message).toEqual(typeof message === "string" ? message : expect.stringMatching(message));
    expect(await names({ AlarmNames: ["bad"] })).toEqual([]);
  });

  test.each<[string, string, object, string | RegExp]>([
    [
      "no rule",
      "ALARM(",
      {},
      "The parameter AlarmRule is invalid: it is not understood at character 1: 'ALARM('",
    ],
    [
      "strangers",
      "ALARM(child) AND OK(x) OR OK(y)",
      {},
      "Could not save the composite alarm as alarms [x, y] in the alarm rule do not exist",
    ],
    ["itself", "ALARM(bad)", {}, /alarms \[bad\] in the alarm rule do not exist/],
    [
      "a suppressor that is not there",
      "TRUE",
      { ActionsSuppressor: "x", ActionsSuppressorWaitPeriod: 1, ActionsSuppressorExtensionPeriod: 1 },
      "Could not save the composite alarm as the actions suppressor alarm x does not exist",
    ],
    [
      "a suppressor without its periods",
      "TRUE",
      { ActionsSuppressor: "child" },
      "The parameters ActionsSuppressor and ActionsSuppressorWaitPeriod must be specified together.",
    ],
    [
      "the name of a metric alarm",
      "TRUE",
      { AlarmName: "child" },
      "An alarm of another type has the name child already.",
    ],
  ])("PutCompositeAlarm: %s", async (_what, rule, more, message) => {
    const error = await putComposite("bad", rule, more).then(
      () => undefined,
      (refusal: Error) => refusal,
    );
    expect(error?.message).toEqual(typeof message === "string" ? message : expect.stringMatching(message));
  });

  test("a composite alarm can not come to depend on itself", async () => {
    await putComposite("upper", "ALARM(parent)");
    await expect(putComposite("parent", "OK(upper)")).rejects.toThrow(
      "Could not save the composite alarm as its rule would depend on itself: parent -> upper -> parent",
    );
  });

  test("what a composite alarm needs can not be deleted", async () => {
    const remove = (...AlarmNames: string[]) =>
      server.client.send(new sdk.DeleteAlarmsCommand({ AlarmNames }));
    await expect(remove("child")).rejects.toThrow(
      "Cannot delete child as there are composite alarm(s) depending on it.",
    );
    await expect(remove("parent", "second")).rejects.toThrow(
      "One request deletes up to one composite alarm.",
    );
    await remove("second");
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ["a token", () => describeAlarms({ NextToken: "not one!" }), "InvalidNextToken"],
    [
      "names and a prefix",
      () => describeAlarms({ AlarmNames: ["a"], AlarmNamePrefix: "a" }),
      "ValidationException",
    ],
    [
      "a family and a filter",
      () => describeAlarms({ ChildrenOfAlarmName: "a", StateValue: "OK" }),
      "ValidationException",
    ],
    ["a page of 101", () => describeAlarms({ MaxRecords: 101 }), "ValidationException"],
    [
      "a token of history",
      () => server.client.send(new sdk.DescribeAlarmHistoryCommand({ NextToken: "x" })),
      "InvalidNextToken",
    ],
    [
      "tags of what is not there",
      () => server.client.send(new sdk.ListTagsForResourceCommand({ ResourceARN: alarmArn("gone") })),
      "ResourceNotFoundException",
    ],
    [
      "51 tags",
      () =>
        server.client.send(
          new sdk.TagResourceCommand({
            ResourceARN: alarmArn("child"),
            Tags: Array.from({ length: 51 }, (_, n) => ({ Key: `k${n}`, Value: "" })),
          }),
        ),
      "InvalidParameterValueException",
    ],
  ])("%s", async (_what, call, name) => {
    await expect(call()).rejects.toMatchObject({ name });
  });
});
