/** SDKs from before 2023 speak AWS Query to SQS; today's can be told to. */
import { AwsQueryProtocol } from "@aws-sdk/core/protocols";
import * as sdk from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { QueueQuery } from "../../../src/capabilities/sqs/queue-url.ts";
import { bodyOf, type HttpRequest } from "../../../src/wire/http.ts";
import { Service, type ServiceSettings } from "../../../src/wire/service.ts";
import { ACCOUNT } from "../sts/serve-mounts.ts";
import { serveSqs } from "./serve-sqs.ts";

let served: Awaited<ReturnType<typeof serveSqs>>;
let sqs: sdk.SQSClient;
beforeAll(async () => {
  served = await serveSqs();
  sqs = new sdk.SQSClient({
    ...served.server.client,
    protocol: AwsQueryProtocol as never,
    protocolSettings: {
      defaultNamespace: "com.amazonaws.sqs",
      xmlNamespace: "http://queue.amazonaws.com/doc/2012-11-05/",
      version: "2012-11-05",
      serviceTarget: "AmazonSQS",
    },
  });
});
afterAll(() => served[Symbol.asyncDispose]());

test("a message's life in AWS Query", async () => {
  const made = await sqs.send(
    new sdk.CreateQueueCommand({
      QueueName: "old",
      Attributes: { VisibilityTimeout: "7" },
      tags: { a: "b" },
    }),
  );
  const QueueUrl = made.QueueUrl!;
  expect(QueueUrl).toBe(`${served.server.client.endpoint}/${ACCOUNT}/old`);
  const read = await sqs.send(
    new sdk.GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["VisibilityTimeout", "QueueArn"] }),
  );
  expect(read.Attributes).toMatchObject({ VisibilityTimeout: "7" });
  expect((await sqs.send(new sdk.ListQueueTagsCommand({ QueueUrl }))).Tags).toEqual({ a: "b" });
  await sqs.send(
    new sdk.SendMessageCommand({
      QueueUrl,
      MessageBody: "old but <fine> & ü",
      MessageAttributes: {
        kind: { DataType: "String", StringValue: "spring" },
        raw: { DataType: "Binary", BinaryValue: Buffer.from([0, 255]) },
      },
    }),
  );
  const Entries = ["a", "b"].map((Id) => ({ Id, MessageBody: Id }));
  const sent = await sqs.send(new sdk.SendMessageBatchCommand({ QueueUrl, Entries }));
  expect(sent.Successful!.map(({ Id }) => Id)).toEqual(["a", "b"]);
  const { Messages = [] } = await sqs.send(
    new sdk.ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      AttributeNames: ["All"],
      MessageAttributeNames: ["All"],
    }),
  );
  expect(Messages.map(({ Body }) => Body)).toEqual(["old but <fine> & ü", "a", "b"]);
  expect(Messages[0]).toMatchObject({
    Attributes: { ApproximateReceiveCount: "1" },
    MessageAttributes: { kind: { StringValue: "spring" }, raw: { BinaryValue: new Uint8Array([0, 255]) } },
  });
  const { ReceiptHandle } = Messages[0]!;
  await sqs.send(new sdk.ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 60 }));
  await sqs.send(new sdk.DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  expect((await sqs.send(new sdk.ListQueuesCommand({}))).QueueUrls).toEqual([QueueUrl]);
  const gone = sqs.send(new sdk.GetQueueUrlCommand({ QueueName: "gone" }));
  await expect(gone).rejects.toMatchObject({ name: "QueueDoesNotExist", $metadata: { httpStatusCode: 400 } });
});

test("a request to a queue's URL need not name the queue again", async () => {
  const service = new Service(sdk, "sqs", new sdk.SQSClient({ region: "x" }).config as ServiceSettings);
  const request: HttpRequest = {
    method: "POST",
    path: `/${ACCOUNT}/old`,
    rawQuery: "",
    query: new URLSearchParams(),
    headers: {},
    body: bodyOf(new Uint8Array()),
    form: new URLSearchParams("Action=SendMessage&MessageBody=x&Version=2012-11-05"),
  };
  const query = new QueueQuery();
  const operation = query.match(request, service);
  if (typeof operation !== "object") throw new Error("no operation");
  expect(await query.read(operation, request)).toEqual({ MessageBody: "x", QueueUrl: `/${ACCOUNT}/old` });
});
