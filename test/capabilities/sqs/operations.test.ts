import * as sdk from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FakeClock } from "../../support/fake-clock.ts";
import { ACCOUNT } from "../sts/serve-mounts.ts";
import { serveSqs } from "./serve-sqs.ts";

let served: Awaited<ReturnType<typeof serveSqs>>;
let sqs: sdk.SQSClient;
const clock = new FakeClock();

beforeAll(async () => {
  served = await serveSqs(clock);
  sqs = served.sqs;
});
afterAll(() => served[Symbol.asyncDispose]());

let made = 0;
async function queue(Attributes: Record<string, string> = {}) {
  const QueueName = `queue-${++made}${Attributes.FifoQueue ? ".fifo" : ""}`;
  return (await sqs.send(new sdk.CreateQueueCommand({ QueueName, Attributes }))).QueueUrl!;
}
const send = (QueueUrl: string, MessageBody: string, more: Partial<sdk.SendMessageCommandInput> = {}) =>
  sqs.send(new sdk.SendMessageCommand({ QueueUrl, MessageBody, ...more }));
const receive = async (QueueUrl: string, more: Partial<sdk.ReceiveMessageCommandInput> = {}) =>
  (await sqs.send(new sdk.ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...more }))).Messages ??
  [];
const bodies = (messages: sdk.Message[]) => messages.map(({ Body }) => Body);
const attributes = async (QueueUrl: string, ...AttributeNames: sdk.QueueAttributeName[]) =>
  (await sqs.send(new sdk.GetQueueAttributesCommand({ QueueUrl, AttributeNames }))).Attributes;
const remove = (QueueUrl: string, { ReceiptHandle }: sdk.Message) =>
  sqs.send(new sdk.DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
const arnOf = async (url: string) => (await attributes(url, "QueueArn"))!.QueueArn!;

test("a message is sent, received with its attributes, and gone once it is deleted", async () => {
  const url = await queue();
  // the SDK compares the digests of body and attributes, in both directions
  await send(url, "tide ü 🌊", {
    MessageAttributes: {
      kind: { DataType: "String", StringValue: "spring" },
      "trace.raw": { DataType: "Binary.gzip", BinaryValue: Buffer.from([0, 255, 7]) },
      height: { DataType: "Number", StringValue: "4.5" },
    },
    MessageSystemAttributes: { AWSTraceHeader: { DataType: "String", StringValue: "Root=1" } },
  });
  const [message] = await receive(url, {
    MessageAttributeNames: ["kind", "trace.*"],
    MessageSystemAttributeNames: ["All"],
  });
  expect(message!.Body).toBe("tide ü 🌊");
  expect(Object.keys(message!.MessageAttributes!).sort()).toEqual(["kind", "trace.raw"]);
  expect(message!.MessageAttributes!["trace.raw"]!.BinaryValue).toEqual(new Uint8Array([0, 255, 7]));
  expect(message!.Attributes).toMatchObject({
    SenderId: ACCOUNT,
    SentTimestamp: String(clock.now()),
    ApproximateReceiveCount: "1",
    AWSTraceHeader: "Root=1",
  });
  expect(await receive(url)).toEqual([]);
  await remove(url, message!);
  await clock.advance(31_000);
  expect(await receive(url)).toEqual([]);
});

test("a message that is not deleted comes back after its visibility timeout, which can be changed", async () => {
  const url = await queue({ VisibilityTimeout: "60" });
  await send(url, "again");
  const [first] = await receive(url);
  await clock.advance(59_999);
  expect(await receive(url)).toEqual([]);
  await clock.advance(1);
  const [second] = await receive(url, { MessageSystemAttributeNames: ["ApproximateReceiveCount"] });
  expect(second!.Attributes).toEqual({ ApproximateReceiveCount: "2" });
  const visibility = (message: sdk.Message, VisibilityTimeout: number) =>
    sqs.send(
      new sdk.ChangeMessageVisibilityCommand({
        QueueUrl: url,
        ReceiptHandle: message.ReceiptHandle,
        VisibilityTimeout,
      }),
    );
  await remove(url, first!); // no longer its newest receipt: nothing is deleted
  await expect(visibility(first!, 5)).rejects.toMatchObject({ name: "InvalidParameterValue" });
  await visibility(second!, 0);
  expect(await receive(url, { VisibilityTimeout: 1 })).toHaveLength(1);
  await clock.advance(1001);
  const [third] = await receive(url, { VisibilityTimeout: 1 });
  await clock.advance(1001);
  await expect(visibility(third!, 5)).rejects.toMatchObject({ name: "MessageNotInflight" });
});

test("counts, delays and retention", async () => {
  const url = await queue({ MessageRetentionPeriod: "100" });
  await send(url, "now");
  await send(url, "taken");
  await send(url, "later", { DelaySeconds: 10 });
  await receive(url, { MaxNumberOfMessages: 1 });
  expect(await attributes(url, "All")).toMatchObject({
    ApproximateNumberOfMessages: "1",
    ApproximateNumberOfMessagesNotVisible: "1",
    ApproximateNumberOfMessagesDelayed: "1",
    QueueArn: `arn:aws:sqs:us-east-1:${ACCOUNT}:${url.split("/").at(-1)}`,
    MessageRetentionPeriod: "100",
    VisibilityTimeout: "30",
  });
  expect(bodies(await receive(url))).toEqual(["taken"]);
  await clock.advance(10_000);
  expect(bodies(await receive(url, { VisibilityTimeout: 0 }))).toEqual(["later"]);
  await clock.advance(90_000);
  expect(await receive(url)).toEqual([]);
  expect((await attributes(url, "ApproximateNumberOfMessages"))!).toEqual({
    ApproximateNumberOfMessages: "0",
  });
});

test("a receiver that waits gets what is sent meanwhile, and nothing when its time is over", async () => {
  const url = await queue({ ReceiveMessageWaitTimeSeconds: "20" });
  const waiting = receive(url);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await send(url, "here it is");
  expect(bodies(await waiting)).toEqual(["here it is"]);

  const timersBefore = clock.pending;
  const empty = receive(url, { WaitTimeSeconds: 5 });
  while (clock.pending === timersBefore) await new Promise((resolve) => setTimeout(resolve, 5));
  await clock.advance(5000);
  expect(await empty).toEqual([]);
});

test("a receiver that waits gets a message whose delay ends, and leaves nothing behind when it goes away", async () => {
  const url = await queue();
  await send(url, "delayed", { DelaySeconds: 3 });
  let timersBefore = clock.pending;
  const waiting = receive(url, { WaitTimeSeconds: 20, VisibilityTimeout: 0 });
  while (clock.pending === timersBefore) await new Promise((resolve) => setTimeout(resolve, 5));
  await clock.advance(3000);
  expect(bodies(await waiting)).toEqual(["delayed"]);

  const other = await queue();
  timersBefore = clock.pending;
  const leaving = new AbortController();
  const left = sqs.send(new sdk.ReceiveMessageCommand({ QueueUrl: other, WaitTimeSeconds: 20 }), {
    abortSignal: leaving.signal,
  });
  while (clock.pending === timersBefore) await new Promise((resolve) => setTimeout(resolve, 5));
  leaving.abort();
  await expect(left).rejects.toThrow();
  while (clock.pending > timersBefore) await new Promise((resolve) => setTimeout(resolve, 5));
  await send(other, "for others");
  expect(bodies(await receive(other))).toEqual(["for others"]);
});

test("a queue that is deleted ends the wait of its receivers", async () => {
  const url = await queue();
  const timersBefore = clock.pending;
  const waiting = receive(url, { WaitTimeSeconds: 20 });
  const outcome = waiting.catch((error: Error) => error.name);
  while (clock.pending === timersBefore) await new Promise((resolve) => setTimeout(resolve, 5));
  await sqs.send(new sdk.DeleteQueueCommand({ QueueUrl: url }));
  expect(await outcome).toBe("QueueDoesNotExist");
});

test("what was received too often goes to the dead letter queue", async () => {
  const dead = await queue();
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: await arnOf(dead), maxReceiveCount: 2 });
  const url = await queue({ RedrivePolicy, VisibilityTimeout: "0" });
  await send(url, "poison");
  expect(await receive(url)).toHaveLength(1);
  expect(await receive(url)).toHaveLength(1);
  expect(await receive(url)).toEqual([]);
  const [message] = await receive(dead, { MessageSystemAttributeNames: ["All"] });
  expect(message).toMatchObject({
    Body: "poison",
    Attributes: { ApproximateReceiveCount: "3", DeadLetterQueueSourceArn: await arnOf(url) },
  });
  const sources = await sqs.send(new sdk.ListDeadLetterSourceQueuesCommand({ QueueUrl: dead }));
  expect(sources.queueUrls).toEqual([url]);
});

test("a FIFO queue keeps the order of each group, and knows what was sent before", async () => {
  const url = await queue({ FifoQueue: "true", ContentBasedDeduplication: "true" });
  const sendTo = (group: string, body: string, more = {}) =>
    send(url, body, { MessageGroupId: group, ...more });
  const one = await sendTo("a", "a1");
  expect(await sendTo("a", "a1")).toMatchObject({
    MessageId: one.MessageId,
    SequenceNumber: one.SequenceNumber,
  });
  await sendTo("a", "a2");
  await sendTo("b", "b1", { MessageDeduplicationId: "other" });
  const [a1] = await receive(url, { MaxNumberOfMessages: 1, MessageSystemAttributeNames: ["All"] });
  expect(a1).toMatchObject({
    Body: "a1",
    Attributes: { MessageGroupId: "a", SequenceNumber: one.SequenceNumber },
  });
  // a2 waits for a1
  expect(bodies(await receive(url))).toEqual(["b1"]);
  await remove(url, a1!);
  expect(bodies(await receive(url))).toEqual(["a2"]);
  await clock.advance(5 * 60_000);
  const again = await sendTo("a", "a1");
  expect(again.MessageId).not.toBe(one.MessageId);
  await expect(send(url, "no group")).rejects.toMatchObject({ name: "InvalidParameterValue" });
});

test("batches: each entry succeeds or fails by itself", async () => {
  const url = await queue();
  const sent = await sqs.send(
    new sdk.SendMessageBatchCommand({
      QueueUrl: url,
      Entries: [
        { Id: "a", MessageBody: "1" },
        { Id: "b", MessageBody: "\u0001" },
        { Id: "c", MessageBody: "3" },
      ],
    }),
  );
  expect(sent.Successful!.map(({ Id }) => Id)).toEqual(["a", "c"]);
  expect(sent.Failed).toMatchObject([{ Id: "b", Code: "InvalidMessageContents", SenderFault: true }]);
  const received = await receive(url);
  expect(bodies(received)).toEqual(["1", "3"]);
  const Entries = received.map(({ ReceiptHandle }, index) => ({ Id: `m${index}`, ReceiptHandle }));
  const changed = await sqs.send(
    new sdk.ChangeMessageVisibilityBatchCommand({
      QueueUrl: url,
      Entries: Entries.map((entry) => ({ ...entry, VisibilityTimeout: 5 })),
    }),
  );
  expect(changed.Successful).toHaveLength(2);
  const deleted = await sqs.send(
    new sdk.DeleteMessageBatchCommand({
      QueueUrl: url,
      Entries: [...Entries, { Id: "x", ReceiptHandle: "x" }],
    }),
  );
  expect(deleted.Failed).toMatchObject([{ Id: "x", Code: "ReceiptHandleIsInvalid" }]);
  expect(await attributes(url, "ApproximateNumberOfMessagesNotVisible")).toEqual({
    ApproximateNumberOfMessagesNotVisible: "0",
  });
  const twice = [1, 2].map(() => ({ Id: "same", MessageBody: "x" }));
  await expect(
    sqs.send(new sdk.SendMessageBatchCommand({ QueueUrl: url, Entries: twice })),
  ).rejects.toMatchObject({
    name: "BatchEntryIdsNotDistinct",
  });
});

test("a queue is made once; the same again is the same, another is refused", async () => {
  const url = await queue({ DelaySeconds: "5" });
  const QueueName = url.split("/").at(-1)!;
  const again = (Attributes: Record<string, string>) =>
    sqs.send(new sdk.CreateQueueCommand({ QueueName, Attributes }));
  expect((await again({ DelaySeconds: "5" })).QueueUrl).toBe(url);
  await expect(again({ DelaySeconds: "6" })).rejects.toMatchObject({ name: "QueueNameExists" });
  await sqs.send(new sdk.SetQueueAttributesCommand({ QueueUrl: url, Attributes: { DelaySeconds: "6" } }));
  expect((await again({ DelaySeconds: "6" })).QueueUrl).toBe(url);
  expect((await sqs.send(new sdk.GetQueueUrlCommand({ QueueName }))).QueueUrl).toBe(url);
});

test("queues are listed by prefix, in pages; tags", async () => {
  for (const name of ["list-a", "list-b", "list-c"])
    await sqs.send(new sdk.CreateQueueCommand({ QueueName: name, tags: { team: name } }));
  const names: string[] = [];
  for await (const page of sdk.paginateListQueues({ client: sqs, pageSize: 2 }, { QueueNamePrefix: "list-" }))
    names.push(...(page.QueueUrls ?? []).map((url) => url.split("/").at(-1)!));
  expect(names).toEqual(["list-a", "list-b", "list-c"]);
  const QueueUrl = `http://elsewhere/${ACCOUNT}/list-a`;
  await sqs.send(new sdk.TagQueueCommand({ QueueUrl, Tags: { stage: "test" } }));
  await sqs.send(new sdk.UntagQueueCommand({ QueueUrl, TagKeys: ["team"] }));
  expect((await sqs.send(new sdk.ListQueueTagsCommand({ QueueUrl }))).Tags).toEqual({ stage: "test" });
});

test("a message of a mebibyte is taken, one byte more is not", async () => {
  const url = await queue();
  const body = "\\".repeat(1 << 20);
  await send(url, body);
  const [message] = await receive(url);
  expect(message!.Body === body).toBe(true);
  await expect(send(url, `${body}x`)).rejects.toMatchObject({ name: "InvalidParameterValue" });
});

test("purge", async () => {
  const url = await queue();
  await send(url, "x");
  await sqs.send(new sdk.PurgeQueueCommand({ QueueUrl: url }));
  expect(await receive(url)).toEqual([]);
});

test.each([
  ["an attribute that is none", { Attributes: { Nope: "1" } }, "InvalidAttributeName"],
  ["a value out of range", { Attributes: { DelaySeconds: "901" } }, "InvalidAttributeValue"],
  ["a FIFO attribute", { Attributes: { ContentBasedDeduplication: "true" } }, "InvalidAttributeName"],
  ["FIFO without the attribute", { QueueName: "x.fifo" }, "InvalidParameterValue"],
  ["a bad name", { QueueName: "a b" }, "InvalidParameterValue"],
  [
    "a dead letter queue that is not there",
    {
      Attributes: {
        RedrivePolicy: `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:${ACCOUNT}:gone","maxReceiveCount":3}`,
      },
    },
    "InvalidParameterValue",
  ],
])("CreateQueue with %s is refused", async (_, more, name) => {
  const input = { QueueName: "refused", ...more } as sdk.CreateQueueCommandInput;
  await expect(sqs.send(new sdk.CreateQueueCommand(input))).rejects.toMatchObject({ name });
});

test.each([
  ["an empty body", { MessageBody: "" }, "MissingParameter"],
  ["a delay too long", { DelaySeconds: 901 }, "InvalidParameterValue"],
  [
    "an attribute without a value",
    { MessageAttributes: { a: { DataType: "String" } } },
    "InvalidParameterValue",
  ],
  [
    "a number that is none",
    { MessageAttributes: { a: { DataType: "Number", StringValue: "x" } } },
    "InvalidParameterValue",
  ],
  ["no such queue", { QueueUrl: `http://x/${ACCOUNT}/gone` }, "QueueDoesNotExist"],
  ["another account's queue", { QueueUrl: "http://x/111111111111/gone" }, "QueueDoesNotExist"],
])("SendMessage with %s is refused", async (_, more, name) => {
  const url = await queue();
  await expect(send(url, "x", more)).rejects.toMatchObject({ name });
});
