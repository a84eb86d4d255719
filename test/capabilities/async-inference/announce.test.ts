import * as sns from "@aws-sdk/client-sns";
import * as sqs from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AsyncEndpoint } from "../../support/async-endpoint.ts";
import { TidewayServer } from "../../support/tideway-server.ts";

let tideway: TidewayServer;
let endpoint: AsyncEndpoint;
let topics: sns.SNSClient;
let queues: sqs.SQSClient;
let QueueUrl: string;
let TopicArn: string;

beforeAll(async () => {
  tideway = await TidewayServer.start();
  const { url, region, accessKeyId, secretAccessKey } = tideway.server;
  const settings = { endpoint: url, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
  topics = new sns.SNSClient(settings);
  queues = new sqs.SQSClient(settings);
  TopicArn = (await topics.send(new sns.CreateTopicCommand({ Name: "results" }))).TopicArn!;
  QueueUrl = (await queues.send(new sqs.CreateQueueCommand({ QueueName: "results" }))).QueueUrl!;
  const { Attributes } = await queues.send(
    new sqs.GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }),
  );
  const Endpoint = Attributes!["QueueArn"]!;
  await topics.send(new sns.SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint }));
  endpoint = await AsyncEndpoint.deploy(
    tideway,
    {},
    {
      NotificationConfig: {
        SuccessTopic: TopicArn,
        ErrorTopic: TopicArn,
        IncludeInferenceResponseIn: ["SUCCESS_NOTIFICATION_TOPIC"],
      },
    },
  );
}, 30_000);
afterAll(async () => {
  topics.destroy();
  queues.destroy();
  await tideway[Symbol.asyncDispose]();
});

/** The next notification, as a reader of the queue finds it. */
async function notice(): Promise<Record<string, unknown>> {
  for (;;) {
    const { Messages } = await queues.send(
      new sqs.ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5, MaxNumberOfMessages: 1 }),
    );
    for (const { Body, ReceiptHandle } of Messages ?? []) {
      await queues.send(new sqs.DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      const { Message } = JSON.parse(Body!) as { Message: string };
      return JSON.parse(Message) as Record<string, unknown>;
    }
  }
}

test("a result is announced on its topic once it can be read, and so is a failure", async () => {
  const answer = await endpoint.invoke("1,2");
  expect(await notice()).toMatchObject({
    invocationStatus: "Completed",
    inferenceId: answer.InferenceId,
    requestParameters: {
      endpointName: "later",
      inputLocation: "s3://jobs/in/input",
      contentType: "text/csv",
    },
    responseParameters: { outputLocation: answer.OutputLocation, contentType: "text/csv" },
    responseBody: { content: "1,2", encoding: "UTF-8" },
  });
  expect((await endpoint.read(answer.OutputLocation, false))!.text).toBe("1,2");

  const failed = await endpoint.invoke("status 500 it hurts");
  const told = await notice();
  expect(told).toMatchObject({
    invocationStatus: "Failed",
    inferenceId: failed.InferenceId,
    failureReason:
      "ClientError: Received server error (500) from model. See the SageMaker Endpoint logs in your account for more information.",
  });
  expect(told).not.toHaveProperty("responseBody");
  expect((await endpoint.read(failed.FailureLocation, true))!.text).toBe("it hurts");
});

test("a response above 128 KB is announced without itself", async () => {
  await endpoint.invoke(`large ${128 * 1024}`);
  expect(await notice()).toHaveProperty("responseBody.content.length", 128 * 1024);
  await endpoint.invoke(`large ${128 * 1024 + 1}`);
  expect(await notice()).not.toHaveProperty("responseBody");
});

test("a topic that is gone costs nobody a result", async () => {
  await topics.send(new sns.DeleteTopicCommand({ TopicArn }));
  expect((await endpoint.fetched(await endpoint.invoke("still"))).text).toBe("still");
});
