import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as cloudwatch from "@aws-sdk/client-cloudwatch";
import * as events from "@aws-sdk/client-eventbridge";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import * as sqs from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ODD_MODEL, TidewayServer } from "../support/tideway-server.ts";

const ARN = "arn:aws:sqs:us-east-1:000000000000:";
let server: TidewayServer;
let bus: events.EventBridgeClient;
let queues: sqs.SQSClient;
let alarms: cloudwatch.CloudWatchClient;
beforeAll(async () => {
  server = await TidewayServer.start({ patience: { drainMs: 10 } });
  const { url: endpoint, region, accessKeyId, secretAccessKey } = server.server;
  const settings = { endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
  bus = new events.EventBridgeClient(settings);
  queues = new sqs.SQSClient(settings);
  alarms = new cloudwatch.CloudWatchClient(settings);
});
afterAll(async () => {
  for (const client of [bus, queues, alarms]) client.destroy();
  await server[Symbol.asyncDispose]();
});

interface Told {
  readonly id: string;
  readonly detail: { readonly EndpointStatus?: string; readonly n?: number };
}

async function queue(QueueName: string) {
  const { QueueUrl } = await queues.send(new sqs.CreateQueueCommand({ QueueName }));
  return {
    arn: ARN + QueueName,
    /** So many messages, in the order in which they were received. */
    async receive(count: number): Promise<sqs.Message[]> {
      const found: sqs.Message[] = [];
      while (found.length < count) {
        const input = {
          QueueUrl,
          WaitTimeSeconds: 20,
          MaxNumberOfMessages: 10,
          MessageAttributeNames: ["All"],
        };
        found.push(...((await queues.send(new sqs.ReceiveMessageCommand(input))).Messages ?? []));
      }
      return found;
    },
  };
}

async function rule(Name: string, pattern: object, ...Targets: events.Target[]) {
  await bus.send(new events.PutRuleCommand({ Name, EventPattern: JSON.stringify(pattern) }));
  return bus.send(new events.PutTargetsCommand({ Rule: Name, Targets }));
}

const put = (source: string, detail: object) =>
  bus.send(
    new events.PutEventsCommand({
      Entries: [{ Source: source, DetailType: "test", Detail: JSON.stringify(detail) }],
    }),
  );

/** A web server that answers with these statuses, then 200, and what it was sent. */
async function hook(...statuses: number[]) {
  const received: { method?: string; url?: string; headers: object; body: string }[] = [];
  const listening = createServer((request, reply) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      received.push({ method: method!, url: url!, headers, body });
      reply.writeHead(statuses.shift() ?? 200).end();
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  return {
    received,
    url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => listening.close(resolve))),
  };
}

test("the life of an endpoint arrives in a queue, as EventBridge tells it", async () => {
  const inbox = await queue("endpoints");
  const pattern = { source: ["aws.sagemaker"], "detail-type": ["SageMaker Endpoint State Change"] };
  await rule("endpoints", pattern, { Id: "queue", Arn: inbox.arn });
  await server.image("odd", ODD_MODEL, "{socket}");
  const { EndpointArn } = await server.deploy("odd", { Image: "odd" });
  await server.sagemaker.send(new sagemaker.DeleteEndpointCommand({ EndpointName: "odd" }));
  const told = (await inbox.receive(3)).map(({ Body = "" }) => JSON.parse(Body) as Told);
  expect(told).toHaveLength(3);
  expect(new Set(told.map(({ detail }) => detail.EndpointStatus))).toEqual(
    new Set(["CREATING", "IN_SERVICE", "DELETING"]),
  );
  expect(told.find(({ detail }) => detail.EndpointStatus === "IN_SERVICE")).toMatchObject({
    version: "0",
    "detail-type": "SageMaker Endpoint State Change",
    source: "aws.sagemaker",
    account: "000000000000",
    region: "us-east-1",
    resources: [EndpointArn],
    detail: { EndpointName: "odd", EndpointArn, Tags: {} },
  });
  expect(new Set(told.map(({ id }) => id)).size).toBe(3);
});

test("an alarm's change of state arrives with its configuration", async () => {
  const inbox = await queue("alarms");
  await rule("alarms", { detail: { state: { value: ["ALARM"] } } }, { Id: "queue", Arn: inbox.arn });
  const AlarmName = "busy";
  await alarms.send(
    new cloudwatch.PutMetricAlarmCommand({
      AlarmName,
      Namespace: "N",
      MetricName: "never",
      Statistic: "Sum",
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: "GreaterThanThreshold",
      TreatMissingData: "ignore",
    }),
  );
  await alarms.send(
    new cloudwatch.SetAlarmStateCommand({ AlarmName, StateValue: "ALARM", StateReason: "a test" }),
  );
  const [message] = await inbox.receive(1);
  expect(JSON.parse(message!.Body!)).toMatchObject({
    source: "aws.cloudwatch",
    "detail-type": "CloudWatch Alarm State Change",
    detail: {
      alarmName: AlarmName,
      state: { value: "ALARM", reason: "a test" },
      previousState: { value: "INSUFFICIENT_DATA" },
      configuration: {
        metrics: [{ metricStat: { metric: { namespace: "N", name: "never" }, stat: "Sum" } }],
      },
    },
  });
});

test("a webhook gets what its template makes of an event, authorized, and again after it failed", async () => {
  await using receiver = await hook(503);
  const { ConnectionArn } = await bus.send(
    new events.CreateConnectionCommand({
      Name: "hook",
      AuthorizationType: "API_KEY",
      AuthParameters: {
        ApiKeyAuthParameters: { ApiKeyName: "x-api-key", ApiKeyValue: "secret" },
        InvocationHttpParameters: { BodyParameters: [{ Key: "from", Value: "tideway" }] },
      },
    }),
  );
  const described = await bus.send(new events.DescribeConnectionCommand({ Name: "hook" }));
  expect(described).toMatchObject({ ConnectionState: "AUTHORIZED", ConnectionArn });
  expect(JSON.stringify(described)).not.toContain("secret");
  const { ApiDestinationArn } = await bus.send(
    new events.CreateApiDestinationCommand({
      Name: "hook",
      ConnectionArn,
      InvocationEndpoint: `${receiver.url}/teams/*/events`,
      HttpMethod: "PUT",
    }),
  );
  await rule(
    "hooks",
    { source: ["shop"], detail: { n: [{ numeric: [">", 1] }] } },
    {
      Id: "hook",
      Arn: ApiDestinationArn!,
      HttpParameters: { PathParameterValues: ["a b"], QueryStringParameters: { v: "1" } },
      InputTransformer: {
        InputPathsMap: { n: "$.detail.n", list: "$.detail.list[1]" },
        InputTemplate: '{"n": <n>, "text": "n is <n>", "second": <list>, "rule": <aws.events.rule-name>}',
      },
    },
  );
  expect((await put("shop", { n: 1 })).FailedEntryCount).toBe(0);
  await put("shop", { n: 2, list: ["x", 'y"'] });
  await expect.poll(() => receiver.received.length, { timeout: 30_000 }).toBe(2);
  expect(receiver.received[0]).toMatchObject({
    method: "PUT",
    url: "/teams/a%20b/events?v=1",
    headers: { "x-api-key": "secret", "content-type": "application/json; charset=utf-8" },
  });
  for (const { body } of receiver.received)
    expect(JSON.parse(body)).toEqual({ n: 2, text: "n is 2", second: 'y"', rule: "hooks", from: "tideway" });
});

test("what a target refuses goes to the dead letter queue of the target, with why", async () => {
  const dead = await queue("dead");
  const DeadLetterConfig = { Arn: dead.arn };
  const RetryPolicy = { MaximumRetryAttempts: 0 };
  await rule("bad", { source: ["bad"] }, { Id: "gone", Arn: `${ARN}gone`, DeadLetterConfig, RetryPolicy });
  await put("bad", { n: 7 });
  const [message] = await dead.receive(1);
  expect(JSON.parse(message!.Body!)).toMatchObject({ source: "bad", detail: { n: 7 } });
  expect(message!.MessageAttributes).toMatchObject({
    RULE_ARN: { StringValue: "arn:aws:events:us-east-1:000000000000:rule/bad" },
    TARGET_ARN: { StringValue: `${ARN}gone` },
    ERROR_CODE: { StringValue: "NO_RESOURCE" },
  });
});

test("rules and targets come back as they were given, and go", async () => {
  const inbox = await queue("listed");
  await rule(
    "list-a",
    { source: ["a"] },
    { Id: "1", Arn: inbox.arn },
    { Id: "2", Arn: inbox.arn, Input: "{}" },
  );
  await bus.send(
    new events.PutRuleCommand({ Name: "list-b", EventPattern: '{"source":["b"]}', State: "DISABLED" }),
  );
  const page = await bus.send(new events.ListRulesCommand({ NamePrefix: "list-", Limit: 1 }));
  expect(page.Rules).toMatchObject([{ Name: "list-a", State: "ENABLED" }]);
  const more = { NamePrefix: "list-", NextToken: page.NextToken! };
  expect((await bus.send(new events.ListRulesCommand(more))).Rules).toMatchObject([
    { Name: "list-b", State: "DISABLED" },
  ]);
  const names = new events.ListRuleNamesByTargetCommand({ TargetArn: inbox.arn });
  expect((await bus.send(names)).RuleNames).toEqual(["list-a"]);
  const { Targets } = await bus.send(new events.ListTargetsByRuleCommand({ Rule: "list-a" }));
  expect(Targets?.map(({ Id }) => Id)).toEqual(["1", "2"]);

  await bus.send(new events.DisableRuleCommand({ Name: "list-a" }));
  await put("a", { n: 1 });
  await bus.send(new events.EnableRuleCommand({ Name: "list-a" }));
  await put("a", { n: 2 });
  const bodies = (await inbox.receive(2)).map(({ Body }) => Body);
  expect(bodies).toHaveLength(2);
  expect(bodies).toEqual(expect.arrayContaining(["{}", expect.stringContaining('"n":2')]));

  const arn = "arn:aws:events:us-east-1:000000000000:rule/list-a";
  await bus.send(new events.TagResourceCommand({ ResourceARN: arn, Tags: [{ Key: "team", Value: "a" }] }));
  expect((await bus.send(new events.ListTagsForResourceCommand({ ResourceARN: arn }))).Tags).toEqual([
    { Key: "team", Value: "a" },
  ]);
  const remove = new events.DeleteRuleCommand({ Name: "list-a" });
  await expect(bus.send(remove)).rejects.toThrow("Rule can't be deleted since it has targets.");
  const gone = await bus.send(new events.RemoveTargetsCommand({ Rule: "list-a", Ids: ["1", "2", "3"] }));
  expect(gone).toMatchObject({ FailedEntryCount: 1, FailedEntries: [{ TargetId: "3" }] });
  await bus.send(remove);
  await expect(bus.send(new events.DescribeRuleCommand({ Name: "list-a" }))).rejects.toMatchObject({
    name: "ResourceNotFoundException",
    message: "Rule list-a does not exist on EventBusName default.",
  });
});

test.each([
  [new events.PutRuleCommand({ Name: "x", EventPattern: '{"a":"b"}' }), "InvalidEventPatternException"],
  [new events.PutRuleCommand({ Name: "x", EventPattern: "{}" }), "Empty event patterns"],
  [new events.PutRuleCommand({ Name: "x", ScheduleExpression: "rate(1 day)" }), "not supported by Tideway"],
  [
    new events.PutRuleCommand({ Name: "x", EventPattern: "{}", EventBusName: "mine" }),
    "Event bus mine does not exist",
  ],
  [
    new events.PutTargetsCommand({ Rule: "none", Targets: [{ Id: "a", Arn: `${ARN}q` }] }),
    "Rule none does not exist",
  ],
  [
    new events.PutTargetsCommand({
      Rule: "endpoints",
      Targets: [{ Id: "a", Arn: "arn:aws:lambda:us-east-1:1:f" }],
    }),
    "not supported by Tideway",
  ],
  [
    new events.PutTargetsCommand({
      Rule: "endpoints",
      Targets: [{ Id: "a", Arn: `${ARN}q`, InputPath: "detail" }],
    }),
    "Invalid JSON path",
  ],
  [
    new events.PutTargetsCommand({
      Rule: "endpoints",
      Targets: [{ Id: "a", Arn: `${ARN}q`, InputTransformer: { InputTemplate: '{"a": <b>}' } }],
    }),
    "Invalid variable names: b",
  ],
  [
    new events.CreateApiDestinationCommand({
      Name: "m",
      HttpMethod: "POST",
      InvocationEndpoint: "http://169.254.169.254/latest",
      ConnectionArn: "arn:aws:events:us-east-1:000000000000:connection/c/1",
    }),
    "link-local",
  ],
] as [never, string][])("%# is refused with %s", async (command, words) => {
  const error = (await bus.send(command).then(
    () => new Error("it was taken"),
    (error: unknown) => error,
  )) as Error;
  expect(`${error.name}: ${error.message}`).toContain(words);
});

test("entries that are wrong are told one by one; a pattern can be tried", async () => {
  const { FailedEntryCount, Entries } = await bus.send(
    new events.PutEventsCommand({
      Entries: [
        { Source: "a", DetailType: "b", Detail: "{}" },
        { Source: "a", DetailType: "b", Detail: "[1]" },
        { Source: "aws.sagemaker", DetailType: "b", Detail: "{}" },
        { Source: "a", Detail: "{}" },
      ],
    }),
  );
  expect(FailedEntryCount).toBe(3);
  expect(Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([
    undefined,
    "MalformedDetail",
    "NotAuthorizedForSource",
    "InvalidArgument",
  ]);
  const event = {
    id: "1",
    account: "0",
    source: "a",
    time: "t",
    region: "r",
    resources: [],
    "detail-type": "d",
  };
  const tried = (pattern: object) =>
    bus.send(
      new events.TestEventPatternCommand({
        EventPattern: JSON.stringify(pattern),
        Event: JSON.stringify(event),
      }),
    );
  expect((await tried({ $or: [{ source: ["b"] }, { region: [{ wildcard: "*r" }] }] })).Result).toBe(true);
  expect((await tried({ source: [{ "anything-but": "a" }] })).Result).toBe(false);
});
