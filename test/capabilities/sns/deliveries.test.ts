/** Subscribers that are dead, slow, lying or elsewhere. Time is the test's: retries and deadlines come when it says so. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as sdk from "@aws-sdk/client-sns";
import * as queues from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FakeClock } from "../../support/fake-clock.ts";
import { ACCOUNT } from "../sts/serve-mounts.ts";
import { serveSns, subscriber } from "./serve-sns.ts";

type Served = Awaited<ReturnType<typeof serveSns>>;

const clock = new FakeClock();
let served: Served;
beforeAll(async () => {
  served = await serveSns(clock);
});
afterAll(() => served[Symbol.asyncDispose]());

let made = 0;
async function queue() {
  const QueueName = `queue-${++made}`;
  const { QueueUrl } = await served.sqs.send(new queues.CreateQueueCommand({ QueueName }));
  return { url: QueueUrl!, arn: `arn:aws:sqs:us-east-1:${ACCOUNT}:${QueueName}` };
}
async function receive({ url: QueueUrl }: { url: string }) {
  const input = { QueueUrl, MessageAttributeNames: ["All"] };
  return (await served.sqs.send(new queues.ReceiveMessageCommand(input))).Messages?.[0];
}
const topic = async ({ sns }: Served) =>
  (await sns.send(new sdk.CreateTopicCommand({ Name: `topic-${++made}` }))).TopicArn!;
const publish = ({ sns }: Served, TopicArn: string, Message: string) =>
  sns.send(new sdk.PublishCommand({ TopicArn, Message }));

/** Subscribes a web server, and confirms in its place. */
async function subscribed(
  { sns }: Served,
  TopicArn: string,
  hook: Awaited<ReturnType<typeof subscriber>>,
  Attributes: Record<string, string> = {},
): Promise<void> {
  const before = hook.received.length;
  await sns.send(new sdk.SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: hook.url, Attributes }));
  await hook.got(before + 1);
  const { Token } = JSON.parse(hook.received[before]!.body) as { Token: string };
  await sns.send(new sdk.ConfirmSubscriptionCommand({ TopicArn, Token }));
}
async function until(holds: () => unknown): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
const redrive = ({ arn }: { arn: string }) => ({
  RawMessageDelivery: "true",
  RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn }),
});

/** Lets the test's time go by, a little at a time, until it holds. */
async function pass(holds: () => unknown): Promise<void> {
  await until(async () => {
    await clock.advance(500);
    return holds();
  });
}

test("a subscriber that fails is asked again, and one that comes back gets the message once", async () => {
  const asked: number[] = [];
  await using hook = await subscriber((reply, _, count) => {
    asked.push(clock.now());
    reply.statusCode = count === 2 ? 503 : count === 3 ? 429 : 200;
    reply.end();
  });
  const arn = await topic(served);
  await subscribed(served, arn, hook, { RawMessageDelivery: "true" });
  await publish(served, arn, "again");
  await pass(() => hook.received.length === 4);
  expect(hook.received.slice(1).map(({ body }) => body)).toEqual(["again", "again", "again"]);
  expect(asked[2]! - asked[1]!).toBeGreaterThanOrEqual(20_000);
  expect(asked[3]! - asked[2]!).toBeGreaterThanOrEqual(20_000);
  for (let count = 0; count < 50; count++) await clock.advance(1000);
  expect(hook.received).toHaveLength(4);
});

test("a subscriber that is gone: after three retries the message goes to the dead letter queue", async () => {
  const [arn, dead] = [await topic(served), await queue()];
  await using hook = await subscriber();
  await subscribed(served, arn, hook, redrive(dead));
  await hook.close();
  const begun = clock.now();
  await publish(served, arn, "nobody there");
  let message: queues.Message | undefined;
  await pass(async () => (message = await receive(dead)));
  expect(clock.now() - begun).toBeGreaterThanOrEqual(60_000);
  expect(message).toMatchObject({
    Body: "nobody there",
    MessageAttributes: { ErrorCode: { StringValue: "ConnectionError" }, RequestID: { DataType: "String" } },
  });
});

test("a redirect is not followed, and 4xx is not tried again", async () => {
  await using elsewhere = await subscriber();
  for (const status of [302, 307, 404]) {
    await using hook = await subscriber((reply, _, count) => {
      if (count > 1) reply.writeHead(status, { location: elsewhere.url });
      reply.end();
    });
    const [arn, dead] = [await topic(served), await queue()];
    await subscribed(served, arn, hook, redrive(dead));
    await publish(served, arn, "over there");
    let message: queues.Message | undefined;
    await until(async () => (message = await receive(dead)));
    expect(message!.MessageAttributes!.ErrorCode!.StringValue).toBe(String(status));
    expect(hook.received).toHaveLength(2);
  }
  expect(elsewhere.received).toEqual([]);
});

test("a subscriber that never answers is left after 15 s, and holds up nobody else", async () => {
  await using slow = await subscriber((reply, _, count) => {
    if (count === 1) reply.end();
  });
  await using quick = await subscriber();
  const arn = await topic(served);
  await subscribed(served, arn, slow, { RawMessageDelivery: "true" });
  await subscribed(served, arn, quick, { RawMessageDelivery: "true" });
  for (let index = 0; index < 10; index++) await publish(served, arn, `${index}`);
  await quick.got(11);
  // four at a time
  await slow.got(5);
  expect(slow.received).toHaveLength(5);
  await clock.advance(15_000);
  await slow.got(9);
  await clock.advance(15_000);
  await slow.got(11);
});

test("a subscriber that answers without end is cut, and counts as served", async () => {
  let cut = false;
  await using hook = await subscriber((reply, _, count) => {
    const more = () => {
      while (!reply.destroyed && reply.write(Buffer.alloc(65_536)));
      reply.once("drain", more);
    };
    reply.once("close", () => (cut = count > 1));
    if (count === 1) reply.end();
    else more();
  });
  const arn = await topic(served);
  await subscribed(served, arn, hook);
  await publish(served, arn, "chatty");
  await until(() => cut);
  for (let count = 0; count < 50; count++) await clock.advance(1000);
  expect(hook.received).toHaveLength(2);
});

test("a queue that is gone: the dead letter queue, or a line in the log", async () => {
  const [arn, gone, dead] = [await topic(served), await queue(), await queue()];
  const sqs = { TopicArn: arn, Protocol: "sqs", Endpoint: gone.arn };
  const asked = await served.sns.send(new sdk.SubscribeCommand({ ...sqs, Attributes: redrive(dead) }));
  await served.sqs.send(new queues.DeleteQueueCommand({ QueueUrl: gone.url }));
  await publish(served, arn, "to nowhere");
  let message: queues.Message | undefined;
  await until(async () => (message = await receive(dead)));
  expect(message!.Body).toBe("to nowhere");
  await served.sns.send(
    new sdk.SetSubscriptionAttributesCommand({
      SubscriptionArn: asked.SubscriptionArn,
      AttributeName: "RedrivePolicy",
      AttributeValue: "",
    }),
  );
  served.warnings.length = 0;
  await publish(served, arn, "to nowhere");
  await until(() => served.warnings.length);
  expect(served.warnings).toEqual(["A notification could not be delivered, and is dropped."]);
});

test("what was not delivered when the server stopped is delivered by the next, and signed with the same key", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tideway-sns-restart-"));
  try {
    await using hook = await subscriber();
    const port = Number(new URL(hook.url).port);
    {
      await using first = await serveSns(undefined, folder);
      const arn = await topic(first);
      await subscribed(first, arn, hook, {
        DeliveryPolicy: '{"healthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":1,"numRetries":100}}',
      });
      await hook.close();
      await publish(first, arn, "kept");
    }
    await using next = await subscriber(undefined, port);
    await using second = await serveSns(undefined, folder);
    await next.got(1);
    const [before, after] = [hook, next].map(
      ({ received }) => JSON.parse(received[0]!.body) as Record<string, string>,
    );
    expect(after).toMatchObject({ Type: "Notification", Message: "kept" });
    const file = (url: string) => new URL(url).pathname;
    expect(file(after!.SigningCertURL!)).toBe(file(before!.SigningCertURL!));
    expect((await fetch(second.url + file(after!.SigningCertURL!))).status).toBe(200);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
