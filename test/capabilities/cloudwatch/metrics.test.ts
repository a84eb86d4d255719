import * as sdk from "@aws-sdk/client-cloudwatch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NOW, serveCloudWatch } from "./serve-cloudwatch.ts";

let server: Awaited<ReturnType<typeof serveCloudWatch>>;
beforeAll(async () => {
  server = await serveCloudWatch();
});
afterAll(() => server[Symbol.asyncDispose]());

const MINUTE = 60_000;
const at = (minutes: number) => new Date(NOW - 30_000 + minutes * MINUTE);
const put = (Namespace: string, ...MetricData: sdk.MetricDatum[]) =>
  server.client.send(new sdk.PutMetricDataCommand({ Namespace, MetricData }));
const stat = (Namespace: string, MetricName: string, Stat: string, Period = 60): sdk.MetricStat => ({
  Metric: { Namespace, MetricName },
  Period,
  Stat,
});
const get = (queries: sdk.MetricDataQuery[], more: Partial<sdk.GetMetricDataInput> = {}) =>
  server.client.send(
    new sdk.GetMetricDataCommand({
      MetricDataQueries: queries,
      StartTime: at(-10),
      EndTime: at(1),
      ScanBy: "TimestampAscending",
      ...more,
    }),
  );
/** `minute:value`, as minutes before now. */
const shown = ({ Timestamps = [], Values = [] }: sdk.MetricDataResult) =>
  Timestamps.map((time, index) => `${(time.getTime() - at(0).getTime()) / MINUTE}:${Values[index]}`).join(
    " ",
  );

describe("what is put is what is asked for", () => {
  beforeAll(async () => {
    await put(
      "put",
      { MetricName: "value", Value: 3, Timestamp: at(-3) },
      { MetricName: "value", Value: 5, Timestamp: at(-3) },
      { MetricName: "value", Value: 7, Timestamp: at(-1), Unit: "Count" },
      { MetricName: "counted", Values: [1, 2, 100], Counts: [98, 1, 1], Timestamp: at(-2) },
      { MetricName: "uncounted", Values: [1, 2, 3], Timestamp: at(-2) },
      {
        MetricName: "set",
        StatisticValues: { SampleCount: 4, Sum: 10, Minimum: 1, Maximum: 5 },
        Timestamp: at(-2),
      },
      { MetricName: "now", Value: 1 },
      { MetricName: "fast", Value: 1, StorageResolution: 1, Timestamp: new Date(at(-1).getTime() + 11_000) },
      { MetricName: "fast", Value: 4, StorageResolution: 1, Timestamp: new Date(at(-1).getTime() + 21_000) },
    );
  });

  test.each([
    ["value", "Sum", 60, "-3:8 -1:7"],
    ["value", "Average", 60, "-3:4 -1:7"],
    ["value", "SampleCount", 60, "-3:2 -1:1"],
    ["value", "Minimum", 300, "-5:3"],
    ["value", "Maximum", 300, "-5:7"],
    ["counted", "Sum", 60, "-2:200"],
    ["counted", "p98", 60, "-2:1"],
    ["counted", "p100", 60, "-2:100"],
    ["counted", "TC(:50)", 60, "-2:99"],
    ["counted", "PR(:50)", 60, "-2:99"],
    ["uncounted", "SampleCount", 60, "-2:3"],
    ["set", "Average", 60, "-2:2.5"],
    ["set", "Maximum", 60, "-2:5"],
    ["set", "p50", 60, ""],
    ["now", "Sum", 60, "0:1"],
    ["fast", "Sum", 60, "-1:5"],
    ["gone", "Sum", 60, ""],
  ])("%s %s by %i s", async (name, statistic, period, wanted) => {
    const { MetricDataResults } = await get([{ Id: "m", MetricStat: stat("put", name, statistic, period) }]);
    expect(MetricDataResults).toMatchObject([{ Id: "m", Label: name, StatusCode: "Complete" }]);
    expect(shown(MetricDataResults![0]!)).toBe(wanted);
  });

  test("by ten seconds where it was put so", async () => {
    const queries = [
      { Id: "fast", MetricStat: stat("put", "fast", "Sum", 10) },
      { Id: "slow", MetricStat: stat("put", "value", "Sum", 10) },
    ];
    const { MetricDataResults } = await get(queries, { StartTime: new Date(at(-1).getTime() + 5_000) });
    const [fast, slow] = MetricDataResults!;
    expect(fast!.Timestamps).toEqual([10, 20].map((second) => new Date(at(-1).getTime() + second * 1000)));
    expect(slow!.Values).toEqual([]);
  });

  test("of one unit, where one is asked for", async () => {
    const of = (Unit: sdk.StandardUnit) => [
      { Id: "m", MetricStat: { ...stat("put", "value", "Sum"), Unit } },
    ];
    expect(shown((await get(of("Count"))).MetricDataResults![0]!)).toBe("-1:7");
    expect(shown((await get(of("None"))).MetricDataResults![0]!)).toBe("-3:8");
    expect(shown((await get(of("Bytes"))).MetricDataResults![0]!)).toBe("");
  });

  test("GetMetricStatistics tells each unit for itself", async () => {
    const { Datapoints, Label } = await server.client.send(
      new sdk.GetMetricStatisticsCommand({
        Namespace: "put",
        MetricName: "value",
        StartTime: at(-10),
        EndTime: at(0),
        Period: 300,
        Statistics: ["Sum", "SampleCount"],
      }),
    );
    expect(Label).toBe("value");
    expect(Datapoints).toEqual(
      expect.arrayContaining([
        { Timestamp: at(-5), Unit: "None", Sum: 8, SampleCount: 2 },
        { Timestamp: at(-5), Unit: "Count", Sum: 7, SampleCount: 1 },
      ]),
    );
  });

  test("GetMetricStatistics has percentiles", async () => {
    const { Datapoints } = await server.client.send(
      new sdk.GetMetricStatisticsCommand({
        Namespace: "put",
        MetricName: "counted",
        StartTime: at(-10),
        EndTime: at(0),
        Period: 60,
        ExtendedStatistics: ["p50", "p100"],
      }),
    );
    expect(Datapoints).toEqual([
      { Timestamp: at(-2), Unit: "None", ExtendedStatistics: { p50: 1, p100: 100 } },
    ]);
  });

  test("more than ten kilobytes come compressed", async () => {
    const many = Array.from({ length: 400 }, (_, index) => ({
      MetricName: `a metric with a rather long name, number ${index}`,
      Value: index,
    }));
    let coding: string | undefined;
    const client = new sdk.CloudWatchClient(server.settings);
    client.middlewareStack.add(
      (next) => (args) => {
        coding = (args.request as { headers: Record<string, string> }).headers["content-encoding"];
        return next(args);
      },
      { step: "finalizeRequest", priority: "low" },
    );
    await client.send(new sdk.PutMetricDataCommand({ Namespace: "gzip", MetricData: many }));
    expect(coding).toBe("gzip");
    const { Metrics } = await server.client.send(new sdk.ListMetricsCommand({ Namespace: "gzip" }));
    expect(Metrics).toHaveLength(400);
  });
});

describe("math", () => {
  beforeAll(() =>
    put(
      "math",
      { MetricName: "errors", Value: 1, Timestamp: at(-2) },
      { MetricName: "errors", Value: 6, Timestamp: at(-1) },
      { MetricName: "calls", Value: 10, Timestamp: at(-2) },
      { MetricName: "calls", Value: 12, Timestamp: at(-1) },
    ),
  );
  const raw: sdk.MetricDataQuery[] = [
    { Id: "errors", MetricStat: stat("math", "errors", "Sum"), ReturnData: false },
    { Id: "calls", MetricStat: stat("math", "calls", "Sum"), ReturnData: false },
  ];

  test("an expression of metrics, and one of expressions", async () => {
    const { MetricDataResults } = await get([
      { Id: "percent", Expression: "share * 100", Label: "errors in percent" },
      { Id: "share", Expression: "errors / calls", ReturnData: false },
      ...raw,
    ]);
    expect(MetricDataResults!.map(({ Label }) => Label)).toEqual(["errors in percent"]);
    expect(shown(MetricDataResults![0]!)).toBe("-2:10 -1:50");
  });

  test("a list of series is a result for each", async () => {
    const { MetricDataResults } = await get([
      { Id: "all", Expression: "METRICS() * 2", Label: "twice" },
      ...raw,
    ]);
    expect(MetricDataResults!.map(({ Id, Label }) => `${Id} ${Label}`)).toEqual([
      "all twice errors",
      "all twice calls",
    ]);
  });

  test("SEARCH finds metrics; FILL fills the time that is asked for", async () => {
    const { MetricDataResults } = await get([
      { Id: "found", Expression: "SEARCH('{math} MetricName=\"errors\"', 'Sum', 60)" },
      { Id: "filled", Expression: "FILL(errors, 0)" },
      ...raw,
    ]);
    expect(MetricDataResults!.map(shown)).toEqual([
      "-2:1 -1:6",
      "-10:0 -9:0 -8:0 -7:0 -6:0 -5:0 -4:0 -3:0 -2:1 -1:6 0:0",
    ]);
  });

  test("pages go on where they ended, in both directions", async () => {
    const all = raw.map((query) => ({ ...query, ReturnData: true }));
    for (const ScanBy of ["TimestampAscending", "TimestampDescending"] as const) {
      const found: Record<string, number[]> = {};
      const statuses: unknown[] = [];
      let NextToken: string | undefined;
      do {
        const more = { ScanBy, MaxDatapoints: 3, ...(NextToken && { NextToken }) };
        const page = await get(all, more);
        for (const { Id = "", Values = [], StatusCode } of page.MetricDataResults!) {
          (found[Id] ??= []).push(...Values);
          statuses.push(StatusCode);
        }
        NextToken = page.NextToken;
      } while (NextToken);
      const order = (values: number[]) => (ScanBy === "TimestampAscending" ? values : values.toReversed());
      expect(found).toEqual({ errors: order([1, 6]), calls: order([10, 12]) });
      expect(statuses).toEqual(["Complete", "PartialData", "Complete"]);
    }
  });
});

describe("ListMetrics", () => {
  const names = async (input: sdk.ListMetricsInput) =>
    (await server.client.send(new sdk.ListMetricsCommand(input))).Metrics!.map(({ MetricName, Dimensions }) =>
      `${MetricName} ${Dimensions!.map(({ Name, Value }) => `${Name}=${Value}`).join(",")}`.trim(),
    );
  beforeAll(async () => {
    const Dimensions = (endpoint: string, ...more: sdk.Dimension[]) => [
      { Name: "Endpoint", Value: endpoint },
      ...more,
    ];
    await put(
      "list",
      { MetricName: "a", Value: 1, Dimensions: Dimensions("x") },
      { MetricName: "a", Value: 1, Dimensions: Dimensions("y", { Name: "B", Value: "1" }) },
      { MetricName: "b", Value: 1 },
    );
  });

  test.each<[sdk.ListMetricsInput, string[]]>([
    [{}, ["a B=1,Endpoint=y", "a Endpoint=x", "b"]],
    [{ MetricName: "b" }, ["b"]],
    [{ Dimensions: [{ Name: "Endpoint" }] }, ["a B=1,Endpoint=y", "a Endpoint=x"]],
    [{ Dimensions: [{ Name: "Endpoint", Value: "x" }] }, ["a Endpoint=x"]],
    [{ Dimensions: [{ Name: "B", Value: "2" }] }, []],
    [{ RecentlyActive: "PT3H" }, ["a B=1,Endpoint=y", "a Endpoint=x", "b"]],
  ])("%o", async (input, wanted) => {
    expect((await names({ Namespace: "list", ...input })).sort()).toEqual(wanted);
  });

  test("comes in pages of 500", async () => {
    for (let first = 0; first < 1001; first += 500)
      await put(
        "many",
        ...Array.from({ length: Math.min(500, 1001 - first) }, (_, index) => ({
          MetricName: `m${first + index}`,
          Value: 1,
        })),
      );
    const found = new Set<string>();
    let pages = 0;
    for await (const { Metrics } of sdk.paginateListMetrics(
      { client: server.client },
      { Namespace: "many" },
    )) {
      pages++;
      for (const { MetricName } of Metrics ?? []) found.add(MetricName!);
    }
    expect([pages, found.size]).toEqual([3, 1001]);
  });
});

describe("bad input is refused by name", () => {
  const datum = (more: object) => () => put("bad", { MetricName: "m", Value: 1, ...more });
  const query =
    (...queries: object[]) =>
    () =>
      get(queries as sdk.MetricDataQuery[]);
  const metric = { Id: "m", MetricStat: stat("bad", "m", "Sum") };
  const statistics = (more: object) => () =>
    server.client.send(
      new sdk.GetMetricStatisticsCommand({
        Namespace: "bad",
        MetricName: "m",
        StartTime: at(-10),
        EndTime: at(0),
        Period: 60,
        Statistics: ["Sum"],
        ...more,
      }),
    );

  test.each<[string, () => Promise<unknown>, string, string | RegExp]>([
    [
      "no data",
      () => put("bad"),
      "MissingRequiredParameterException",
      "The parameter MetricData is required.",
    ],
    [
      "two sorts",
      datum({ Values: [1] }),
      "InvalidParameterCombinationException",
      "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have specified both.",
    ],
    [
      "neither",
      datum({ Value: undefined }),
      "MissingRequiredParameterException",
      /^At least one of the parameters MetricData.member.1.Value,/,
    ],
    [
      "counts of another size",
      datum({ Value: undefined, Values: [1, 2], Counts: [1] }),
      "InvalidParameterValueException",
      "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size.",
    ],
    [
      "too many values",
      datum({ Value: undefined, Values: Array(151).fill(1) }),
      "InvalidParameterValueException",
      "The collection MetricData.member.1.Values must have a size from 1 to 150.",
    ],
    [
      "a count below zero",
      datum({ Value: undefined, Values: [1], Counts: [-1] }),
      "InvalidParameterValueException",
      "The value -1 for parameter MetricData.member.1.Counts.member.1 is invalid.",
    ],
    [
      "too large",
      datum({ Value: 1e300 }),
      "InvalidParameterValueException",
      "The value 1e+300 for parameter MetricData.member.1.Value is invalid.",
    ],
    [
      "minimum above maximum",
      datum({ Value: undefined, StatisticValues: { SampleCount: 1, Sum: 1, Minimum: 2, Maximum: 1 } }),
      "InvalidParameterValueException",
      "The parameter MetricData.member.1.StatisticValues.Maximum must be greater than MetricData.member.1.StatisticValues.Minimum.",
    ],
    [
      "too old",
      datum({ Timestamp: new Date(NOW - 15 * 86_400_000) }),
      "InvalidParameterValueException",
      /Timestamp must specify a time no more than two weeks in the past/,
    ],
    [
      "too far ahead",
      datum({ Timestamp: new Date(NOW + 3 * 3_600_000) }),
      "InvalidParameterValueException",
      /no more than two hours in the future/,
    ],
    [
      "a resolution",
      datum({ StorageResolution: 10 }),
      "InvalidParameterValueException",
      /StorageResolution is invalid: it is 1 or 60/,
    ],
    [
      "a unit",
      datum({ Unit: "Miles" }),
      "ValidationException",
      /at 'metricData.1.member.unit' failed to satisfy constraint/,
    ],
    [
      "a dimension twice",
      datum({
        Dimensions: [
          { Name: "a", Value: "1" },
          { Name: "a", Value: "2" },
        ],
      }),
      "InvalidParameterValueException",
      /Dimensions.member.2.Name has the same value/,
    ],
    [
      "a dimension with a colon",
      datum({ Dimensions: [{ Name: ":a", Value: "1" }] }),
      "InvalidParameterValueException",
      "The value :a for parameter MetricData.member.1.Dimensions.member.1.Name is invalid.",
    ],
    [
      "31 dimensions",
      datum({ Dimensions: Array.from({ length: 31 }, (_, n) => ({ Name: `d${n}`, Value: "1" })) }),
      "ValidationException",
      /Member must have length less than or equal to 30/,
    ],
    [
      "1001 data",
      () => put("bad", ...Array.from({ length: 1001 }, () => ({ MetricName: "m", Value: 1 }))),
      "InvalidParameterValueException",
      "The collection MetricData must not have a size greater than 1000.",
    ],
    [
      "an Id",
      query({ ...metric, Id: "M" }),
      "ValidationException",
      "The value M for parameter MetricDataQueries.member.1.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.",
    ],
    [
      "an Id twice",
      query(metric, metric),
      "ValidationException",
      "The values for parameter Id in MetricDataQueries are not unique.",
    ],
    [
      "neither metric nor expression",
      query({ Id: "m" }),
      "ValidationException",
      /^Exactly one of the parameters MetricDataQueries.member.1.MetricStat/,
    ],
    [
      "a period",
      query({ Id: "m", MetricStat: stat("bad", "m", "Sum", 61) }),
      "ValidationException",
      /Period must be 1, 5, 10, 20, 30 or a multiple of 60, and is 61/,
    ],
    [
      "a statistic",
      query({ Id: "m", MetricStat: stat("bad", "m", "Median") }),
      "ValidationException",
      "The value Median for parameter MetricDataQueries.member.1.MetricStat.Stat is not supported.",
    ],
    [
      "bad math",
      query({ Id: "e", Expression: "m +" }, metric),
      "ValidationException",
      "Error in expression 'e': Syntax error: the expression ends too early",
    ],
    [
      "math on a stranger",
      query({ Id: "e", Expression: "x + 1" }, metric),
      "ValidationException",
      "Error in expression 'e': Unknown Id 'x'",
    ],
    [
      "math on itself",
      query({ Id: "e", Expression: "f" }, { Id: "f", Expression: "e" }),
      "ValidationException",
      "Error in expression 'e': 'e' refers to itself",
    ],
    [
      "math that is a number",
      query({ Id: "e", Expression: "AVG(m)" }, metric),
      "ValidationException",
      /must return a time series/,
    ],
    [
      "Metrics Insights",
      query({ Id: "e", Expression: "SELECT AVG(x) FROM y" }),
      "ValidationException",
      /Metrics Insights is not supported by Tideway/,
    ],
    [
      "an end before its start",
      () => get([metric], { EndTime: at(-20) }),
      "ValidationException",
      "The parameter EndTime must be greater than StartTime.",
    ],
    ["a token", () => get([metric], { NextToken: "x" }), "InvalidNextToken", /NextToken/],
    [
      "too many datapoints",
      statistics({ StartTime: at(-2000) }),
      "InvalidParameterCombinationException",
      "You have requested up to 2,000 datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
    ],
    [
      "a start after its end",
      statistics({ StartTime: at(1) }),
      "InvalidParameterValueException",
      "The parameter StartTime must be less than the parameter EndTime.",
    ],
    [
      "no statistics",
      statistics({ Statistics: undefined }),
      "MissingRequiredParameterException",
      /Statistics and ExtendedStatistics must be specified/,
    ],
    [
      "both statistics",
      statistics({ ExtendedStatistics: ["p50"] }),
      "InvalidParameterCombinationException",
      /mutually exclusive/,
    ],
    [
      "an extended statistic",
      statistics({ Statistics: undefined, ExtendedStatistics: ["Sum"] }),
      "InvalidParameterValueException",
      "The value Sum for parameter ExtendedStatistics is not supported.",
    ],
    [
      "a token of a list",
      () => server.client.send(new sdk.ListMetricsCommand({ NextToken: "x" })),
      "InvalidNextToken",
      /NextToken/,
    ],
  ])("%s", async (_what, call, name, message) => {
    const error = await call().then(
      () => undefined,
      (refusal: Error) => refusal,
    );
    expect(error?.name).toBe(name);
    expect(error?.message).toEqual(typeof message === "string" ? message : expect.stringMatching(message));
  });

  test("nothing of what was refused is kept", async () => {
    await expect(
      put("half", { MetricName: "good", Value: 1 }, { MetricName: "bad", Value: 1e300 }),
    ).rejects.toThrow();
    expect((await server.client.send(new sdk.ListMetricsCommand({ Namespace: "half" }))).Metrics).toEqual([]);
  });
});

test("one metric too many is told, and those that exist go on", async () => {
  await using small = await serveCloudWatch({ maxSeries: 2 });
  const one = (MetricName: string) =>
    small.client.send(
      new sdk.PutMetricDataCommand({ Namespace: "n", MetricData: [{ MetricName, Value: 1 }] }),
    );
  await one("a");
  await one("b");
  await expect(one("c")).rejects.toMatchObject({
    name: "LimitExceededFault",
    message: expect.stringContaining("There are 2 metrics already"),
  });
  await one("a");
});
