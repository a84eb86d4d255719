import { createVerify, X509Certificate } from "node:crypto";
import * as sdk from "@aws-sdk/client-sns";
import * as queues from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ACCOUNT } from "../sts/serve-mounts.ts";
import { type Received, serveSns, subscriber } from "./serve-sns.ts";

let served: Awaited<ReturnType<typeof serveSns>>;
let sns: sdk.SNSClient;
beforeAll(async () => {
  served = await serveSns();
  sns = served.sns;
});
afterAll(() => served[Symbol.asyncDispose]());

let made = 0;
async function topic(Attributes: Record<string, string> = {}) {
  return (await sns.send(new sdk.CreateTopicCommand({ Name: `topic-${++made}`, Attributes }))).TopicArn!;
}
async function queue() {
  const QueueName = `queue-${++made}`;
  const { QueueUrl } = await served.sqs.send(new queues.CreateQueueCommand({ QueueName }));
  return { url: QueueUrl!, arn: `arn:aws:sqs:us-east-1:${ACCOUNT}:${QueueName}` };
}
const subscribe = (
  TopicArn: string,
  Protocol: string,
  Endpoint: string,
  Attributes: Record<string, string> = {},
) =>
  sns.send(
    new sdk.SubscribeCommand({ TopicArn, Protocol, Endpoint, Attributes, ReturnSubscriptionArn: true }),
  );
const publish = (TopicArn: string, Message: string, more: Partial<sdk.PublishCommandInput> = {}) =>
  sns.send(new sdk.PublishCommand({ TopicArn, Message, ...more }));
async function receive({ url: QueueUrl }: { url: string }, WaitTimeSeconds = 10) {
  const { Messages = [] } = await served.sqs.send(
    new queues.ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds, MessageAttributeNames: ["All"] }),
  );
  for (const { ReceiptHandle } of Messages)
    await served.sqs.send(new queues.DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  return Messages[0];
}
const told = ({ body }: Received) => JSON.parse(body) as Record<string, string>;

/** As subscribers check it: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html */
async function isSigned(message: Record<string, string>): Promise<boolean> {
  const pem = await (await fetch(message.SigningCertURL!)).text();
  const names =
    message.Type === "Notification"
      ? ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
      : ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
  const verify = createVerify(message.SignatureVersion === "1" ? "RSA-SHA1" : "RSA-SHA256");
  for (const name of names) if (message[name] !== undefined) verify.update(`${name}\n${message[name]}\n`);
  return verify.verify(new X509Certificate(pem).publicKey, message.Signature!, "base64");
}

test("what is published reaches a queue, in SNS's JSON, signed", async () => {
  const [arn, target] = [await topic(), await queue()];
  const { SubscriptionArn } = await subscribe(arn, "sqs", target.arn);
  expect(SubscriptionArn).toMatch(`${arn}:`);
  const { MessageId } = await publish(arn, "high tide", {
    Subject: "Tide",
    MessageAttributes: { level: { DataType: "Number", StringValue: "4.5" } },
  });
  const message = JSON.parse((await receive(target))!.Body!) as Record<string, string>;
  expect(message).toMatchObject({
    Type: "Notification",
    MessageId,
    TopicArn: arn,
    Subject: "Tide",
    Message: "high tide",
    SignatureVersion: "1",
    MessageAttributes: { level: { Type: "Number", Value: "4.5" } },
  });
  expect(await isSigned(message)).toBe(true);
  expect(await isSigned({ ...message, Message: "low tide" })).toBe(false);
  await fetch(message.UnsubscribeURL!);
  const { Subscriptions } = await sns.send(new sdk.ListSubscriptionsByTopicCommand({ TopicArn: arn }));
  expect(Subscriptions).toEqual([]);
});

test("raw delivery to a queue: the message and its attributes alone", async () => {
  const [arn, target] = [await topic(), await queue()];
  await subscribe(arn, "sqs", target.arn, { RawMessageDelivery: "true" });
  await publish(arn, "raw ü", {
    MessageAttributes: {
      kind: { DataType: "String", StringValue: "spring" },
      bytes: { DataType: "Binary", BinaryValue: Buffer.from([0, 255]) },
    },
  });
  const message = await receive(target);
  expect(message!.Body).toBe("raw ü");
  expect(message!.MessageAttributes!.kind!.StringValue).toBe("spring");
  expect(message!.MessageAttributes!.bytes!.BinaryValue).toEqual(new Uint8Array([0, 255]));
});

test("each protocol gets its own text", async () => {
  const [arn, target] = [await topic(), await queue()];
  await subscribe(arn, "sqs", target.arn, { RawMessageDelivery: "true" });
  const json = { MessageStructure: "json" };
  await publish(arn, JSON.stringify({ default: "all", sqs: "queues" }), json);
  expect((await receive(target))!.Body).toBe("queues");
  await expect(publish(arn, JSON.stringify({ sqs: "queues" }), json)).rejects.toMatchObject({
    name: "InvalidParameterException",
  });
});

test("a filter policy on attributes, and on the body", async () => {
  const [arn, byAttribute, byBody] = [await topic(), await queue(), await queue()];
  await subscribe(arn, "sqs", byAttribute.arn, {
    RawMessageDelivery: "true",
    FilterPolicy: '{"kind":["spring"],"level":[{"numeric":[">",4]}],"tags":["b"]}',
  });
  await subscribe(arn, "sqs", byBody.arn, {
    RawMessageDelivery: "true",
    FilterPolicyScope: "MessageBody",
    FilterPolicy: '{"port":{"name":[{"prefix":"B"}]}}',
  });
  const attributes = (kind: string) => ({
    MessageAttributes: {
      kind: { DataType: "String", StringValue: kind },
      level: { DataType: "Number", StringValue: "4.5" },
      tags: { DataType: "String.Array", StringValue: '["a","b"]' },
    },
  });
  await publish(arn, "no JSON", attributes("neap"));
  await publish(arn, '{"port":{"name":"Brest"}}', attributes("neap"));
  await publish(arn, '{"port":{"name":"Dover"}}', attributes("spring"));
  expect((await receive(byAttribute))!.Body).toContain("Dover");
  expect((await receive(byBody))!.Body).toContain("Brest");
  expect(await receive(byAttribute, 0)).toBeUndefined();
  expect(await receive(byBody, 0)).toBeUndefined();
});

test("a web server confirms its subscription, and gets what is published from then on", async () => {
  await using hook = await subscriber();
  const arn = await topic({ SignatureVersion: "2" });
  const asked = await sns.send(
    new sdk.SubscribeCommand({ TopicArn: arn, Protocol: "http", Endpoint: hook.url }),
  );
  expect(asked.SubscriptionArn).toBe("pending confirmation");
  await hook.got(1);
  await publish(arn, "too early");
  const confirmation = told(hook.received[0]!);
  expect(hook.received[0]!.headers).toMatchObject({
    "x-amz-sns-message-type": "SubscriptionConfirmation",
    "x-amz-sns-topic-arn": arn,
    "content-type": "text/plain; charset=UTF-8",
  });
  expect(await isSigned(confirmation)).toBe(true);
  expect((await fetch(confirmation.SubscribeURL!.replace(/Token=./, "Token=x"))).status).toBe(400);
  expect((await fetch(confirmation.SubscribeURL!)).status).toBe(200);
  await publish(arn, "now");
  await hook.got(2);
  const message = told(hook.received[1]!);
  expect(message).toMatchObject({ Message: "now", SignatureVersion: "2" });
  expect(await isSigned(message)).toBe(true);
  expect(hook.received[1]!.headers).toMatchObject({
    "x-amz-sns-message-type": "Notification",
    "x-amz-sns-message-id": message.MessageId,
    "x-amz-sns-subscription-arn": expect.stringMatching(`^${arn}:`),
  });
});

test("confirmed by its token with keys; raw delivery over HTTP", async () => {
  await using hook = await subscriber();
  const arn = await topic();
  await subscribe(arn, "http", hook.url, { RawMessageDelivery: "true" });
  await hook.got(1);
  const { Token } = told(hook.received[0]!);
  await expect(
    sns.send(new sdk.ConfirmSubscriptionCommand({ TopicArn: arn, Token: "none" })),
  ).rejects.toMatchObject({ name: "InvalidParameterException" });
  const { SubscriptionArn } = await sns.send(new sdk.ConfirmSubscriptionCommand({ TopicArn: arn, Token }));
  await publish(arn, "alone");
  await hook.got(2);
  expect(hook.received[1]).toMatchObject({ body: "alone", headers: { "x-amz-sns-rawdelivery": "true" } });
  const { Attributes } = await sns.send(new sdk.GetSubscriptionAttributesCommand({ SubscriptionArn }));
  expect(Attributes).toMatchObject({
    PendingConfirmation: "false",
    RawMessageDelivery: "true",
    Endpoint: hook.url,
  });
});

test("topics: made once, attributes, tags, lists, deleted with their subscriptions", async () => {
  const arn = await topic({ DisplayName: "Tides" });
  const Name = arn.split(":").at(-1)!;
  expect((await sns.send(new sdk.CreateTopicCommand({ Name }))).TopicArn).toBe(arn);
  await expect(
    sns.send(new sdk.CreateTopicCommand({ Name, Attributes: { DisplayName: "Other" } })),
  ).rejects.toMatchObject({ name: "InvalidParameterException" });
  await sns.send(
    new sdk.SetTopicAttributesCommand({ TopicArn: arn, AttributeName: "DisplayName", AttributeValue: "T" }),
  );
  const target = await queue();
  const first = await subscribe(arn, "sqs", target.arn);
  expect(await subscribe(arn, "sqs", target.arn)).toMatchObject({ SubscriptionArn: first.SubscriptionArn });
  const { Attributes } = await sns.send(new sdk.GetTopicAttributesCommand({ TopicArn: arn }));
  expect(Attributes).toMatchObject({
    TopicArn: arn,
    Owner: ACCOUNT,
    DisplayName: "T",
    SubscriptionsConfirmed: "1",
  });
  await sns.send(new sdk.TagResourceCommand({ ResourceArn: arn, Tags: [{ Key: "a", Value: "1" }] }));
  await sns.send(new sdk.TagResourceCommand({ ResourceArn: arn, Tags: [{ Key: "b", Value: "2" }] }));
  await sns.send(new sdk.UntagResourceCommand({ ResourceArn: arn, TagKeys: ["a"] }));
  const { Tags } = await sns.send(new sdk.ListTagsForResourceCommand({ ResourceArn: arn }));
  expect(Tags).toEqual([{ Key: "b", Value: "2" }]);
  await sns.send(
    new sdk.SetSubscriptionAttributesCommand({
      SubscriptionArn: first.SubscriptionArn,
      AttributeName: "FilterPolicy",
      AttributeValue: '{"a":["b"]}',
    }),
  );
  const listed = await sns.send(new sdk.ListSubscriptionsCommand({}));
  expect(listed.Subscriptions).toContainEqual({
    SubscriptionArn: first.SubscriptionArn,
    Owner: ACCOUNT,
    Protocol: "sqs",
    Endpoint: target.arn,
    TopicArn: arn,
  });
  await sns.send(new sdk.DeleteTopicCommand({ TopicArn: arn }));
  await sns.send(new sdk.DeleteTopicCommand({ TopicArn: arn }));
  const after = await sns.send(new sdk.ListSubscriptionsCommand({}));
  expect(after.Subscriptions!.map(({ TopicArn }) => TopicArn)).not.toContain(arn);
  await expect(publish(arn, "x")).rejects.toMatchObject({ name: "NotFoundException" });
});

test("more than a hundred topics come in pages", async () => {
  for (let index = 0; index < 101; index++)
    await sns.send(new sdk.CreateTopicCommand({ Name: `page-${index}` }));
  const found: string[] = [];
  for await (const page of sdk.paginateListTopics({ client: sns }, {}))
    found.push(...page.Topics!.map(({ TopicArn }) => TopicArn!));
  expect(found.filter((arn) => arn.includes(":page-"))).toHaveLength(101);
  expect(new Set(found).size).toBe(found.length);
  await expect(sns.send(new sdk.ListTopicsCommand({ NextToken: "forged" }))).rejects.toMatchObject({
    name: "InvalidParameterException",
  });
});

test("a batch: each entry succeeds or fails by itself", async () => {
  const [arn, target] = [await topic(), await queue()];
  await subscribe(arn, "sqs", target.arn, { RawMessageDelivery: "true" });
  const result = await sns.send(
    new sdk.PublishBatchCommand({
      TopicArn: arn,
      PublishBatchRequestEntries: [
        { Id: "a", Message: "one" },
        { Id: "b", Message: "two", Subject: "line\nbreak" },
      ],
    }),
  );
  expect(result.Successful).toMatchObject([{ Id: "a" }]);
  expect(result.Failed).toMatchObject([{ Id: "b", Code: "InvalidParameter", SenderFault: true }]);
  expect((await receive(target))!.Body).toBe("one");
});

test("another part of the server publishes in process", async () => {
  const [arn, target] = [await topic(), await queue()];
  await subscribe(arn, "sqs", target.arn, { RawMessageDelivery: "true" });
  await served.topics.publish(arn, "from inside");
  expect((await receive(target))!.Body).toBe("from inside");
  await expect(served.topics.publish(`${arn}-gone`, "x")).rejects.toMatchObject({
    name: "NotFoundException",
  });
});

test.each([
  ["a protocol that is not built", "email", "me@example.com", {}],
  ["a URL of another protocol", "https", "http://localhost/", {}],
  ["what is no URL", "http", "http://", {}],
  ["a password in a URL", "http", "http://a:b@localhost/", {}],
  ["a metadata address", "http", "http://169.254.169.254/latest/meta-data", {}],
  ["a metadata address in other clothes", "http", "http://[::ffff:a9fe:a9fe]/", {}],
  ["a link-local address", "http", "http://[fe80::1]/", {}],
  ["a queue elsewhere", "sqs", "arn:aws:sqs:us-east-1:111111111111:q", {}],
  ["a FIFO queue", "sqs", `arn:aws:sqs:us-east-1:${ACCOUNT}:q.fifo`, {}],
  ["a filter policy that is none", "sqs", `arn:aws:sqs:us-east-1:${ACCOUNT}:q`, { FilterPolicy: "{" }],
  ["an attribute that is not built", "sqs", `arn:aws:sqs:us-east-1:${ACCOUNT}:q`, { ReplayPolicy: "{}" }],
  ["an unknown attribute without a value", "sqs", `arn:aws:sqs:us-east-1:${ACCOUNT}:q`, { Nope: "" }],
  ["a bad delivery policy", "http", "http://localhost/", { DeliveryPolicy: "{}" }],
])("Subscribe with %s is refused", async (_, protocol, endpoint, attributes) => {
  await expect(subscribe(await topic(), protocol, endpoint, attributes)).rejects.toMatchObject({
    name: "InvalidParameterException",
  });
});

test.each([
  ["no message", { Message: "" }],
  ["a message too long", { Message: "x".repeat(262_145) }],
  ["a phone number", { PhoneNumber: "+123456789", TopicArn: undefined }],
  ["no topic", { TopicArn: undefined }],
  ["a FIFO member", { MessageGroupId: "a" }],
  ["an attribute of no type", { MessageAttributes: { a: { DataType: "Text", StringValue: "x" } } }],
])("Publish with %s is refused", async (_, more) => {
  await expect(publish(await topic(), "x", more as object)).rejects.toMatchObject({
    name: "InvalidParameterException",
  });
});

test.each([
  ["a FIFO topic", { Name: "x.fifo", Attributes: { FifoTopic: "true" } }],
  ["a bad name", { Name: "a b" }],
  ["an attribute that is not built", { Name: "refused", Attributes: { TracingConfig: "Active" } }],
])("CreateTopic with %s is refused", async (_, input) => {
  await expect(sns.send(new sdk.CreateTopicCommand(input))).rejects.toMatchObject({
    name: "InvalidParameterException",
  });
});
